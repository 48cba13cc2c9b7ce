"""The reason for a verdict: the few regions that a map names first, and the verdict without them."""

from __future__ import annotations

from explain.maps.attribution import Attribution, reasons
from explain.maps.subject import Subject
from explain.probes.what_if import WhatIf, without

LITTLE = 0.1  # change of P(Fake) below which no small set of regions decides


def reason_of(subject: Subject, attribution: Attribution) -> WhatIf | None:
    """The prediction without the regions that speak most for the target, by the network itself.

    Args:
        subject: the face, its regions and the class.
        attribution: a complete map with weights of the same regions and class.

    Returns:
        The prediction without the regions of ``reasons``; None if no region speaks clearly for
        the target.
    """
    regions = reasons(attribution)
    return without(subject, regions) if regions else None
