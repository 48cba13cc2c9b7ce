"""Maps with known numbers, for tests of their captions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.html import captions
from explain.maps.attribution import Attribution
from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from tests.support.html import text

SIDE = 16
SEGMENTS = np.arange(SIDE).repeat(SIDE).reshape(SIDE, SIDE).astype(np.int32)  # 16 rows
WEIGHTS = np.linspace(-0.25, 0.5, SIDE, dtype=np.float32)  # 0 at row 5; the last one is the strongest
FIGURES = {"attention": 0.87, "centre": 0.85, "fakes": 543}
UNMEASURED = Card("lite_attention", Preprocessing(128), ("Fake", "Real"))
CARD = replace(UNMEASURED, metrics={"test": {"dfdc": {"attention_peak_inside": FIGURES}}})
EVIDENCE: dict[str, float | int | str | bool] = {
    "samples": 640,
    "budget": 1200,
    "complete": True,
    "converged": True,
    "halves_rank_correlation": 0.95,
    "halves_same_top": 1.0,
    "seed": 4,
    "r2": 0.624,
    "intercept": 0.118,
    "local_prediction": 0.874,
    "model_prediction": 0.931,
}


def superpixels(method: str, weights: NDArray[np.float32] = WEIGHTS, **changes: Any) -> Attribution:
    """A map of 16 superpixels."""
    found = Attribution(method, "Fake", weights[SEGMENTS], (SIDE, SIDE), SEGMENTS, weights, {"samples": 17})
    return replace(found, **changes)


def lime(weights: NDArray[np.float32] = WEIGHTS, reach: float | None = None, **evidence: Any) -> Attribution:
    """A map of LIME; ``reach`` is how far each interval reaches to either side of its weight."""
    found = superpixels("lime", weights, evidence=EVIDENCE | evidence)
    intervals = None if reach is None else np.stack([weights - reach, weights + reach], axis=1)
    return replace(found, intervals=intervals)


def caption_text(found: Attribution, shown: int = 8, card: Card = CARD) -> str:
    """The text of a caption."""
    return text(captions.caption(found, card, shown))
