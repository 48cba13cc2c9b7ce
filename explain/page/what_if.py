"""The page's what-if: patches are hidden by a click, by name, by LIME's order or as the smallest set that flips."""

from __future__ import annotations

from html import escape

from explain.drawing import overlays, palette
from explain.html import fragments
from explain.page.components.updates import Asked, Change, Updates
from explain.page.view import View
from explain.probes.what_if import WhatIf, smallest_flip, without, without_top
from explain.wording.what_if import what_if_sentence


def again(asked: Asked) -> Updates:
    """What is hidden now, told once more: the language has changed."""
    seen, hidden = asked["seen"], list(asked["hidden"])
    if seen is None or seen.analysis.subject is None:
        return {"what_if_text": fragments.what_if_help()}
    return _hide(seen, hidden)


def hide_at(asked: Asked, place: tuple[float, float]) -> Updates:
    """Hide the patch at a place of a map's picture, or show it again."""
    seen, hidden = asked["seen"], list(asked["hidden"])
    region = None if seen is None else seen.region_at(*place)
    if seen is None or seen.analysis.subject is None or region is None:
        return {}
    return _hide(seen, [one for one in hidden if one != region] if region in hidden else [*hidden, region])


def hide_named(asked: Asked) -> Updates:
    """Hide the patches chosen by name; those of the face before are left out."""
    seen = asked["seen"]
    if seen is None or seen.analysis.subject is None:
        return {}
    known = range(seen.analysis.subject.count)
    return _hide(seen, [region for region in asked["regions"] or () if region in known])


def hide_top(asked: Asked) -> Updates:
    """Hide the patches that speak for the class explained most, by LIME."""
    seen, count = asked["seen"], int(asked["top"])
    if seen is None or seen.analysis.subject is None or "lime" not in seen.analysis.attributions:
        return {}
    if not count:
        return _show(seen, None)
    return _show(seen, without_top(seen.analysis.subject, seen.analysis.attributions["lime"], count))


def hide_smallest(asked: Asked) -> Updates:
    """Hide the smallest set found that flips the verdict."""
    seen = asked["seen"]
    if seen is None or seen.analysis.subject is None or "lime" not in seen.analysis.attributions:
        return {}
    try:
        flip = smallest_flip(seen.analysis.subject, seen.analysis.attributions["lime"])
    except ValueError as error:
        return {"what_if_text": fragments.notice(str(error))}
    return {"what_if_text": fragments.no_flip()} if flip is None else _show(seen, flip)


def show_all(asked: Asked) -> Updates:
    """Show every patch again."""
    return {} if asked["seen"] is None or asked["seen"].analysis.subject is None else _show(asked["seen"], None)


def _hide(seen: View, regions: list[int]) -> Updates:
    assert seen.analysis.subject is not None
    return _show(seen, without(seen.analysis.subject, regions) if regions else None)


def _show(seen: View, what_if: WhatIf | None) -> Updates:
    subject = seen.analysis.subject
    assert subject is not None
    if what_if is None:
        text, picture, hidden = fragments.what_if_help(), palette.enlarge(subject.crop), []
    else:
        text = f'<p role="status">{escape(what_if_sentence(what_if, subject.target))}</p>'
        picture, hidden = overlays.hidden_regions(what_if, subject.segments), list(what_if.hidden)
    return {
        "hidden": hidden,
        "regions": Change(value=hidden),
        "what_if_picture": picture,
        "what_if_text": text,
    }
