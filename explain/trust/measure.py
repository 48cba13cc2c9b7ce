"""Compares the maps of one face with chance, over the same regions and the same predictions."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.cancel import not_cancelled
from explain.maps.attribution import Attribution
from explain.maps.lime_fit import Neighbourhood
from explain.maps.registry import Explain
from explain.maps.subject import Subject
from explain.maps.unmoved import hardly_moves
from explain.stopwatch import Stopwatch
from explain.trust.agreement import Agreement, agreement, without_noise
from explain.trust.curves import Curves, all_orders, curve_masks, judge_orders, order_of, random_orders
from explain.trust.fidelity import fidelity, subset_masks
from explain.trust.stability import REFITS, RUNS, Stability, change_of, compare, compare_refits, repetitions

CONFIDENCE = 0.95  # share of random orders that a map must beat to count as better than chance


@dataclass(frozen=True, eq=False)
class Trust:
    """How far one map can be trusted.

    Attributes:
        method: name of the map's method.
        target: the class of the probability in the curves.
        curves: deletion and insertion with the subject's own hide value, then with a second one once it is measured.
        flat: whether the map has the same value in all regions, and so marks none.
        fidelity: µ-fidelity, -1..1; None until measured.
        stability: None until measured, or if the map can't be repeated.
        signed: whether the map's values speak for or against ``target``; those of an attention mask do not.
    """

    method: str
    target: str
    curves: tuple[Curves, ...]
    flat: bool
    fidelity: float | None = None
    stability: Stability | None = None
    signed: bool = True

    @property
    def percentile(self) -> float:
        """The main measure: share of random orders, 0..1, that lower P(target) less; the mean over the hide values."""
        return round(float(np.mean([curves.deletion_percentile for curves in self.curves])), 9)

    @property
    def insertion_percentile(self) -> float:
        """Share of random orders, 0..1, that raise P(target) less; the mean over the hide values."""
        return round(float(np.mean([curves.insertion_percentile for curves in self.curves])), 9)

    @property
    def unmoved(self) -> bool:
        """Whether the model's answer hardly depends on what is hidden, so that no map can be compared with chance."""
        answers = [
            values for curves in self.curves for values in (curves.deletion, curves.insertion, curves.band.curves)
        ]
        lowest, highest = min(float(a.min()) for a in answers), max(float(a.max()) for a in answers)
        return hardly_moves(lowest, highest)

    @property
    def better_than_chance(self) -> bool:
        """Whether hiding what the map marks moves the model more than nearly all random orders do."""
        return not self.flat and not self.unmoved and self.percentile >= CONFIDENCE

    @property
    def worse_than_chance(self) -> bool:
        """Whether nearly all random orders move the model more than the map does."""
        return not self.flat and not self.unmoved and self.percentile <= 1 - CONFIDENCE

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, rounded to four decimals."""
        return {
            "method": self.method,
            "target": self.target,
            "percentile": round(self.percentile, 4),
            "insertion_percentile": round(self.insertion_percentile, 4),
            "better_than_chance": self.better_than_chance,
            "flat": self.flat,
            "curves": [curves.to_dict() for curves in self.curves],
            "fidelity": None if self.fidelity is None else round(self.fidelity, 4),
            "stability": None if self.stability is None else self.stability.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class TrustProgress:
    """The result so far; each one that ``measure`` yields is more complete.

    Attributes:
        done: finished steps of work: one for each predicted crop; a repeated map counts as many as the samples of the
            first one, or one without samples; a map that is fitted again counts nothing.
        planned: number of all steps, the same in every yield.
        trusts: by the map's name; empty until the curves of the first hide value are done.
        agreement: between all maps.
        seconds: time spent, without the caller's time between two yields.
        complete: whether this is the last one.
    """

    done: int
    planned: int
    trusts: dict[str, Trust]
    agreement: Agreement
    seconds: float
    complete: bool


def measure(
    subject: Subject,
    attributions: Mapping[str, Attribution],
    explain: Mapping[str, Explain],
    cancelled: Callable[[], bool] = not_cancelled,
) -> Iterator[TrustProgress]:
    """Measure how far maps of one face can be trusted, and yield after each batch of predictions.

    The order: agreement, curves with the subject's hide value, curves with a second one, µ-fidelity, stability. A map
    that keeps its samples is fitted to them again; any other is made again, with new predictions of the network. The
    same subject and maps always give the same numbers. Once ``cancelled`` is true, no further batch is predicted and
    nothing more is yielded; the last result stays valid.

    Args:
        subject: the face, its regions, the class and the model. Regions are hidden by ``subject.hide``, and
            then by a blur (or by their mean colour, if the first is a blur): a face with hidden regions is always an
            unlikely picture, and a good map does not depend on the way of hiding.
        attributions: the maps to judge, by name, each ``(S, S)`` like the subject's regions.
        explain: the function of each map, by name; a map without one and without its samples gets no stability.
        cancelled: called around each batch, and passed to ``explain``.

    Raises:
        ValueError: immediately, without a map or with a map of another shape than the regions; later, if ``explain``
            yields no map.
    """
    if not attributions:
        raise ValueError("attributions must hold at least one map to judge, got none")
    for name, attribution in attributions.items():
        if attribution.map.shape != subject.segments.shape:
            shapes = f"{subject.segments.shape}, got {attribution.map.shape}"
            raise ValueError(f"the map {name!r} must have the shape of the subject's segments {shapes}")
    return _Measurement(subject, attributions, explain, cancelled).report()


class _Masks:
    """Masks ``(N, K) uint8``; equal ones, which occur if there are few regions, are predicted once.

    Attributes:
        masks: all of them.
        different: ``(M, K) uint8``, each of them once.
        places: row in ``different`` of each mask, ``(N,) int``.
    """

    def __init__(self, masks: NDArray[np.uint8]) -> None:
        self.masks = masks
        self.different, self.places = np.unique(masks, axis=0, return_inverse=True)


class _Measurement:
    """The state of one call of ``measure``."""

    def __init__(
        self,
        subject: Subject,
        attributions: Mapping[str, Attribution],
        explain: Mapping[str, Explain],
        cancelled: Callable[[], bool],
    ) -> None:
        self.subject = subject
        self.attributions = attributions
        self.fitted = {name: a.neighbourhood for name, a in attributions.items() if a.neighbourhood is not None}
        self.explain = {name: explain[name] for name in attributions if name in explain and name not in self.fitted}
        self.cancelled = cancelled
        self.values = {name: a.region_values(subject.segments) for name, a in attributions.items()}
        self.agreement = agreement(attributions, subject.segments)
        self.orders = np.stack([order_of(values, subject.seed) for values in self.values.values()])
        self.random_orders = random_orders(subject.count, subject.seed)
        self.curve_masks = _Masks(curve_masks(all_orders(self.orders, self.random_orders)))
        self.subset_masks = _Masks(subset_masks(subject.count, subject.seed))
        self.curves: list[tuple[Curves, ...]] = []  # for each hide value, the curves of each map
        self.fidelities: dict[str, float] = {}
        self.stabilities: dict[str, Stability] = {}
        self.done = 0
        self.complete = False
        repeating = sum(RUNS * _cost(attributions[name]) for name in self.explain)
        self.planned = 2 * len(self.curve_masks.different) + len(self.subset_masks.different) + repeating

    def report(self) -> Iterator[TrustProgress]:
        watch = Stopwatch()
        for _ in self._work():
            if self.cancelled():
                return
            yield self._progress(watch.pause())
            if self.cancelled():
                return
            watch.resume()

    def _work(self) -> Iterator[None]:
        """Measure everything; yield at each new result and wherever the caller may cancel."""
        yield
        second_hide = "mean" if self.subject.hide == "blur" else "blur"
        for subject in (self.subject, replace(self.subject, hide=second_hide)):
            answers = yield from self._ask(subject, self.curve_masks)
            self.curves.append(judge_orders(self.orders, self.random_orders, answers, subject.hide))
            yield
        answers = yield from self._ask(self.subject, self.subset_masks)
        self.fidelities = {
            name: fidelity(values, self.subset_masks.masks, answers) for name, values in self.values.items()
        }
        yield
        for name, neighbourhood in self.fitted.items():
            yield from self._refit(name, neighbourhood)
        for name in self.explain:
            yield from self._repeat(name)
        self.complete = True
        yield

    def _ask(self, subject: Subject, masks: _Masks) -> Generator[None, None, NDArray[np.float64]]:
        """P(target) of each mask, ``(N,)``."""
        answers = []
        for batch in subject.ask(masks.different):
            answers.append(batch)
            self.done += len(batch)
            yield
        return np.concatenate(answers)[masks.places]

    def _refit(self, name: str, neighbourhood: Neighbourhood) -> Iterator[None]:
        refits = []
        for weights in neighbourhood.refits(REFITS, self.subject.seed):
            refits.append(weights)
            yield
        self.stabilities[name] = compare_refits(refits)
        yield

    def _repeat(self, name: str) -> Iterator[None]:
        method, cost = self.attributions[name].method, _cost(self.attributions[name])
        repeated = []
        for subject in repetitions(self.subject, method):
            last, before = None, self.done
            for attribution in self.explain[name](subject, self.cancelled):
                last = attribution
                self.done = before + min(_cost(attribution), cost)
                yield
            if self.cancelled():  # the method stopped early
                return
            if last is None:
                raise ValueError(f"explain[{name!r}] must yield a map, got none")
            repeated.append(last.region_values(self.subject.segments))
            self.done = before + cost
        self.stabilities[name] = compare(self.values[name], repeated, change_of(method))
        yield

    def _progress(self, seconds: float) -> TrustProgress:
        trusts = {name: self._trust(row, name) for row, name in enumerate(self.attributions)} if self.curves else {}
        return TrustProgress(self.done, self.planned, trusts, self.agreement, seconds, self.complete)

    def _trust(self, row: int, name: str) -> Trust:
        attribution = self.attributions[name]
        return Trust(
            attribution.method,
            self.subject.target,
            tuple(curves[row] for curves in self.curves),
            bool(np.ptp(without_noise(self.values[name])) == 0),
            self.fidelities.get(name),
            self.stabilities.get(name),
            attribution.target == self.subject.target,
        )


def _cost(attribution: Attribution) -> int:
    return int(attribution.evidence.get("samples", 1))
