"""Partition SHAP: divides the change of P(target) among the regions, from halves of the face down to single regions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain.cancel import not_cancelled
from explain.maps.attribution import Attribution, map_of_regions
from explain.maps.subject import Subject
from explain.stopwatch import Stopwatch

BUDGET = 1500  # pictures; faces of up to 44 regions need fewer


@dataclass(frozen=True, eq=False)
class _Group:
    """Regions that are hidden and shown together, with P(target) without and with them.

    Attributes:
        regions: ``(R,) int``.
        contexts: ``(C, K) uint8``, the other shown regions, with the group hidden; all have the same weight.
        without: ``(C,)``, P(target) in each context.
        with_it: ``(C,)``, P(target) in each context with the group shown as well.
    """

    regions: NDArray[np.intp]
    contexts: NDArray[np.uint8]
    without: NDArray[np.float64]
    with_it: NDArray[np.float64]

    @property
    def value(self) -> float:
        """How much showing the group adds to P(target), the mean over the contexts."""
        return float((self.with_it - self.without).mean())


def partition_shap(subject: Subject, cancelled: Callable[[], bool] = not_cancelled) -> Iterator[Attribution]:
    """Owen values of the regions, as SHAP's partition explainer computes them (Lundberg and Lee, arXiv 1705.07874).

    The face is halved until each group is one region (``halves``). A group's value is divided between its halves by
    Shapley's rule: each half gets the mean of what it adds without and with the other half. So the weights add up
    exactly to P(target) of the face minus P(target) of the hidden face, and if two regions carry the same information,
    each gets half. Nothing is random.

    Groups with the largest values are divided first. If ``BUDGET`` ends before single regions are reached, the regions
    of a group get equal shares of its value.

    Args:
        subject: what to explain.
        cancelled: called before each batch.

    Returns:
        An iterator over a map after each level of halving, none once cancelled. Evidence holds ``exact``, whether every
        region was measured separately, and P(target) of the hidden and of the whole face.
    """
    watch = Stopwatch()
    ends = np.stack([np.zeros(subject.count, np.uint8), np.ones(subject.count, np.uint8)])
    answers = subject.answers(ends, cancelled)
    if answers is None:
        return
    centres = _centres(subject.segments)
    groups = [_Group(np.arange(subject.count), ends[:1], answers[:1], answers[1:])]
    samples, complete = len(ends), False
    while not complete:
        level, groups = groups, []
        for group in sorted(level, key=lambda group: -abs(group.value)):
            if not _affordable(group, samples):
                groups.append(group)
                continue
            divided = _divided(group, halves(group.regions, centres), subject, cancelled)
            if divided is None:
                return
            samples += 2 * len(group.contexts)
            groups += divided
        complete = not any(_affordable(group, samples) for group in groups)
        values = np.concatenate([answer for group in groups for answer in (group.without, group.with_it)])
        evidence: dict[str, float | int | str | bool] = {
            "samples": samples,
            "exact": len(groups) == subject.count,
            "hide": subject.hide,
            "model_prediction": float(answers[1]),
            "hidden_prediction": float(answers[0]),
            "lowest": float(values.min()),
            "highest": float(values.max()),
            "seconds": watch.pause(),
            "complete": complete,
        }
        yield _attribution(subject, groups, evidence)
        watch.resume()


def _affordable(group: _Group, samples: int) -> bool:
    """Whether a group has several regions, and the budget suffices for its halves."""
    return len(group.regions) > 1 and samples + 2 * len(group.contexts) <= BUDGET


def halves(regions: NDArray[np.intp], centres: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Two groups of regions of equal size, or nearly so, divided across the longer side of their area.

    Args:
        regions: ``(R,) int``, at least two.
        centres: ``(K, 2)``, row and column of every region's centre.
    """
    spread = np.ptp(centres[regions], axis=0)
    ordered = regions[np.argsort(centres[regions, int(spread[1] >= spread[0])], kind="stable")]
    return ordered[: len(ordered) // 2], ordered[len(ordered) // 2 :]


def _divided(
    group: _Group,
    parts: tuple[NDArray[np.intp], NDArray[np.intp]],
    subject: Subject,
    cancelled: Callable[[], bool],
) -> tuple[_Group, _Group] | None:
    """Both halves of a group, each in the group's contexts without and with the other half; None once cancelled."""
    shown = []
    for part in parts:
        contexts = group.contexts.copy()
        contexts[:, part] = 1
        shown.append(contexts)
    answers = subject.answers(np.concatenate(shown), cancelled)
    if answers is None:
        return None
    alone = answers[: len(group.contexts)], answers[len(group.contexts) :]
    first, second = (
        _Group(
            parts[half],
            np.concatenate([group.contexts, shown[1 - half]]),
            np.concatenate([group.without, alone[1 - half]]),
            np.concatenate([alone[half], group.with_it]),
        )
        for half in (0, 1)
    )
    return first, second


def _centres(segments: NDArray[np.int32]) -> NDArray[np.float64]:
    """Mean row and column of each region, ``(K, 2)``."""
    labels = segments.ravel()
    rows, columns = np.indices(segments.shape).reshape(2, -1)
    return (
        np.stack([np.bincount(labels, weights=places) for places in (rows, columns)], 1) / np.bincount(labels)[:, None]
    )


def _attribution(subject: Subject, groups: list[_Group], evidence: dict[str, float | int | str | bool]) -> Attribution:
    weights = np.empty(subject.count, np.float32)
    for group in groups:
        weights[group.regions] = group.value / len(group.regions)
    return map_of_regions("partition_shap", subject, weights, evidence)
