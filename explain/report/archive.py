"""A report as one ZIP file: the page, every number as JSON, and every picture at full size."""

from __future__ import annotations

import io
import zipfile

from explain.analysis import Analysis
from explain.report.files import report_files
from explain.report.origin import Origin
from model.artifact.card import Card

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP can tell: the same report makes the same ZIP
READABLE = 0o644 << 16  # Unix rights, where a ZIP keeps them


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
