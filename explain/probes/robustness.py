"""How stable a verdict is under common image changes: the same face, asked about again after each change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.cancel import never
from model.detector.detector import Detector
from model.photos.corruptions import CORRUPTIONS, corrupt

PARTS = ("eyes", "nose", "mouth")
_BRIGHTNESS = CORRUPTIONS["brightness"]
# Each change by the corruption that makes it and its levels, the weakest first. Of a part covered one level tells
# enough: the patch that just covers it.
CHANGES: dict[str, tuple[str, tuple[float, ...]]] = {
    **{name: (name, CORRUPTIONS[name].levels) for name in ("jpeg", "blur", "noise", "downscale")},
    "darker": ("brightness", _BRIGHTNESS.levels[: _BRIGHTNESS.original][::-1]),
    "brighter": ("brightness", _BRIGHTNESS.levels[_BRIGHTNESS.original :]),
    **{name: (name, (1.0,)) for name in PARTS},
}


@dataclass(frozen=True)
class Curve:
    """What the model says of a face under one change, the weakest level first.

    Attributes:
        levels: in the unit of the corruption, see ``model.photos.corruptions``.
        probabilities: P(Fake) at each level.
        verdicts: what the model says there: ``Fake``, ``Real`` or ``Inconclusive``.
        flip: place of the first level whose verdict is another one than the untouched face's; None where none is.
    """

    levels: tuple[float, ...]
    probabilities: tuple[float, ...]
    verdicts: tuple[str, ...]
    flip: int | None

    @property
    def survived(self) -> int:
        """How many levels the verdict stands, counted from the weakest."""
        return len(self.levels) if self.flip is None else self.flip


@dataclass(frozen=True)
class Robustness:
    """What the model says of a face that is changed in the ways of ``CHANGES``.

    Attributes:
        probability: P(Fake) of the untouched face.
        verdict: of the untouched face.
        band: P(Fake) between these bounds is inconclusive.
        curves: by the names of ``CHANGES``, those that are measured so far; None where it can't be done: without
            landmarks nobody knows where the eyes are.
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
        """The curves that there are."""
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
    cancelled: Callable[[], bool] = never,
) -> Iterator[Robustness]:
    """Ask the model about a face crop after each change, yielding after each of ``CHANGES`` what is known.

    The changes are made to the crop as it is shown, before the network's own preprocessing shrinks it.

    Args:
        detector: the model.
        crop: face crop, ``(S, S, 3) uint8`` RGB.
        landmarks: ``(5, 2)`` x, y in crop pixels, ordered as ``Face.landmarks``; None where there are none.
        seed: decides the noise.
        cancelled: asked before each change; once true, nothing more comes.
    """
    probability = _p_fake(detector, crop[None])[0]
    band = detector.card.inconclusive_band
    found = Robustness(probability, detector.verdict(probability), band)
    for name, (corruption, levels) in CHANGES.items():
        if cancelled():
            return
        curve = None
        if landmarks is not None or not CORRUPTIONS[corruption].needs_landmarks:
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
