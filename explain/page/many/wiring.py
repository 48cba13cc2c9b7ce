"""Connects the components of the tab for many photos with their handlers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from explain.page.components.handlers import AT_ONCE, BATCH_OPTIONS, Handler, offer_file, opening, visitor_of
from explain.page.components.parts import Parts
from explain.page.many import judge
from explain.page.run import Page

SHOWN = ("notice", "cancel", "csv", "filter", "table", "progress", "status")


def wire_many(page: Page, parts: Parts, show: dict[str, Any]) -> None:
    """Dropped photos fill the table; a click on a row explains its photo.

    Args:
        page: the page.
        parts: its components.
        show: arguments of the event that begins a run over one photo.
    """
    targets = [*(parts[f"many_{name}"] for name in SHOWN), parts["status"]]

    def judging(source: str) -> Handler:
        def take(values: dict[Any, Any], request: gr.Request) -> Iterator[dict[Any, Any]]:
            controls, visitor = parts.controls(values), visitor_of(page.service, request)
            run = (page.service, page.runs, visitor, page.language_of, page.detector, source == "many_folder")
            yield from map(parts.changes, judge.judge(controls, values[parts[source]] or [], *run))

        return take

    def stop(request: gr.Request) -> None:
        page.runs.stop(str(request.session_hash) + judge.RUN_SUFFIX)

    run_it: dict[str, Any] = {"outputs": targets, "trigger_mode": "multiple", **BATCH_OPTIONS}
    parts["many_files"].change(judging("many_files"), parts.readable() | {parts["many_files"]}, **run_it)
    parts["many_folder"].upload(judging("many_folder"), parts.readable() | {parts["many_folder"]}, **run_it)
    parts["many_cancel"].click(stop, **AT_ONCE)
    parts["many_table"].select(**{**show, "fn": opening(parts, judge.open_photo_of, page.show)})
    offer_file(parts, parts["many_csv"].click, judge.download, ("status",))
