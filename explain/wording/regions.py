"""Names of regions in the user's language, and their weights as text."""

from __future__ import annotations

from explain.maps.attribution import Attribution
from explain.maps.subject import Subject
from explain.regions.facial import named_parts
from model.i18n.catalogue import translate


def shown_name(name: str) -> str:
    """The displayed name of a region, as ``explain.regions.facial.region_names`` names it, in the current language."""
    return _in_words(name, "name")


def name_after_patches(name: str) -> str:
    """The name in the form that it has beside a number of patches, such as "3 patches of the nose"."""
    return _in_words(name, "part")


def _in_words(name: str, form: str) -> str:
    parts = [translate(f"region.{part.replace(' ', '_')}.{form}") for part in named_parts(name)]
    return parts[0] if len(parts) == 1 else translate("region.both", first=parts[0], second=parts[1])


def fewer_regions(subject: Subject) -> str:
    """One sentence where fewer regions came out than requested; else empty."""
    if subject.requested is None or subject.count >= subject.requested:
        return ""
    return translate("region.fewer", count=subject.count, requested=subject.requested)


def region_label(found: Attribution, region: int) -> str:
    """A region's name, if known, and its number."""
    numbered = translate("page.numbered", number=region)
    return numbered if found.names is None else f"{shown_name(found.names[region])} ({numbered})"


def region_line(found: Attribution, region: int) -> str:
    """A region's name, weight and interval on one line."""
    assert found.weights is not None
    values = {
        "name": region_label(found, region),
        "target": translate(f"class.{found.target}"),
        "weight": float(found.weights[region]),
    }
    if found.intervals is None:
        return translate("page.region_line_bare", **values)
    low, high = map(float, found.intervals[region])
    return translate("page.region_line", **values, low=low, high=high)
