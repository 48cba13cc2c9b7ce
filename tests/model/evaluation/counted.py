"""Scores and labels for tests of measures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FAKE, REAL = True, False


def random_case(seed: int, count: int = 60, digits: int = 1) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores that are higher for fakes on average, rounded so that many are equal."""
    rng = np.random.default_rng(seed)
    is_fake = rng.random(count) < 0.4
    is_fake[:2] = [FAKE, REAL]
    return np.round(np.clip(rng.normal(0.4 + 0.2 * is_fake, 0.25), 0, 1), digits), is_fake
