"""The IPTC's digital source types: how a picture came to be, in one word of a controlled vocabulary.

See https://cv.iptc.org/newscodes/digitalsourcetype/. XMP and Content Credentials both use it.
"""

from __future__ import annotations

from collections.abc import Sequence

from explain.provenance.finding import NEUTRAL, STATES, Finding, quoted
from model.i18n.catalogue import Message

GENERATED = ("trainedAlgorithmicMedia",)
PARTLY = ("compositeWithTrainedAlgorithmicMedia", "compositeSynthetic")
CAPTURED = ("digitalCapture", "computationalCapture", "negativeFilm", "positiveFilm", "print")


def source_finding(kind: str, where: str, source_type: str) -> Finding:
    """What a source type says about AI.

    Args:
        kind: of the finding.
        where: the file says it, ``iptc`` for XMP or ``credentials``; names the sentence.
        source_type: its address or the last part of that.
    """
    name = _name_of(source_type)
    groups = {"generated": GENERATED, "partly": PARTLY, "captured": CAPTURED}
    group = next((group for group, names in groups.items() if name in names), "other")
    strength = STATES if group in ("generated", "partly") else NEUTRAL
    return Finding(kind, strength, Message(f"provenance.{where}.{group}", type=quoted(name, 60)))


def strongest(source_types: Sequence[str]) -> str | None:
    """The one that says most about AI: what was done to a generated picture afterwards matters less."""
    for names in (GENERATED, PARTLY):
        for source_type in source_types:
            if _name_of(source_type) in names:
                return source_type
    return source_types[0] if source_types else None


def part_of(source_type: str) -> str:
    """The source type of a picture that has a picture of this source type in it."""
    return PARTLY[0] if _name_of(source_type) in (*GENERATED, *PARTLY) else source_type


def _name_of(source_type: str) -> str:
    """The last part of an address, which may end with a slash, or the name itself."""
    return source_type.strip().rstrip("/").rpartition("/")[2]
