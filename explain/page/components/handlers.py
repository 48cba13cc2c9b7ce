"""Handlers and options of handlers that several tabs of the page share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from explain.page.components.event import chosen_in
from explain.page.components.parts import Parts
from explain.page.components.refusals import refusals_shown
from explain.page.components.updates import Controls, Updates
from explain.service.service import MAX_OPEN_BATCHES, MAX_OPEN_RUNS, Service

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
AT_ONCE: dict[str, Any] = {"queue": False, **PRIVATE}  # for handlers that take milliseconds
RUN_OPTIONS: dict[str, Any] = {"concurrency_limit": MAX_OPEN_RUNS, "concurrency_id": "model", **PRIVATE}
BRING_OPTIONS: dict[str, Any] = {"concurrency_limit": 8, "concurrency_id": "own", **PRIVATE}  # one imports
# One visitor's thousand photos must not block the others; each photo also waits in the analysis queue.
BATCH_OPTIONS: dict[str, Any] = {"concurrency_limit": MAX_OPEN_BATCHES, "concurrency_id": "many", **PRIVATE}
FETCH: dict[str, Any] = {"fn": None, "js": "() => window.fetchReady()", **PRIVATE}  # the file that was made
Handler = Callable[..., Iterator[dict[Any, Any]]]


def visitor_of(service: Service, request: gr.Request) -> str:
    """The name of the visitor who begins a run; the service notes the address."""
    visitor = str(request.session_hash)
    if request.client is not None:
        service.came_from(visitor, request.client.host)
    return visitor


def opening(
    parts: Parts,
    choose: Callable[[Controls, int], Iterator[Updates]],
    show: Callable[[Controls, str], Iterator[Updates]],
) -> Handler:
    """The handler of a click on a row or a moment: it opens the photo there, and explains it.

    Args:
        parts: the page's components.
        choose: gives the updates for a choice; ``photo`` among them if there is a photo to explain.
        show: explains the photo for a visitor.
    """

    def open_one(values: dict[Any, Any], request: gr.Request, event: gr.EventData) -> Iterator[dict[Any, Any]]:
        controls = parts.controls(values)
        with refusals_shown(controls["language"]):
            for updates in choose(controls, chosen_in(event)):
                yield parts.changes(updates)
                if "photo" in updates:
                    yield from map(parts.changes, show({**controls, **updates}, str(request.session_hash)))

    return open_one


def offer_file(
    parts: Parts,
    trigger: Callable[..., Any],
    make: Callable[[Controls], Iterator[Updates]],
    changed: tuple[str, ...],
) -> None:
    """Make a file, which the browser then fetches.

    Args:
        parts: the page's components.
        trigger: the event that asks for it, such as a button's ``click``.
        make: makes the file and gives it as ``ready``.
        changed: names of the other components that it changes.
    """

    def handler(values: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
        controls = parts.controls(values)
        with refusals_shown(controls["language"]):
            yield from map(parts.changes, make(controls))

    made = trigger(handler, parts.readable(), [parts[name] for name in ("ready", *changed)], **PRIVATE)
    made.success(**FETCH)
