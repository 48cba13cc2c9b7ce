"""Names of regions in the reader's language, and what a region counts for."""

from __future__ import annotations

from explain.maps.attribution import Attribution
from model.i18n.catalogue import say


def shown_name(name: str) -> str:
    """What people read for a region's name, one of ``explain.regions.facial.NAMES``, in the language spoken now."""
    return say(f"{region_key(name)}.name")


def region_key(name: str) -> str:
    """Where the catalogue holds the texts of a region, one of ``explain.regions.facial.NAMES``."""
    return f"region.{name.replace(' ', '_')}"


def region_label(found: Attribution, region: int) -> str:
    """A region's name where the face gives it one, and its number, which is its own."""
    numbered = say("page.numbered", number=region)
    return numbered if found.names is None else f"{shown_name(found.names[region])} ({numbered})"


def region_line(found: Attribution, region: int) -> str:
    """What one region of a map counts for."""
    assert found.weights is not None
    told = {
        "name": region_label(found, region),
        "target": say(f"class.{found.target}"),
        "weight": float(found.weights[region]),
    }
    if found.intervals is None:
        return say("page.region_line_bare", **told)
    low, high = map(float, found.intervals[region])
    return say("page.region_line", **told, low=low, high=high)
