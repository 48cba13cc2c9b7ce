"""Everything that a photo's file says about its origin, in a fixed order."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

from explain.provenance.container import Container, open_container
from explain.provenance.credentials import content_credentials
from explain.provenance.exif import camera_and_program, dates, location
from explain.provenance.finding import NEUTRAL, Finding, Provenance
from explain.provenance.generators import generator_texts, typical_size
from explain.provenance.jpeg import last_quality
from explain.provenance.recompression import recompression
from explain.provenance.thumbnail import thumbnail
from explain.provenance.xmp import xmp_notes
from model.i18n.catalogue import Message
from model.photos.decode import HOSTILE_FILE_ERRORS

# What is read, in the order in which it is said.
READERS: dict[str, Callable[[Container], Iterator[Finding]]] = {
    "content_credentials": content_credentials,
    "generator_text": generator_texts,
    "xmp": xmp_notes,
    "camera": camera_and_program,
    "dates": dates,
    "thumbnail": thumbnail,
    "location": location,
    "jpeg_quality": last_quality,
    "recompression": recompression,
    "pixel_size": typical_size,
}
# Findings that follow from pixels and tables; all others were written into the file.
ABOUT_THE_FILE = {"jpeg_quality", "recompression", "pixel_size"}


def findings(data: bytes) -> Provenance:
    """Read what a file says about its origin; it never fails, and nothing is fetched.

    Args:
        data: the bytes of a file that ``model.photos.photo.open_photo`` could read.

    Returns:
        The findings in the order of ``READERS``. A part that is damaged gives a neutral finding that says so. If
        nothing was written into the file, the last one says that; if it can't be opened, there is none. Texts of the
        file in them are short.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of damaged EXIF, and of more pixels than a poster has
        return Provenance(tuple(_read(data)))


def _read(data: bytes) -> list[Finding]:
    """The findings of all readers, with that of damage in place of an error."""
    found: list[Finding] = []
    try:
        container = open_container(data)
    except HOSTILE_FILE_ERRORS:
        return found
    for kind, read in READERS.items():
        try:
            found.extend(read(container))  # keeps what came before an error
        except HOSTILE_FILE_ERRORS:
            found.append(Finding(kind, NEUTRAL, Message(f"provenance.damaged.{kind}")))
    if all(finding.kind in ABOUT_THE_FILE for finding in found):
        found.append(Finding("nothing", NEUTRAL, Message("provenance.nothing")))
    return found
