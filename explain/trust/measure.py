"""Judges the maps of one face against chance, all of them over the same regions and the same predictions."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.cancel import never
from explain.maps.attribution import Attribution
from explain.maps.registry import Explain
from explain.maps.subject import Subject
from explain.maps.unmoved import hardly_moves
from explain.trust.agreement import Agreement, agreement, without_noise
from explain.trust.curves import Curves, contest, curve_masks, judge, order_of, random_orders
from explain.trust.fidelity import fidelity, subset_masks
from explain.trust.stability import RUNS, Stability, change_of, compare, repetitions

CONFIDENCE = 0.95  # share of random orders that a map must beat to count as better than chance


@dataclass(frozen=True, eq=False)
class Trust:
    """How far one map can be trusted.

    Attributes:
        method: what made the map.
        target: the class whose probability was followed.
        curves: deletion and insertion with the subject's own hide value, then with a second one once it is done.
        flat: whether the map has the same value in all regions, and so names none.
        fidelity: µ-fidelity, -1..1; None until it is known.
        stability: None until it is known, or where nobody said how to repeat the map.
        signed: whether the map says how much a place speaks for ``target``; an attention mask speaks for no class.
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
        """The headline: share of random orders, 0..1, that lower P(target) less; the mean over the hide values."""
        return round(float(np.mean([curves.deletion_percentile for curves in self.curves])), 9)

    @property
    def insertion_percentile(self) -> float:
        """Share of random orders, 0..1, that raise P(target) less; the mean over the hide values."""
        return round(float(np.mean([curves.insertion_percentile for curves in self.curves])), 9)

    @property
    def unmoved(self) -> bool:
        """Whether the model's answer hardly depends on what is hidden, so that no map can be told from chance."""
        answers = [
            values for curves in self.curves for values in (curves.deletion, curves.insertion, curves.band.curves)
        ]
        return hardly_moves(min(float(one.min()) for one in answers), max(float(one.max()) for one in answers))

    @property
    def better_than_chance(self) -> bool:
        """Whether hiding what the map marks moves the model more than nearly all random orders do."""
        return not self.flat and not self.unmoved and self.percentile >= CONFIDENCE

    @property
    def worse_than_chance(self) -> bool:
        """Whether nearly all random orders move the model more than the map does."""
        return not self.flat and not self.unmoved and self.percentile <= 1 - CONFIDENCE

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it, rounded to four decimals."""
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
    """What is known so far; each one that ``measure`` yields knows more.

    Attributes:
        done: steps of work: one for each crop that the model was asked about; a map that is made again counts as many
            as the samples that it first took, or one where it takes none.
        planned: how many there will be, the same in every yield.
        trusts: by the map's name; empty until the curves of the first hide value are done.
        agreement: between all maps.
        seconds: spent here, the caller's time between two yields not counted.
        complete: whether nothing more will come.
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
    cancelled: Callable[[], bool] = never,
) -> Iterator[TrustProgress]:
    """Measure how far maps of one face can be trusted, yielding after each batch of predictions.

    Agreement comes at once, then curves with the subject's own hide value, with a second one, µ-fidelity, and at
    last stability. The same subject and maps always give the same numbers. Once ``cancelled`` is true no further
    batch is predicted and nothing more is yielded: what came last stays valid.

    Args:
        subject: the face, its regions, the class and the model. Hidden regions show ``subject.hide``, and a blur
            (or, if that is a blur, their mean colour) for a second opinion: what is hidden is always an unlikely
            picture, and a good map survives a change of how.
        attributions: the maps to judge, by name, each ``(S, S)`` like the subject's regions.
        explain: how to make a map again, by name; a map without one gets no stability.
        cancelled: asked around each batch, and handed on to ``explain``.

    Raises:
        ValueError: at once, if there is no map or one is not of the regions' shape; later, if ``explain`` yields none.
    """
    if not attributions:
        raise ValueError("attributions must hold at least one map to judge, got none")
    for name, attribution in attributions.items():
        if attribution.map.shape != subject.segments.shape:
            shapes = f"{subject.segments.shape}, got {attribution.map.shape}"
            raise ValueError(f"the map {name!r} must have the shape of the subject's segments {shapes}")
    return _Measurement(subject, attributions, explain, cancelled).report()


class _Measurement:
    """What one call of ``measure`` has found out so far."""

    def __init__(
        self,
        subject: Subject,
        attributions: Mapping[str, Attribution],
        explain: Mapping[str, Explain],
        cancelled: Callable[[], bool],
    ) -> None:
        self.subject = subject
        self.attributions = attributions
        self.explain = {name: explain[name] for name in attributions if name in explain}
        self.cancelled = cancelled
        self.values = {name: a.region_values(subject.segments) for name, a in attributions.items()}
        self.agreement = agreement(attributions, subject.segments)
        self.orders = np.stack([order_of(values, subject.seed) for values in self.values.values()])
        self.chance = random_orders(subject.count, subject.seed)
        self.curve_masks = curve_masks(contest(self.orders, self.chance))
        self.subset_masks = subset_masks(subject.count, subject.seed)
        self.curves: list[tuple[Curves, ...]] = []  # for each hide value, each map's
        self.fidelities: dict[str, float] = {}
        self.stabilities: dict[str, Stability] = {}
        self.done = 0
        self.complete = False
        repeating = sum(RUNS * _cost(attributions[name]) for name in self.explain)
        self.planned = 2 * len(self.curve_masks) + len(self.subset_masks) + repeating

    def report(self) -> Iterator[TrustProgress]:
        seconds, resumed = 0.0, time.perf_counter()
        for _ in self._work():
            if self.cancelled():
                return
            seconds += time.perf_counter() - resumed
            yield self._progress(seconds)
            if self.cancelled():
                return
            resumed = time.perf_counter()

    def _work(self) -> Iterator[None]:
        """Do everything, pausing wherever there is news or a moment to stop."""
        yield
        second_hide = "mean" if self.subject.hide == "blur" else "blur"
        for subject in (self.subject, replace(self.subject, hide=second_hide)):
            answers = yield from self._ask(subject, self.curve_masks)
            self.curves.append(judge(self.orders, self.chance, answers, subject.hide))
            yield
        answers = yield from self._ask(self.subject, self.subset_masks)
        self.fidelities = {name: fidelity(values, self.subset_masks, answers) for name, values in self.values.items()}
        yield
        for name in self.explain:
            yield from self._repeat(name)
        self.complete = True
        yield

    def _ask(self, subject: Subject, masks: NDArray[np.uint8]) -> Generator[None, None, NDArray[np.float64]]:
        answers = []
        for batch in subject.ask(masks):
            answers.append(batch)
            self.done += len(batch)
            yield
        return np.concatenate(answers)

    def _repeat(self, name: str) -> Iterator[None]:
        method, cost = self.attributions[name].method, _cost(self.attributions[name])
        repeated = []
        for subject in repetitions(self.subject, method):
            last, before = None, self.done
            for attribution in self.explain[name](subject, self.cancelled):
                last = attribution
                self.done = before + min(_cost(attribution), cost)
                yield
            if self.cancelled():  # the method left off in the middle
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
