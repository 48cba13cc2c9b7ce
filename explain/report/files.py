"""Writes an analysis into a folder: a page of HTML, the data as JSON, and every picture as PNG."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.comparison import Second
from explain.drawing import boxes, overlays, palette
from explain.drawing.maps import pictures
from explain.drawing.regions import numbered_regions
from explain.maps.registry import MAIN_MAP, METHODS
from explain.report.as_json import to_dict
from explain.report.origin import Origin
from explain.report.page import GENERATOR, report_html
from explain.result import Analysis
from explain.settings import SHOWN
from model.artifact.card import Card
from model.errors import UserError
from model.files import fitting, replacing
from model.i18n.catalogue import Message, language

PAGE, DATA = "report.html", "report.json"
PICTURES = ("photo", "face", "regions", "what_if", "flip", "second", *METHODS)
REPORT_FILES = (PAGE, DATA, *(f"{name}.png" for name in PICTURES))
HEAD = 1000  # first characters of a page, which name its generator
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest time of a ZIP entry; fixed, so that equal reports give equal ZIPs
READABLE = 0o644 << 16  # Unix permissions in a ZIP entry


class ReportError(UserError):
    """A report cannot be written there; the message says why and what to do."""


def write_report(
    analysis: Analysis,
    card: Card,
    folder: Path,
    shown: int = SHOWN,
    origin: Origin | None = None,
    second: Second | None = None,
) -> Path:
    """Write ``report.html``, ``report.json`` and every picture as PNG; an earlier report in the folder is replaced.

    Args:
        analysis: complete or not.
        card: of the analysis's model.
        folder: created if missing; other files in it stay as they are.
        shown: number of superpixels that are drawn and listed.
        origin: shown in the report.
        second: what a second model says, to show beside it.

    Returns:
        The path of ``report.html``.

    Raises:
        ReportError: see ``check_folder``.
    """
    check_folder(folder)
    write_files(folder, report_files(analysis, card, shown, origin or Origin(), second))
    return folder / PAGE


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write a report's files, the page first, into a folder that ``check_folder`` has checked."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as written:  # on a full disk an earlier report stays whole
        # The page is replaced first: it marks the folder as one of WhyFake.
        for name, content in reversed(files.items()):
            written.enter_context(replacing(folder / name)).write_bytes(content)
    for name in REPORT_FILES:  # no files of an earlier report may remain
        if name not in files:
            (folder / name).unlink(missing_ok=True)


def report_files(
    analysis: Analysis, card: Card, shown: int, origin: Origin, second: Second | None = None
) -> dict[str, bytes]:
    """Every file of a report by its name, the page first; the same arguments give the same bytes."""
    drawn = {name: palette.png(picture) for name, picture in report_pictures(analysis, shown, second).items()}
    data = json.dumps(record(analysis, origin, second), indent=2, ensure_ascii=False) + "\n"
    page = report_html(analysis, card, drawn, shown, origin, second)
    return {PAGE: page.encode(), DATA: data.encode(), **{f"{name}.png": content for name, content in drawn.items()}}


def check_folder(folder: Path) -> None:
    """Check that a report may be written into a folder, which may not exist yet.

    Raises:
        ReportError: if the path or a part of it is a file, or if a file of another program would be replaced.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise ReportError(Message("report.is_file", path=str(existing)))
    page = folder / PAGE
    if page.is_file() and GENERATOR in page.read_text(encoding="utf-8", errors="replace")[:HEAD]:
        return
    if taken := [name for name in REPORT_FILES if (folder / name).exists()]:
        raise ReportError(Message("report.taken", folder=str(folder), file=taken[0]))


def folders_for(photos: Sequence[Path], out: Path | None) -> list[Path | None]:
    """The folder of each photo's report: ``out`` itself for one photo, else a folder in it, named like the photo."""
    if out is None or len(photos) == 1:
        return [out] * len(photos)
    names: list[str] = []
    for photo in photos:
        stem = photo.stem.strip(".") or "photo"  # a name of only dots would lead out of the folder
        candidates = (fitting(stem, "" if number == 1 else f"-{number}") for number in count(1))
        # Some file systems ignore case.
        names.append(next(name for name in candidates if name.casefold() not in map(str.casefold, names)))
    return [out / name for name in names]


def record(analysis: Analysis, origin: Origin, second: Second | None = None) -> dict[str, Any]:
    """The analysis as plain data, with its origin and the language of its sentences."""
    return {**asdict(origin), "language": language(), **to_dict(analysis, second)}


def report_pictures(analysis: Analysis, shown: int, second: Second | None = None) -> dict[str, NDArray[np.uint8]]:
    """Every picture of a report, ``(H, W, 3) uint8`` RGB, by a name of ``PICTURES``."""
    boxed = boxes.boxes(analysis.photo.pixels, analysis.faces, analysis.chosen, analysis.predictions)
    drawn = {"photo": boxed}
    if second is not None:
        others = pictures(second.analysis, shown, {MAIN_MAP})
        drawn |= {"second": others[MAIN_MAP]} if others else {}
    if analysis.chosen is None:
        return drawn
    drawn["face"] = palette.enlarge(analysis.chosen.crop)
    drawn |= pictures(analysis, shown)
    if (subject := analysis.subject) is not None:
        drawn["regions"] = numbered_regions(subject.crop, subject.segments)
        for name, what_if in (("what_if", analysis.what_if), ("flip", analysis.flip)):
            if what_if is not None:
                drawn[name] = overlays.hidden_regions(what_if, subject.segments)
    return drawn


def archive(
    analysis: Analysis, card: Card, shown: int = SHOWN, origin: Origin | None = None, second: Second | None = None
) -> bytes:
    """The files that ``write_report`` would write, byte for byte, as a ZIP; the same arguments give the same bytes.

    Args:
        analysis: complete or not.
        card: of the analysis's model.
        shown: number of superpixels that are drawn and listed.
        origin: shown in the report.
        second: what a second model says, to show beside it.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in report_files(analysis, card, shown, origin or Origin(), second).items():
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.create_system, entry.external_attr = 3, READABLE  # 3: Unix, on every system
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            packed.writestr(entry, content)
    return buffer.getvalue()
