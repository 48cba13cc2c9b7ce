"""Connects the components of the tab for a clip with their handlers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from explain.page.clip import judge
from explain.page.components.handlers import AT_ONCE, BATCH_OPTIONS, offer_file, opening, visitor_of
from explain.page.components.parts import Parts
from explain.page.run import Page

SHOWN = ("notice", "cancel", "report", "result", "moments", "seen", "status")


def wire_clip(page: Page, parts: Parts, show: dict[str, Any]) -> None:
    """A dropped clip fills the tab; a click on a moment explains it.

    Args:
        page: the page.
        parts: its components.
        show: arguments of the event that begins a run over one photo.
    """
    targets = [*(parts[f"clip_{name}"] for name in SHOWN), parts["status"]]

    def take(values: dict[Any, Any], request: gr.Request) -> Iterator[dict[Any, Any]]:
        controls, visitor = parts.controls(values), visitor_of(page.service, request)
        run = (page.service, page.runs, visitor, page.language_of, page.detector)
        yield from map(parts.changes, judge.judge(controls, values[parts["clip_file"]], *run))

    def stop(request: gr.Request) -> None:
        page.runs.stop(str(request.session_hash) + judge.RUN_SUFFIX)

    run_it: dict[str, Any] = {"outputs": targets, "trigger_mode": "multiple", **BATCH_OPTIONS}
    parts["clip_file"].change(take, parts.readable() | {parts["clip_file"]}, **run_it)
    parts["clip_cancel"].click(stop, **AT_ONCE)
    for name in ("clip_result", "clip_moments"):
        parts[name].select(**{**show, "fn": opening(parts, judge.open_moment, page.show)})
    offer_file(parts, parts["clip_report"].click, judge.download, ("status",))
