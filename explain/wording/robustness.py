"""How stable the verdict is under changes of the photo, in sentences."""

from __future__ import annotations

from explain.probes.robustness import CHANGES, Robustness
from explain.wording.what_if import joined
from model.i18n.catalogue import translate
from model.photos.corruptions import CORRUPTIONS

FIRST = "jpeg"  # the change that the sentence begins with: nearly every photo on the web was compressed


def verdict_name(verdict: str) -> str:
    """``Fake``, ``Real`` or ``Inconclusive`` in the current language."""
    return translate(f"what_if.says.{verdict}")


def level_name(change: str, level: float) -> str:
    """A level as text without its unit; of a change with one level its name, such as that of the covered part."""
    if len(CHANGES[change][1]) == 1:
        return translate(f"corruption.{change}.part")
    return CORRUPTIONS[CHANGES[change][0]].written(level)


def robustness_sentence(found: Robustness) -> str:
    """One sentence: the lowest JPEG quality with the same verdict, and the changes that give another verdict."""
    first, verdict = found.measured[FIRST], verdict_name(found.verdict)
    flips = {name: curve for name, curve in found.measured.items() if curve.flip is not None}
    if first.survived:
        level = level_name(FIRST, first.levels[first.survived - 1])
        parts = [translate("robustness.stays", verdict=verdict, level=level)]
    else:
        del flips[FIRST]
        level, other = level_name(FIRST, first.levels[0]), verdict_name(first.verdicts[0])
        parts = [translate("robustness.turns_at_once", level=level, verdict=verdict, other=other)]
    turned: dict[str, list[str]] = {}
    for name, curve in flips.items():
        assert curve.flip is not None
        turned.setdefault(curve.verdicts[curve.flip], []).append(change_phrase(name, curve.levels[curve.flip]))
    for other, changes in turned.items():
        values = {"changes": joined(changes), "other": verdict_name(other)}
        parts.append(translate("robustness.turned", count=len(changes), **values))
    if not turned:
        parts.append(translate("robustness.nothing_else"))
    return "; ".join(parts) + "."


def change_phrase(change: str, level: float) -> str:
    """A change with its level, as part of a sentence."""
    return translate(f"corruption.{change}.change", level=level_name(change, level))
