"""What EXIF says: camera, program, dates, and whether it holds a place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from PIL import ExifTags

from explain.provenance.container import Container
from explain.provenance.finding import NEUTRAL, Finding, quoted
from explain.provenance.generators import generators_among
from explain.provenance.xmp import GPS
from model.i18n.catalogue import Message

BASE = ExifTags.Base


def camera_and_program(container: Container) -> Iterator[Finding]:
    """The camera that EXIF names, and the program that EXIF or a text names."""
    make, model = (quoted(container.exif.get(tag), 60) for tag in (BASE.Make, BASE.Model))
    # Many makers repeat their name in the model's.
    camera = model if model.casefold().startswith(make.casefold()) else f"{make} {model}".strip()
    if camera:
        yield Finding("camera", NEUTRAL, Message("provenance.camera", camera=camera))
    if program := quoted(container.exif.get(BASE.Software) or container.texts.get("Software"), 60):
        yield Finding("program", NEUTRAL, Message("provenance.program", program=program))
        yield from generators_among([program])


def dates(container: Container) -> Iterator[Finding]:
    """When EXIF says that the picture was taken and last changed."""
    exif = container.exif.get_ifd(ExifTags.IFD.Exif)
    taken, changed = _date(exif.get(BASE.DateTimeOriginal)), _date(container.exif.get(BASE.DateTime))
    if taken and changed and taken != changed:
        yield Finding("dates", NEUTRAL, Message("provenance.dates.both", taken=taken, changed=changed))
    elif taken:
        yield Finding("dates", NEUTRAL, Message("provenance.dates.taken", taken=taken))
    elif changed:
        yield Finding("dates", NEUTRAL, Message("provenance.dates.changed", changed=changed))


def _date(value: object) -> str:
    """A date with the usual hyphens; EXIF has colons in it as well as in the time."""
    return re.sub(r"^(\d{4}):(\d\d):", r"\1-\2-", quoted(value, 30))


def location(container: Container) -> Iterator[Finding]:
    """That the file holds the place where the picture was taken; the place itself is never read."""
    tags = container.exif.get_ifd(ExifTags.IFD.GPSInfo)  # may also hold only a version and the satellites' time
    if ExifTags.GPS.GPSLatitude in tags or ExifTags.GPS.GPSDestLatitude in tags or GPS in container.xmp:
        yield Finding("location", NEUTRAL, Message("provenance.location"))
