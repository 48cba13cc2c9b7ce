"""The page's downloads: a report, made on request and not kept on the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from explain.page.components.updates import Controls, Updates, notice, sent_as
from explain.page.detectors.second import second_of
from explain.page.view import View, smoothed
from explain.report.files import PAGE, archive, report_files
from explain.report.origin import Origin
from explain.result import Analysis
from model.artifact.card import Card
from model.errors import PhotoError, UserError
from model.i18n.catalogue import Message, in_language
from model.photos.photo import open_photo

STEM = "whyfake-report"


def download(controls: Controls, card_of: Callable[[View], Card], kind: str) -> Iterator[Updates]:
    """Make a file and send it; the server's copy is deleted afterwards.

    Args:
        controls: values of the page's controls.
        card_of: returns the card of the model behind a view; another one may be selected by now.
        kind: ``html`` or ``zip``.
    """
    yield from in_language(controls["language"], _download(controls, card_of, kind))


def _download(controls: Controls, card_of: Callable[[View], Card], kind: str) -> Iterator[Updates]:
    try:
        analysis = _with_photo(controls)
        card, second = card_of(controls["seen"]), second_of(card_of, controls)
    except UserError as error:
        yield {"notice": notice(str(error), "error"), "ready": None}  # an earlier file must not be sent again
        return
    shown = int(controls["shown"])
    origin = Origin.now(_name(controls["photo"]))
    if kind == "zip":
        content = archive(analysis, card, shown, origin, second)
    else:
        content = report_files(analysis, card, shown, origin, second)[PAGE]
    yield from sent_as(f"{STEM}.{kind}", content)


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
