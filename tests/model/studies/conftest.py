"""Pictures for the tiny network."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def inputs() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(-1, 1, (12, 16, 16, 3)).astype(np.float32)
