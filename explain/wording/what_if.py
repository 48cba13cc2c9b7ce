"""The effect of hiding regions on the verdict, as a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from explain.probes.what_if import WhatIf
from explain.wording.regions import name_after_patches, shown_name
from model.i18n.catalogue import number, translate

NAMED = 4  # names in one sentence, at the most


def what_if_sentence(what_if: WhatIf, target: str) -> str:
    """The effect of hiding the regions on P(Fake), as a sentence."""
    before, now = fake_shares(what_if, target)
    same = number(before, ".0%") == number(now, ".0%")
    key = "leaves" if same else "lowers" if now < before else "raises"
    change = translate(
        f"what_if.{key if what_if.hidden else 'nothing'}",
        regions=regions_in_words(what_if),
        fake=translate("class.Fake"),
        before=before,
        now=now,
    )
    then = "what_if.still" if what_if.verdict == what_if.verdict_before else "what_if.then"
    return translate(then, change=change, verdict=translate(f"what_if.says.{what_if.verdict}"))


def fake_shares(what_if: WhatIf, target: str) -> tuple[float, float]:
    """P(Fake) of the untouched face and of the changed one, from P(target)."""
    before, now = what_if.before, what_if.probability
    return (before, now) if target == "Fake" else (1 - before, 1 - now)


def regions_in_words(what_if: WhatIf) -> str:
    """The hidden regions as a list."""
    if what_if.names is None:
        return translate("what_if.regions", count=len(what_if.hidden))
    counts = Counter(what_if.names)  # keeps the order, the strongest first
    parts = [_part(name, counts[name], name in what_if.still_visible) for name in list(counts)[:NAMED]]
    if unnamed := sum(list(counts.values())[NAMED:]):
        parts.append(translate("what_if.more", count=unnamed))
    return joined(parts)


def joined(parts: Sequence[str]) -> str:
    """Parts as a list in a sentence: ``a``, ``a and b``, or ``a, b and c``; empty without parts."""
    if len(parts) < 2:
        return "".join(parts)
    return translate("what_if.and", most=", ".join(parts[:-1]), last=parts[-1])


def _part(name: str, count: int, still_visible: bool) -> str:
    if count == 1 and not still_visible:
        return translate("what_if.whole", region=shown_name(name))
    return translate("what_if.patches", count=count, region=name_after_patches(name))
