"""What a photo's file says about its origin, in sentences."""

from __future__ import annotations

from explain.provenance.finding import Provenance
from model.i18n.catalogue import translate


def statement(provenance: Provenance | None) -> list[str]:
    """One sentence for the top if the file says of itself that AI generated the picture or a part of it; else none."""
    return [translate("provenance.stated")] if provenance is not None and provenance.states_generated else []


def provenance_in_words(provenance: Provenance | None) -> list[str]:
    """All findings as lines of text, under a title; nothing for a picture that did not come in a file."""
    if provenance is None or not provenance.findings:
        return []
    return [translate("provenance.title"), *(f"  {finding.message}" for finding in provenance.findings)]
