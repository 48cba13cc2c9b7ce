"""Writes an analysis into a folder: a page of HTML, the data as JSON, and every picture as PNG."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.analysis import Analysis
from explain.drawing import boxes, overlays, palette
from explain.drawing.curves import curve_picture
from explain.drawing.maps import pictures
from explain.drawing.regions import numbered_regions
from explain.drawing.robustness import robustness_picture
from explain.maps.registry import METHODS
from explain.report.as_json import to_dict
from explain.report.origin import Origin
from explain.report.page import GENERATOR, report_html
from model.artifact.card import Card
from model.i18n.catalogue import Said, language

PAGE, DATA = "report.html", "report.json"
PICTURES = (
    *("photo", "face", "regions", "what_if", "flip", "robustness", "robustness_narrow"),
    *(*METHODS, *(f"{name}_curves" for name in METHODS)),
)
OURS = (PAGE, DATA, *(f"{name}.png" for name in PICTURES))
HEAD = 1000  # characters of a page in which its generator is named
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP can tell: the same report makes the same ZIP
READABLE = 0o644 << 16  # Unix rights, where a ZIP keeps them


class ReportError(ValueError):
    """A report cannot be written there; the message says why and what to do."""


def write_report(analysis: Analysis, card: Card, folder: Path, shown: int = 8, origin: Origin | None = None) -> Path:
    """Write ``report.html``, ``report.json`` and every picture as PNG; an earlier report in the folder is replaced.

    Args:
        analysis: complete, or as far as it came.
        card: of the model that was asked.
        folder: made if missing; other files in it stay as they are.
        shown: how many superpixels are drawn and listed.
        origin: named in the report.

    Returns:
        The path of ``report.html``.

    Raises:
        ReportError: see ``check_folder``.
    """
    check_folder(folder)
    files = report_files(analysis, card, shown, origin or Origin())
    folder.mkdir(parents=True, exist_ok=True)
    for name in OURS:  # a map of an earlier report must not look like one of this report
        (folder / name).unlink(missing_ok=True)
    # The page comes first: by it the folder is known as ours, should the rest never be written.
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / PAGE


def report_files(analysis: Analysis, card: Card, shown: int, origin: Origin) -> dict[str, bytes]:
    """Every file of a report by its name, the page first; the same arguments give the same bytes."""
    drawn = {name: palette.png(picture) for name, picture in report_pictures(analysis, shown).items()}
    data = json.dumps(record(analysis, origin), indent=2, ensure_ascii=False) + "\n"
    page = report_html(analysis, card, drawn, shown, origin)
    return {PAGE: page.encode(), DATA: data.encode(), **{f"{name}.png": content for name, content in drawn.items()}}


def check_folder(folder: Path) -> None:
    """Make sure that a report may be written into a folder, which need not exist.

    Raises:
        ReportError: if the path or a part of it is a file, or a file that no report wrote would be replaced.
    """
    place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not place.is_dir():
        raise ReportError(Said("report.is_file", path=str(place)))
    page = folder / PAGE
    if page.is_file() and GENERATOR in page.read_text(encoding="utf-8", errors="replace")[:HEAD]:
        return
    if taken := [name for name in OURS if (folder / name).exists()]:
        raise ReportError(Said("report.taken", folder=str(folder), file=taken[0]))


def record(analysis: Analysis, origin: Origin) -> dict[str, Any]:
    """The analysis as plain data, where it comes from, and the language of its sentences."""
    return {**asdict(origin), "language": language(), **to_dict(analysis)}


def report_pictures(analysis: Analysis, shown: int) -> dict[str, NDArray[np.uint8]]:
    """Every picture of a report, ``(H, W, 3) uint8`` RGB, by one of the names in ``PICTURES``."""
    boxed = boxes.boxes(analysis.photo.pixels, analysis.faces, analysis.chosen, analysis.predictions)
    drawn = {"photo": boxed}
    if analysis.chosen is None:
        return drawn
    drawn["face"] = palette.enlarge(analysis.chosen.crop)
    drawn |= pictures(analysis, shown)
    drawn |= {f"{name}_curves": curve_picture(trust) for name, trust in analysis.trusts.items()}
    if (subject := analysis.subject) is not None:
        drawn["regions"] = numbered_regions(subject.crop, subject.segments)
        for name, what_if in (("what_if", analysis.what_if), ("flip", analysis.flip)):
            if what_if is not None:
                drawn[name] = overlays.hidden_regions(what_if, subject.segments)
    if analysis.robustness is not None:
        drawn["robustness"] = robustness_picture(analysis.robustness)
        drawn["robustness_narrow"] = robustness_picture(analysis.robustness, narrow=True)
    return drawn


def archive(analysis: Analysis, card: Card, shown: int = 8, origin: Origin | None = None) -> bytes:
    """The files that ``write_report`` would write, byte for byte, as a ZIP; the same arguments give the same bytes.

    Args:
        analysis: complete, or as far as it came.
        card: of the model that was asked.
        shown: how many superpixels are drawn and listed.
        origin: named in the report.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in report_files(analysis, card, shown, origin or Origin()).items():
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.create_system, entry.external_attr = 3, READABLE  # on every system as on Unix
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            packed.writestr(entry, content)
    return buffer.getvalue()
