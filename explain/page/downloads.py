"""The page's downloads: a report, made on request and not kept on the server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from explain.html import fragments
from explain.page.components.updates import Change, Controls, Updates, notice, sent_as
from explain.page.detectors.second import second_of
from explain.page.run import Page
from explain.page.view import smoothed
from explain.report.files import PAGE, archive, report_files
from explain.report.origin import Origin
from explain.result import Analysis
from model.errors import PhotoError, UserError
from model.i18n.catalogue import Message, in_language, translate, use_language
from model.photos.photo import open_photo

STEM = "whyfake-report"
KINDS = ("html", "zip")


def report(page: Page, kind: str, controls: Controls, visitor: str) -> Iterator[Updates]:
    """Measure robustness if it is missing, then make a file; there is none if the visitor stops the measurement.

    Args:
        page: the page.
        kind: ``html`` or ``zip``.
        controls: values of its controls; what they say of robustness stays as it is.
        visitor: name of the visitor.
    """
    page.update_controls(visitor, controls)
    yield {"ready": None, **{f"report_{name}": Change(interactive=False) for name in KINDS}}
    wanted, shown = {**controls, "for_report": True}, {name: controls[name] for name in ("seen", "second_seen")}
    if shown["seen"] is not None and not shown["seen"].holds(page.settings(wanted, visitor)):
        for changes in page.add(wanted, visitor):
            shown |= {name: changes[name] for name in shown if name in changes}
            yield changes
    seen = shown["seen"]
    if seen is not None and not seen.holds(page.settings(wanted, visitor)):
        return
    now = {**page.current(controls, visitor), **shown}
    with use_language(now["language"]):
        writing = {"status": fragments.progress_bar(translate("doing.report"), None)}
    yield writing
    yield from download(now, page, kind)
    if not page.runs.waiting(visitor):
        with use_language(now["language"]):
            ended = {"status": "" if seen is None else fragments.progress(seen.analysis, seen.waited)}
        yield ended


def download(controls: Controls, page: Page, kind: str) -> Iterator[Updates]:
    """Make a file and send it; the server's copy is deleted afterwards.

    Args:
        controls: values of the page's controls.
        page: the page; another model may be selected by now than the one of the analysis.
        kind: ``html`` or ``zip``.
    """
    yield from in_language(controls["language"], _download(controls, page, kind))


def _download(controls: Controls, page: Page, kind: str) -> Iterator[Updates]:
    try:
        analysis = _with_photo(controls)
        card, second = page.card(controls["seen"]), second_of(page.card, controls)
    except UserError as error:
        yield {"notice": notice(str(error), "error"), "ready": None}  # an earlier file must not be sent again
        return
    make = archive if kind == "zip" else _page
    origin = Origin.now(_name(controls["photo"]))
    content = page.service.in_turn(analysis, make, analysis, card, int(controls["shown"]), origin, second)
    yield from sent_as(f"{STEM}.{kind}", content)


def _page(*given: Any) -> bytes:
    """The page of ``report_files``, which takes the same arguments."""
    return report_files(*given)[PAGE]


def _with_photo(controls: Controls) -> Analysis:
    """The shown analysis with the full photo; the page keeps only a small copy."""
    seen = controls["seen"]
    if seen is None or controls["photo"] is None:
        raise PhotoError(Message("page.nothing_to_report"))
    photo = open_photo(controls["photo"])
    if photo.sha256 != seen.analysis.photo.sha256:
        raise PhotoError(Message("page.another_photo"))
    smooth = bool(controls["smooth"])
    analysis = smoothed(seen, smooth).analysis
    return replace(analysis, photo=photo, settings=replace(analysis.settings, smooth_attention=smooth))


def _name(photo: str | bytes) -> str:
    return Path(photo).name if isinstance(photo, str) else "photo"
