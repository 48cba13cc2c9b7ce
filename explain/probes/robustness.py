"""How stable a verdict is under common image changes: a prediction for the face after each change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.cancel import not_cancelled
from model.detector.detector import Detector
from model.photos.corruptions import CORRUPTIONS, Move, corrupt

Cut = Callable[[Move, float], NDArray[np.uint8]]  # the crop ``(S, S, 3) uint8`` at a square that is moved by a level

PARTS = tuple(name for name, corruption in CORRUPTIONS.items() if corruption.needs_landmarks)
# The corruption and the levels of each change, weakest first.
CHANGES: dict[str, tuple[str, tuple[float, ...]]] = {
    change: (name, levels)
    for name, corruption in CORRUPTIONS.items()
    for change, levels in corruption.changes().items()
}


@dataclass(frozen=True)
class Curve:
    """The predictions for a face under one change, weakest level first.

    Attributes:
        levels: in the unit of the corruption, see ``model.photos.corruptions``.
        probabilities: P(Fake) at each level.
        verdicts: verdict at each level: ``Fake``, ``Real`` or ``Inconclusive``.
        flip: index of the first level with another verdict than the untouched face; None if there is none.
    """

    levels: tuple[float, ...]
    probabilities: tuple[float, ...]
    verdicts: tuple[str, ...]
    flip: int | None

    @property
    def survived(self) -> int:
        """Number of levels, from the weakest, at which the verdict stays the same."""
        return len(self.levels) if self.flip is None else self.flip


@dataclass(frozen=True)
class Robustness:
    """The predictions for a face under the changes of ``CHANGES``.

    Attributes:
        probability: P(Fake) of the untouched face.
        verdict: of the untouched face.
        band: P(Fake) between these bounds is inconclusive.
        curves: by the names of ``CHANGES``, those measured so far; None if a change is not possible: covering parts
            needs landmarks.
    """

    probability: float
    verdict: str
    band: tuple[float, float]
    curves: dict[str, Curve | None] = field(default_factory=dict)

    @property
    def progress(self) -> float:
        """Share of the changes tried, 0..1."""
        return len(self.curves) / len(CHANGES)

    @property
    def complete(self) -> bool:
        """Whether every change was tried."""
        return len(self.curves) == len(CHANGES)

    @property
    def measured(self) -> dict[str, Curve]:
        """The measured curves."""
        return {name: curve for name, curve in self.curves.items() if curve is not None}

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; ``flip`` is the level, in the unit of the corruption."""
        return {
            "untouched": {"probability": round(self.probability, 6), "verdict": self.verdict},
            "inconclusive_band": list(self.band),
            "changes": {name: None if curve is None else _to_dict(name, curve) for name, curve in self.curves.items()},
        }


def _to_dict(name: str, curve: Curve) -> dict[str, Any]:
    return {
        "unit": CORRUPTIONS[CHANGES[name][0]].unit,
        "levels": list(curve.levels),
        "probabilities": [round(value, 6) for value in curve.probabilities],
        "verdicts": list(curve.verdicts),
        "flip": None if curve.flip is None else curve.levels[curve.flip],
    }


def measure_robustness(
    detector: Detector,
    crop: NDArray[np.uint8],
    landmarks: NDArray[np.float32] | None,
    seed: int = 0,
    cancelled: Callable[[], bool] = not_cancelled,
    cut: Cut | None = None,
    probability: float | None = None,
) -> Iterator[Robustness]:
    """Predict a face crop after each change, and yield the result so far after each of ``CHANGES``.

    The changes apply to the displayed crop, before the network's preprocessing shrinks it.

    Args:
        detector: the model.
        crop: face crop, ``(S, S, 3) uint8`` RGB.
        landmarks: ``(5, 2)`` x, y in crop pixels, ordered as ``Face.landmarks``; None without landmarks.
        seed: decides the noise.
        cancelled: called before each change; once it is true, no further result comes.
        cut: cuts the photo at a moved square, see ``Cut``; without it a moved crop repeats its own border.
        probability: P(Fake) of the untouched crop, if the model has judged it already.
    """
    probability = _p_fake(detector, crop[None])[0] if probability is None else probability
    band = detector.card.inconclusive_band
    found = Robustness(probability, detector.verdict(probability), band)
    for name, (corruption, levels) in CHANGES.items():
        if cancelled():
            return
        curve = None
        if landmarks is not None or not CORRUPTIONS[corruption].needs_landmarks:
            move = CORRUPTIONS[corruption].move
            if cut is not None and move is not None:
                changed = [cut(move, level) for level in levels]
            else:
                changed = [corrupt(crop, f"{corruption} {level:g}", landmarks, seed) for level in levels]
            curve = _curve(detector, found.verdict, levels, np.stack(changed))
        found = replace(found, curves={**found.curves, name: curve})
        yield found


def _curve(detector: Detector, verdict: str, levels: tuple[float, ...], crops: NDArray[np.uint8]) -> Curve:
    probabilities = _p_fake(detector, crops)
    verdicts = tuple(map(detector.verdict, probabilities))
    flip = next((place for place, other in enumerate(verdicts) if other != verdict), None)
    return Curve(levels, probabilities, verdicts, flip)


def _p_fake(detector: Detector, crops: NDArray[np.uint8]) -> tuple[float, ...]:
    return tuple(map(float, detector.probabilities(crops)[:, detector.card.labels.index("Fake")]))
