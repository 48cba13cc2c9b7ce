"""How stable the verdict is under changes of the photo, in sentences."""

from __future__ import annotations

from explain.probes.robustness import PARTS, Robustness
from model.i18n.catalogue import number, say
from model.photos.faces import CROP_SIZE


def verdict_name(verdict: str) -> str:
    """``Fake``, ``Real`` or ``Inconclusive`` in the language spoken."""
    return say(f"what_if.says.{verdict}")


def level_name(change: str, level: float) -> str:
    """A level as people read it, without its unit: of parts it is the part's name, of shrinking the pixels left."""
    if change in PARTS:
        return say(f"robustness.part.{change}")
    if change == "downscale":
        return number(round(level * CROP_SIZE), "d")
    return number(level, ".0%" if change in ("darker", "brighter") else "g")


def robustness_sentence(found: Robustness) -> str:
    """One sentence: down to which JPEG quality the verdict stands, and what turns it into which other one."""
    jpeg, verdict = found.measured["jpeg"], verdict_name(found.verdict)
    flips = {name: curve for name, curve in found.measured.items() if curve.flip is not None}
    if jpeg.survived:
        parts = [say("robustness.stays", verdict=verdict, level=level_name("jpeg", jpeg.levels[jpeg.survived - 1]))]
    else:
        del flips["jpeg"]
        level, other = level_name("jpeg", jpeg.levels[0]), verdict_name(jpeg.verdicts[0])
        parts = [say("robustness.turns_at_once", level=level, verdict=verdict, other=other)]
    turned: dict[str, list[str]] = {}
    for name, curve in flips.items():
        assert curve.flip is not None
        turned.setdefault(curve.verdicts[curve.flip], []).append(change_phrase(name, curve.levels[curve.flip]))
    for other, changes in turned.items():
        values = {"changes": _listed(changes), "other": verdict_name(other)}
        parts.append(say("robustness.turned", count=len(changes), **values))
    if not turned:
        parts.append(say("robustness.nothing_else"))
    return "; ".join(parts) + "."


def robustness_in_words(found: Robustness) -> str:
    """What the plot shows, for those who do not see it; the sentence says where the verdict turns."""
    ends = (
        say("robustness.alt_item", change=change_phrase(name, curve.levels[-1]), p=curve.probabilities[-1])
        for name, curve in found.measured.items()
    )
    return say("robustness.alt", fake=say("class.Fake"), p=found.probability, changes=", ".join(ends))


def change_phrase(change: str, level: float) -> str:
    return say(f"robustness.phrase.{change}", level=level_name(change, level))


def _listed(parts: list[str]) -> str:
    *most, last = parts
    return say("what_if.and", most=", ".join(most), last=last) if most else last
