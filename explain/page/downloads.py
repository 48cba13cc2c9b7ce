"""The page's downloads: a report to keep, made when it is asked for and kept nowhere."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from explain.analysis import Analysis
from explain.page.components.updates import Asked, Updates, notice
from explain.page.view import smoothed
from explain.report.files import PAGE, archive, report_files
from explain.report.origin import Origin
from model.artifact.card import Card
from model.errors import PhotoError
from model.i18n.catalogue import in_language, say
from model.photos.photo import open_photo

STEM = "whyfake-report"


def download(asked: Asked, card: Card, kind: str) -> Iterator[Updates]:
    """Make a file and hand it over; once it is handed over, our copy of it is gone.

    Args:
        asked: what the page's controls hold.
        card: of the model that was asked.
        kind: ``html`` or ``zip``.
    """
    yield from in_language(asked["language"], _download(asked, card, kind))


def _download(asked: Asked, card: Card, kind: str) -> Iterator[Updates]:
    try:
        analysis = _with_photo(asked)
    except PhotoError as error:
        yield {"notice": notice(str(error), "error"), "ready": None}  # the file made before must not come again
        return
    shown = int(asked["shown"])
    origin = Origin(_name(asked["photo"]), "", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{STEM}.{kind}"
        if kind == "zip":
            path.write_bytes(archive(analysis, card, shown, origin))
        else:
            path.write_bytes(report_files(analysis, card, shown, origin)[PAGE])
        yield {"ready": str(path)}


def _with_photo(asked: Asked) -> Analysis:
    """What is shown, with the whole photo, of which the page keeps a small copy alone."""
    seen = asked["seen"]
    if seen is None or asked["photo"] is None:
        raise PhotoError(say("page.nothing_to_report"))
    photo = open_photo(asked["photo"])
    if photo.sha256 != seen.analysis.photo.sha256:
        raise PhotoError(say("page.another_photo"))
    smooth = bool(asked["smooth"])
    analysis = smoothed(seen, smooth).analysis
    return replace(analysis, photo=photo, settings=replace(analysis.settings, smooth_attention=smooth))


def _name(photo: str | bytes) -> str:
    return Path(photo).name if isinstance(photo, str) else "photo"
