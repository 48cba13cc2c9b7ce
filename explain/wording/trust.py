"""How far a map can be trusted, as sentences made from the numbers."""

from __future__ import annotations

import math

import numpy as np

from explain.trust.curves import QUANTILES, Curves
from explain.trust.fidelity import SUBSETS
from explain.trust.measure import Trust
from explain.trust.stability import NOISE_SIGMA, TOP, Stability
from model.i18n.catalogue import translate


def trust_sentence(trust: Trust) -> str:
    """One sentence: does hiding the marked regions move the verdict more than chance, and is the map stable?"""
    verdict = _verdict(trust)
    if trust.stability is None or trust.flat or trust.unmoved:
        return translate("trust.once", verdict=verdict)
    repeated = translate(f"trust.repeated.{trust.stability.change}")
    return translate("trust.again", verdict=verdict, repeated=repeated, regions=_how_often(trust.stability))


def short_answers(trust: Trust) -> tuple[str, str]:
    """Two cells of a table: whether the map is better than chance, and what comes back when it is repeated."""
    if trust.unmoved or trust.flat:
        chance = translate(f"trust.short.{'unmoved' if trust.unmoved else 'flat'}")
    elif trust.better_than_chance:
        chance = translate("trust.short.yes", beaten=_beaten(trust))
    else:
        chance = translate("trust.short.no")
    if trust.stability is None or trust.unmoved or trust.flat:
        return chance, translate("trust.short.unknown")
    return chance, translate("trust.short.repeated", regions=_how_often(trust.stability))


def details(trust: Trust) -> str:
    """The numbers behind the sentence: each hide value, insertion, µ-fidelity, repetitions."""
    parts = [_curve_numbers(curves, trust.target) for curves in trust.curves]
    if trust.fidelity is not None:
        parts.append(translate("trust.fidelity", value=trust.fidelity, subsets=SUBSETS))
    if trust.stability is not None:
        parts.append(_stability_numbers(trust.stability))
    return " ".join(parts)


def _verdict(trust: Trust) -> str:
    if trust.unmoved:
        return translate("trust.unmoved")
    if trust.flat:
        return translate("trust.flat")
    target = translate(f"class.{trust.target}")
    if trust.better_than_chance:
        marked = translate("trust.marked" if trust.signed else "trust.looked")
        return translate("trust.better", marked=marked, target=target, beaten=_beaten(trust))
    if trust.percentile > 0.5:
        key = "trust.not_clearly_better"
    else:
        key = "trust.worse" if trust.worse_than_chance else "trust.no_better"
    return translate(key, percent=_percent(1 - trust.percentile), target=target)


def _beaten(trust: Trust) -> str:
    if trust.percentile == 1:
        return translate("trust.beaten_all", orders=len(trust.curves[0].band.curves))
    return translate("trust.beaten", percent=_percent(trust.percentile))


def _how_often(stability: Stability) -> str:
    if stability.same_top == 1:
        return translate("trust.regions.same")
    times = math.floor(10 * stability.same_top + 1e-9)  # never rounded up to "every time"
    return translate("trust.regions.often", times=times) if times else translate("trust.regions.other")


def _curve_numbers(curves: Curves, target: str) -> str:
    low, middle, high = map(float, np.quantile(curves.band.areas, QUANTILES))
    return translate(
        "trust.curves",
        look=translate(f"trust.look.{curves.hide}"),
        target=translate(f"class.{target}"),
        deletion=curves.deletion_area,
        low=low,
        middle=middle,
        high=high,
        lower=_percent(curves.deletion_percentile),
        orders=len(curves.band.curves),
        insertion=curves.insertion_area,
        higher=_percent(curves.insertion_percentile),
    )


def _stability_numbers(stability: Stability) -> str:
    return translate(
        f"trust.stability.{stability.change}",
        sigma=NOISE_SIGMA,
        runs=stability.runs,
        top=TOP,
        jaccard=stability.jaccard,
        rank=stability.rank_correlation,
    )


def _percent(share: float) -> int:
    rounded = round(100 * share)
    return min(max(rounded, 1), 99) if 0 < share < 1 else rounded  # 0 and 100 mean none and all
