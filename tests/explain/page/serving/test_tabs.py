"""Tests that visitors without an open tab are forgotten, and those with one are kept."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from gradio.state_holder import StateHolder
from starlette.types import Receive, Scope, Send

from explain.page.components.extended import SteppedBlocks
from explain.page.serving.launch import server_options
from explain.page.serving.tabs import IDLE, OpenTabs
from explain.service.service import Service
from model.available import Models, available_models


async def until_closed(scope: Scope, receive: Receive, send: Send) -> None:
    """A stand-in for Gradio: the connection of a tab stays open until the tab is closed."""
    if "heartbeat" in scope["path"]:
        await scope["closed"].wait()


@pytest.mark.slow
def test_server_records_which_tabs_are_open(shipped_page: SteppedBlocks) -> None:
    options = server_options(shipped_page, Service(Models(available_models(None))), mcp=False, metrics=False, users=())
    assert OpenTabs in [middleware.cls for middleware in options["middleware"]]


@pytest.mark.slow
def test_visitors_without_a_tab_are_forgotten(shipped_page: SteppedBlocks) -> None:
    StateHolder().set_blocks(shipped_page)
    holder: Any = shipped_page.state_holder
    tabs = OpenTabs(until_closed, shipped_page)
    messages = shipped_page._queue.pending_messages_per_session

    async def kept() -> list[str]:
        """The visitors who are kept after the next request."""
        await tabs({"type": "http", "path": "/health"}, None, None)  # type: ignore[arg-type]
        return list(holder.session_data)

    async def visit() -> None:
        closed = asyncio.Event()
        scope = {"type": "http", "path": "/gradio_api/heartbeat/ann", "closed": closed}
        open_tab = asyncio.create_task(tabs(scope, None, None))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        for visitor in ("ann", "bob", "cem"):
            assert holder[visitor]
            messages[visitor] = None  # type: ignore[assignment]
        for visitor in ("ann", "bob"):
            holder.time_last_used[visitor] -= IDLE + timedelta(seconds=1)
        assert await kept() == ["ann", "cem"] == list(messages)
        closed.set()
        await open_tab
        assert await kept() == ["cem"] == list(messages)

    asyncio.run(visit())
