"""What hiding regions does to the verdict, in a sentence."""

from __future__ import annotations

from collections import Counter

from explain.probes.what_if import WhatIf
from explain.wording.regions import region_key, shown_name
from model.i18n.catalogue import number, say

NAMED = 4  # names in one sentence, at the most


def what_if_sentence(what_if: WhatIf, target: str) -> str:
    """What hiding the regions does to P(target), in words that say no more than the numbers."""
    before, now = number(what_if.before), number(what_if.probability)
    key = "leaves" if before == now else "lowers" if what_if.probability < what_if.before else "raises"
    change = say(
        f"what_if.{key if what_if.hidden else 'nothing'}",
        regions=_in_words(what_if),
        target=say(f"class.{target}"),
        before=what_if.before,
        now=what_if.probability,
    )
    then = "what_if.still" if what_if.verdict == what_if.verdict_before else "what_if.then"
    return say(then, change=change, verdict=say(f"what_if.says.{what_if.verdict}"))


def _in_words(what_if: WhatIf) -> str:
    """The hidden regions as a list."""
    if what_if.names is None:
        return say("what_if.regions", count=len(what_if.hidden))
    counts = Counter(what_if.names)  # keeps the order, the strongest first
    parts = [_part(name, counts[name], name in what_if.still_visible) for name in list(counts)[:NAMED]]
    if unnamed := sum(list(counts.values())[NAMED:]):
        parts.append(say("what_if.more", count=unnamed))
    if len(parts) < 2:
        return "".join(parts)
    return say("what_if.and", most=", ".join(parts[:-1]), last=parts[-1])


def _part(name: str, count: int, still_visible: bool) -> str:
    if count == 1 and not still_visible:
        return say("what_if.whole", region=shown_name(name))
    return say("what_if.patches", count=count, region=say(f"{region_key(name)}.part"))
