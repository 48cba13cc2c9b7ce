"""What if regions of the face were hidden: the network is really asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain.cancel import never
from explain.maps.attribution import Attribution
from explain.maps.subject import BATCH, Subject
from model.i18n.catalogue import Said

EVEN = 0.5  # P(target) below which the other class is the likelier one


@dataclass(frozen=True, eq=False)
class WhatIf:
    """What the network says of a face with some of its regions hidden.

    Attributes:
        hidden: numbers of the hidden regions, in the order in which they were chosen.
        probability: P(target) of the picture asked about.
        before: P(target) of the untouched crop.
        crop: the picture asked about, ``(S, S, 3) uint8`` RGB.
        names: what each hidden region shows, in the order of ``hidden``; None where nobody knows.
        flipped: whether the likelier class is another one than before.
        verdict: what the model would say now, with the inconclusive band: ``Fake``, ``Real`` or ``Inconclusive``.
        verdict_before: the same of the untouched crop.
        still_visible: those of ``names`` that regions which aren't hidden have too: only a part of these is hidden.
    """

    hidden: tuple[int, ...]
    probability: float
    before: float
    crop: NDArray[np.uint8]
    names: tuple[str, ...] | None
    flipped: bool
    verdict: str
    verdict_before: str
    still_visible: frozenset[str] = frozenset()


class _Cancelled(Exception):
    """The caller wants no further answer."""


def without(subject: Subject, regions: Iterable[int]) -> WhatIf:
    """Ask the network about the crop with these regions hidden.

    Args:
        subject: whose regions and whose class.
        regions: their numbers, ``0..K-1``; one that comes twice counts once.

    Raises:
        ValueError: if the subject has no region of that number.
    """
    hidden = tuple(dict.fromkeys(int(region) for region in regions))
    unknown = [region for region in hidden if not 0 <= region < subject.count]
    if unknown:
        raise ValueError(Said("refused.region", last=subject.count - 1, region=unknown[0]))
    before, probability = _ask(subject, [(), hidden])
    return _what_if(subject, hidden, float(before), float(probability))


def without_top(subject: Subject, attribution: Attribution, k: int) -> WhatIf:
    """Ask the network about the crop without the ``k`` regions that speak for the target most.

    Args:
        subject: whose regions.
        attribution: a map of the same crop and class; a region's weight is the map's mean over it.
        k: at least 1. Where fewer regions have a positive weight, only those are hidden.

    Raises:
        ValueError: if ``k`` is below 1, or the map explains another class.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1 region, got {k}")
    weights = _region_weights(subject, attribution)
    return without(subject, [region for region in _by_weight(weights)[:k] if weights[region] > 0])


def smallest_flip(subject: Subject, attribution: Attribution, cancelled: Callable[[], bool] = never) -> WhatIf | None:
    """The smallest set of regions found whose hiding makes the other class the likelier one, P(target) < 0.5.

    Regions are hidden one after the other, those first that speak for the target most, until the verdict flips. Then
    whatever can be shown again with the verdict still flipped is shown, the weakest regions first. The search is
    greedy, so a smaller set may exist. But no single region of this one can be shown again without undoing the flip:
    the network was asked about each.

    Args:
        subject: whose regions; its target must be the likelier class of the untouched crop.
        attribution: a map of the same crop and class, which gives the order.
        cancelled: asked before each batch.

    Returns:
        What the network says without these regions; None if the verdict does not flip even on the way to hiding all
        regions, or if cancelled.

    Raises:
        ValueError: if P(target) of the untouched crop is below 0.5 already, or the map explains another class.
    """
    order = _by_weight(_region_weights(subject, attribution))
    prefixes = [tuple(order[:count]) for count in range(subject.count + 1)]
    try:
        answers = _ask(subject, prefixes, cancelled)
        if answers[0] < EVEN:
            target = Said(f"class.{subject.target}")
            raise ValueError(Said("problem.flipped_already", target=target, p=float(answers[0]), even=EVEN))
        flips = np.flatnonzero(answers < EVEN)
        if not len(flips):
            return None
        hidden, probability = _pruned(subject, prefixes[flips[0]], float(answers[flips[0]]), cancelled)
    except _Cancelled:
        return None
    return _what_if(subject, hidden, float(answers[0]), probability)


def _pruned(
    subject: Subject, hidden: tuple[int, ...], probability: float, cancelled: Callable[[], bool]
) -> tuple[tuple[int, ...], float]:
    """Show again what the flip does not need, the last of ``hidden`` first; the regions left, and P(target)."""
    while True:
        weakest_first = hidden[::-1]
        answers = _ask(subject, [_less(hidden, [region]) for region in weakest_first], cancelled)
        needless = [region for region, answer in zip(weakest_first, answers, strict=True) if answer < EVEN]
        if not needless:
            return hidden, probability
        # Regions needless one by one need not be so together: the weakest is, then ask about two, three and so on.
        fewer = [_less(hidden, needless[:count]) for count in range(1, len(needless) + 1)]
        known = answers[weakest_first.index(needless[0])]
        answers = np.append(known, _ask(subject, fewer[1:], cancelled))
        most = np.flatnonzero(answers < EVEN)[-1]
        hidden, probability = fewer[most], float(answers[most])


def _less(hidden: tuple[int, ...], shown: Sequence[int]) -> tuple[int, ...]:
    return tuple(region for region in hidden if region not in shown)


def _ask(
    subject: Subject, hidden_sets: Sequence[tuple[int, ...]], cancelled: Callable[[], bool] = never
) -> NDArray[np.float64]:
    """P(target) ``(N,)`` of the crop without each of these sets of regions."""
    masks = np.ones((len(hidden_sets), subject.count), np.uint8)
    for mask, hidden in zip(masks, hidden_sets, strict=True):
        mask[list(hidden)] = 0
    answers = np.empty(len(masks))
    for start in range(0, len(masks), BATCH):
        if cancelled():
            raise _Cancelled
        batch = slice(start, start + BATCH)
        answers[batch] = subject.answers(masks[batch])
    return answers


def _region_weights(subject: Subject, attribution: Attribution) -> NDArray[np.float64]:
    if attribution.target != subject.target:
        raise ValueError(f"the map must explain {subject.target}, as the subject does, got {attribution.target}")
    return attribution.region_values(subject.segments)


def _by_weight(weights: NDArray[np.float64]) -> list[int]:
    order: list[int] = np.argsort(-weights, kind="stable").tolist()
    return order


def _what_if(subject: Subject, hidden: tuple[int, ...], before: float, probability: float) -> WhatIf:
    mask = np.ones((1, subject.count), np.uint8)
    mask[0, list(hidden)] = 0
    names, still_visible = None, frozenset[str]()
    if subject.names is not None:
        names = tuple(subject.names[region] for region in hidden)
        visible = {name for region, name in enumerate(subject.names) if mask[0, region]}
        still_visible = frozenset(names) & visible
    return WhatIf(
        hidden=hidden,
        probability=probability,
        before=before,
        crop=subject.shown(mask)[0],
        names=names,
        flipped=(before < EVEN) != (probability < EVEN),
        verdict=_verdict(subject, probability),
        verdict_before=_verdict(subject, before),
        still_visible=still_visible,
    )


def _verdict(subject: Subject, probability: float) -> str:
    return subject.detector.verdict(probability if subject.target == "Fake" else 1 - probability)
