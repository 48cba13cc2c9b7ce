"""Small bodies in place of EfficientNet-B7 and Xception."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras.src.applications import xception
from keras.src.applications.efficientnet import EfficientNet


def shallow_b7(**given: Any) -> keras.Model:
    """EfficientNet-B7 with one narrow block in place of several in each stage: seven instead of 55.

    Stem, blocks, head and the layer more where weights are downloaded are those of B7, which ``test_thesis.py`` builds.
    """
    return EfficientNet(0.25, 0.1, 64, weights_name="b7", **given)


def make_xception_shallow(patched: pytest.MonkeyPatch) -> None:
    """Build one of Xception's eight equal middle blocks; ``tests/explain/maps`` builds all of them."""
    patched.setattr(xception, "range", lambda count: range(1), raising=False)
