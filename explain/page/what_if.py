"""The page's what-if: hide regions by a click, by name, by LIME's order, or as the smallest flipping set."""

from __future__ import annotations

from explain.drawing import overlays
from explain.html import fragments
from explain.maps.registry import MAIN_MAP
from explain.page.components.updates import Change, Controls, Updates, visible
from explain.page.view import View
from explain.probes.what_if import WhatIf, smallest_flip, without, without_top
from explain.wording.what_if import what_if_sentence
from model.errors import UserError
from model.i18n.catalogue import translate


def again(controls: Controls) -> Updates:
    """The current what-if in a new language."""
    seen, hidden = controls["seen"], list(controls["hidden"])
    if seen is None or seen.analysis.subject is None:
        return {"what_if_text": fragments.what_if_help()}
    return _hide(controls, seen, hidden)


def nothing_hidden() -> Updates:
    """The controls of the what-if before anything is hidden."""
    return {
        "what_if_text": fragments.what_if_help(),
        "hidden": [],
        "regions": Change(choices=[], value=[]),
        "top": 0,
        "show_all": visible(False),
    }


def same_regions(seen: View, controls: Controls) -> bool:
    """Whether the controls cut the face into the regions that are shown."""
    settings = seen.analysis.settings
    return (settings.superpixels, settings.segmentation) == (int(controls["superpixels"]), controls["segmentation"])


def hide_at(controls: Controls, place: tuple[float, float]) -> Updates:
    """Hide the region at a place of a map's picture, or show it again."""
    seen = controls["seen"]
    region = None if seen is None else seen.region_at(*place)
    return {} if region is None else hide_region(controls, region)


def hide_region(controls: Controls, region: int) -> Updates:
    """Hide a region that was chosen in the list, or show it again."""
    seen, hidden = controls["seen"], list(controls["hidden"])
    if seen is None or seen.analysis.subject is None or not 0 <= region < seen.analysis.subject.count:
        return {}
    others = [other for other in hidden if other != region]
    return _hide(controls, seen, others if region in hidden else [*hidden, region])


def hide_named(controls: Controls) -> Updates:
    """Hide the regions chosen by name; numbers that this face does not have are left out."""
    seen = controls["seen"]
    if seen is None or seen.analysis.subject is None:
        return {}
    existing = range(seen.analysis.subject.count)
    return _hide(controls, seen, [region for region in controls["regions"] or () if region in existing])


def hide_top(controls: Controls) -> Updates:
    """Hide the regions that speak for the class explained most, by LIME."""
    seen, count = controls["seen"], int(controls["top"])
    if seen is None or seen.analysis.subject is None or MAIN_MAP not in seen.analysis.attributions:
        return {}
    if not count:
        return _show(controls, seen, None)
    return _show(controls, seen, without_top(seen.analysis.subject, seen.analysis.attributions[MAIN_MAP], count))


def searching(controls: Controls) -> Updates:
    """Shown while ``hide_smallest`` searches."""
    if controls["seen"] is None:
        return {}
    bar = fragments.progress_bar(translate("doing.flip"), None)
    return {"what_if_text": bar, "smallest": Change(interactive=False)}


def hide_smallest(controls: Controls) -> Updates:
    """Hide the smallest set found that flips the verdict."""
    seen = controls["seen"]
    if seen is None or seen.analysis.subject is None or MAIN_MAP not in seen.analysis.attributions:
        return {}
    try:
        flip = smallest_flip(seen.analysis.subject, seen.analysis.attributions[MAIN_MAP])
    except UserError as error:
        return {"what_if_text": fragments.notice(str(error))}
    return {"what_if_text": fragments.no_flip()} if flip is None else _show(controls, seen, flip)


def show_all(controls: Controls) -> Updates:
    """Show every region again."""
    seen = controls["seen"]
    return {} if seen is None or seen.analysis.subject is None else _hide(controls, seen, [])


def _hide(controls: Controls, seen: View, regions: list[int]) -> Updates:
    assert seen.analysis.subject is not None
    shown = _show(controls, seen, without(seen.analysis.subject, regions) if regions else None)
    return {**shown, "top": 0}  # what is hidden now does not follow the order of the slider


def _show(controls: Controls, seen: View, what_if: WhatIf | None) -> Updates:
    subject = seen.analysis.subject
    assert subject is not None
    hidden = [] if what_if is None else list(what_if.hidden)
    changes: Updates = {
        "hidden": hidden,
        "regions": Change(value=hidden),
        "what_if_text": fragments.what_if_help(),
        "show_all": visible(bool(hidden)),
    }
    if what_if is not None:
        changes["what_if_text"] = fragments.paragraph(what_if_sentence(what_if, subject.target), role="status")
    drawn = seen.pictures(int(controls["shown"]), {MAIN_MAP}).get(MAIN_MAP)
    if what_if is not None:
        changes[f"{MAIN_MAP}_picture"] = overlays.hidden_regions(what_if, subject.segments, drawn)
    elif drawn is not None:
        changes[f"{MAIN_MAP}_picture"] = drawn
    return changes
