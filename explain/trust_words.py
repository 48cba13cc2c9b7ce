"""Says in plain words, from the numbers, how far a map can be trusted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from explain.attribution import Attribution
from explain.curves import QUANTILES, Curves
from explain.fidelity import SUBSETS
from explain.stability import NOISE_SIGMA, TOP, Stability

if TYPE_CHECKING:
    from explain.trust import Trust

CHANGES = {"seed": "repeated with other seeds", "noise": "repeated with a little noise on the photo"}
LOOKS = {
    "mean": "as their mean colour",
    "blur": "by a blur",
    "black": "in black",
    "inpaint": "by what surrounds them",
}


def sentence(trust: Trust, attribution: Attribution) -> str:
    """One plain sentence: does hiding what the map marks count, against chance, and does the map repeat itself?"""
    if trust.flat:
        verdict = "On this photo this map is the same everywhere: it marks nothing, which is no better than chance"
    elif trust.better_than_chance:
        signed = attribution.target == trust.target
        marked = "what this map marks" if signed else "where this map says the model looked"
        verdict = f"Hiding {marked} moves the verdict away from {trust.target} more than {_beaten(trust)} do"
    else:
        verdict = (
            f"On this photo this map is {_against_chance(trust)}: {_percent(1 - trust.percentile)} of random orders "
            f"move the verdict away from {trust.target} at least as much"
        )
    if trust.stability is None or trust.flat:
        return f"{verdict}."
    return f"{verdict}; {CHANGES[trust.stability.change]} it names {_how_often(trust.stability)}."


def details(trust: Trust) -> str:
    """The numbers behind the sentence, for a second look: each hide value, insertion, µ-fidelity, repetitions."""
    parts = [_curve_numbers(curves, trust.target) for curves in trust.curves]
    if trust.fidelity is not None:
        parts.append(
            f"µ-fidelity {_number(trust.fidelity)}: how well the map's numbers foretell what hiding each of "
            f"{SUBSETS} random sets of regions costs, from −1 (the reverse) over 0 (not at all) to 1 (exactly)."
        )
    if trust.stability is not None:
        parts.append(_stability_numbers(trust.stability))
    return " ".join(parts)


def _against_chance(trust: Trust) -> str:
    if trust.percentile > 0.5:
        return "not clearly better than chance"
    return "worse than chance" if trust.worse_than_chance else "no better than chance"


def _beaten(trust: Trust) -> str:
    if trust.percentile == 1:
        return f"all of {len(trust.curves[0].band.curves)} random orders"
    return f"{_percent(trust.percentile)} of random orders"


def _how_often(stability: Stability) -> str:
    if stability.same_top == 1:
        return "the same top regions every time"
    times = math.floor(10 * stability.same_top + 1e-9)  # never rounded up to "every time"
    return f"the same top regions {times} times in 10" if times else "other top regions nearly every time"


def _curve_numbers(curves: Curves, target: str) -> str:
    low, middle, high = np.quantile(curves.band.areas, QUANTILES)
    return (
        f"With regions hidden {LOOKS[curves.hide]}, P({target}) averages {curves.deletion_area:.2f} while the map's "
        f"regions are hidden one after another, most important first (random orders: {middle:.2f}, nine in ten of "
        f"them {low:.2f} to {high:.2f}), lower than {_percent(curves.deletion_percentile)} of "
        f"{len(curves.band.curves)} random orders; shown again in that order (insertion) it averages "
        f"{curves.insertion_area:.2f}, higher than {_percent(curves.insertion_percentile)} of them."
    )


def _stability_numbers(stability: Stability) -> str:
    noise = f" (standard deviation {NOISE_SIGMA:g} of 255)" if stability.change == "noise" else ""
    return (
        f"{CHANGES[stability.change].capitalize()}{noise}, {stability.runs} times: Jaccard index of the {TOP} "
        f"strongest regions {stability.jaccard:.2f}, rank correlation {_number(stability.rank_correlation)}."
    )


def _percent(share: float) -> str:
    rounded = round(100 * share)
    if 0 < share < 1:
        rounded = min(max(rounded, 1), 99)  # "0 %" and "100 %" mean none and all
    return f"{rounded} %"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
