"""Connects the place for a visitor's own model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from explain.html import fragments
from explain.page.components.handlers import AT_ONCE, BRING_OPTIONS
from explain.page.components.parts import Parts
from explain.page.components.refusals import refusals_shown
from explain.page.components.updates import Updates, visible
from explain.page.detectors.bring import RUN_SUFFIX, Page, bring
from explain.service.refusal import Refused
from model.i18n.catalogue import use_language


def wire_own(page: Page, parts: Parts, choices: Callable[[str, str], Updates]) -> list[Callable[..., Any]]:
    """Let a visitor bring a model, if the server takes models.

    Args:
        page: the page.
        parts: its components.
        choices: the models that a visitor can choose from, and the chosen one of them.

    Returns:
        Triggers of handlers that follow a model that was brought; none if the server takes no models.
    """
    if not page.own.allowed:
        return []
    outputs = [parts[name] for name in ("own_status", "own_file", "own_cancel", "model", "second", "status")]
    given = [parts[name] for name in ("own_file", "own_fake", "own_sees")]

    def take(values: dict[Any, Any], request: gr.Request) -> Iterator[dict[Any, Any]]:
        file, fake, sees = (values[part] for part in given)
        language, visitor = values[parts["language"]], str(request.session_hash)
        if file is not None and not Path(file).resolve().is_relative_to(Path(parts["own_file"].GRADIO_CACHE).resolve()):
            file = None  # a caller may send any path; only uploads may be read, and deleted
        with refusals_shown(language):
            try:
                for updates in bring(page, visitor, language, file, str(fake or ""), str(sees or "")):
                    if "model" in updates:
                        with use_language(language):
                            updates |= choices(visitor, updates["model"])
                    yield parts.changes(updates)
            except Refused as error:
                refusal = {"own_status": fragments.notice(str(error), "error"), "own_file": None}
                yield parts.changes({**refusal, "own_cancel": visible(False)})
                raise gr.Error(str(error), visible=False, print_exception=False) from error  # nothing follows

    def stop(request: gr.Request) -> None:
        page.runs.stop(str(request.session_hash) + RUN_SUFFIX)

    parts["own_cancel"].click(stop, **AT_ONCE)
    begun = parts["own_button"].click(take, parts.readable() | set(given), outputs, **BRING_OPTIONS)
    return [begun.success]
