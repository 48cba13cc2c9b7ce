"""What a photo's file says about its origin, as a list."""

from __future__ import annotations

from markupsafe import Markup

from explain.html.rendering import macros
from explain.provenance.finding import Provenance
from model.i18n.catalogue import translate


def provenance_html(provenance: Provenance | None) -> Markup:
    """Each finding with its strength in words; empty for a picture that did not come in a file."""
    if provenance is None or not provenance.findings:
        return Markup()
    findings = [(finding.strength.replace(" ", "_"), finding.message) for finding in provenance.findings]
    rows = [(kind, translate(f"provenance.strength.{kind}"), str(message)) for kind, message in findings]
    return macros("provenance").provenance(rows)
