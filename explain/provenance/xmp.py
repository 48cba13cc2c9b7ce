"""What XMP says: the IPTC's digital source type, programs, a credit line, Content Credentials that lie elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from explain.provenance.container import Container
from explain.provenance.finding import HINT, NEUTRAL, Finding, quoted
from explain.provenance.generators import generators_among, programs_in
from explain.provenance.source_type import source_finding
from model.i18n.catalogue import Message

SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
REMOTE = "{http://purl.org/dc/terms/}provenance"
PROGRAMS = (
    "{http://ns.adobe.com/xap/1.0/}CreatorTool",
    "{http://ns.adobe.com/xap/1.0/sType/ResourceEvent#}softwareAgent",
)
CREDIT = "{http://ns.adobe.com/photoshop/1.0/}Credit"
GPS = "{http://ns.adobe.com/exif/1.0/}GPSLatitude"


def xmp_notes(container: Container) -> Iterator[Finding]:
    """What the XMP packet says about the picture's origin."""
    found = container.xmp
    if container.xmp_damaged:
        yield Finding("xmp", NEUTRAL, Message("provenance.damaged.xmp"))
    for value in found.get(SOURCE_TYPE, [])[:1]:
        yield source_finding("digital_source_type", "iptc", value)
    if programs := programs_in(value for name in PROGRAMS for value in found.get(name, [])):
        yield Finding("xmp_program", NEUTRAL, Message("provenance.xmp_program", programs=", ".join(programs)))
        yield from generators_among(programs)
    for credit in filter(None, map(quoted, found.get(CREDIT, [])[:1])):
        strength = HINT if re.search(r"\bAI\b", credit) else NEUTRAL
        yield Finding("credit", strength, Message("provenance.credit", credit=credit))


def remote_credentials(container: Container) -> str:
    """The address of Content Credentials that lie elsewhere, as one short line; empty without one."""
    return next(iter(map(quoted, container.xmp.get(REMOTE, []))), "")
