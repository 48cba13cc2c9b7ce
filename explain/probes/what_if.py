"""What-if: the network's prediction for a face with some regions hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain.cancel import not_cancelled
from explain.maps.attribution import Attribution, ExplanationError
from explain.maps.subject import Subject
from explain.regions.facial import named_parts
from model.errors import SettingsError
from model.i18n.catalogue import Message

EVEN = 0.5  # P(target) below which the other class is the likelier one


@dataclass(frozen=True, eq=False)
class WhatIf:
    """The prediction for a face with some of its regions hidden.

    Attributes:
        hidden: numbers of the hidden regions, in the order in which they were chosen.
        probability: P(target) of the changed picture.
        before: P(target) of the untouched crop.
        crop: the changed picture, ``(S, S, 3) uint8`` RGB.
        names: what each hidden region shows, in the order of ``hidden``; None if unknown.
        flipped: whether the likelier class has changed.
        verdict: the new verdict, with the inconclusive band: ``Fake``, ``Real`` or ``Inconclusive``.
        verdict_before: the verdict on the untouched crop.
        still_visible: those of ``names`` of which visible regions show a part too, so that only some of it is hidden.
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
    """The caller has cancelled."""


def without(subject: Subject, regions: Iterable[int]) -> WhatIf:
    """Predict the crop with these regions hidden.

    Args:
        subject: the face, its regions and the class.
        regions: their numbers, ``0..K-1``; duplicates count once.

    Raises:
        SettingsError: if the subject has no region of that number.
    """
    hidden = tuple(dict.fromkeys(int(region) for region in regions))
    unknown = [region for region in hidden if not 0 <= region < subject.count]
    if unknown:
        raise SettingsError(Message("refused.region", last=subject.count - 1, region=unknown[0]))
    before, probability = _predict(subject, [(), hidden])
    return _what_if(subject, hidden, float(before), float(probability))


def without_top(subject: Subject, attribution: Attribution, k: int) -> WhatIf:
    """Predict the crop without the ``k`` regions that speak most for the target.

    Args:
        subject: the face and its regions.
        attribution: a map of the same crop and class; a region's weight is the map's mean over it.
        k: at least 1. If fewer regions have a positive weight, only those are hidden.

    Raises:
        ValueError: if ``k`` is below 1, or the map explains another class.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1 region, got {k}")
    weights = _region_weights(subject, attribution)
    return without(subject, [region for region in _by_weight(weights)[:k] if weights[region] > 0])


def smallest_flip(
    subject: Subject, attribution: Attribution, cancelled: Callable[[], bool] = not_cancelled
) -> WhatIf | None:
    """The smallest set of regions found that makes the other class the likelier one, P(target) < 0.5, when hidden.

    Regions are hidden one after the other, in the order in which they speak for the target, until the verdict flips.
    Then every region that the flip does not need is shown again, weakest first. The search is greedy, so a smaller set
    may exist. But showing any single region of this set again undoes the flip: the network has predicted each case.

    Args:
        subject: the face and its regions; its target must be the likelier class of the untouched crop.
        attribution: a map of the same crop and class, which gives the order.
        cancelled: called before each batch.

    Returns:
        The prediction without these regions; None if the verdict does not flip before all regions are hidden, or if
        cancelled.

    Raises:
        ExplanationError: if P(target) of the untouched crop is below 0.5 already.
        ValueError: if the map explains another class.
    """
    order = _by_weight(_region_weights(subject, attribution))
    prefixes = [tuple(order[:count]) for count in range(subject.count + 1)]
    try:
        answers = _predict(subject, prefixes, cancelled)
        if answers[0] < EVEN:
            target = Message(f"class.{subject.target}")
            raise ExplanationError(Message("problem.flipped_already", target=target, p=float(answers[0]), even=EVEN))
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
    """Show again every region that the flip does not need, the last of ``hidden`` first; the remaining regions, and
    P(target)."""
    while True:
        weakest_first = hidden[::-1]
        answers = _predict(subject, [_without_regions(hidden, [region]) for region in weakest_first], cancelled)
        needless = [region for region, answer in zip(weakest_first, answers, strict=True) if answer < EVEN]
        if not needless:
            return hidden, probability
        # Each of these regions alone is needless, but all together may not be: try the weakest two, three and so on.
        fewer = [_without_regions(hidden, needless[:count]) for count in range(1, len(needless) + 1)]
        first_answer = answers[weakest_first.index(needless[0])]
        answers = np.append(first_answer, _predict(subject, fewer[1:], cancelled))
        most = np.flatnonzero(answers < EVEN)[-1]
        hidden, probability = fewer[most], float(answers[most])


def _without_regions(hidden: tuple[int, ...], shown: Sequence[int]) -> tuple[int, ...]:
    return tuple(region for region in hidden if region not in shown)


def _predict(
    subject: Subject, hidden_sets: Sequence[tuple[int, ...]], cancelled: Callable[[], bool] = not_cancelled
) -> NDArray[np.float64]:
    """P(target) ``(N,)`` of the crop without each of these sets of regions."""
    masks = np.ones((len(hidden_sets), subject.count), np.uint8)
    for mask, hidden in zip(masks, hidden_sets, strict=True):
        mask[list(hidden)] = 0
    answers = subject.answers(masks, cancelled)
    if answers is None:
        raise _Cancelled
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
        visible = {part for region, name in enumerate(subject.names) if mask[0, region] for part in named_parts(name)}
        still_visible = frozenset(name for name in names if not visible.isdisjoint(named_parts(name)))
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
