"""Tests of the sets that a paired training is measured on after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.preprocessing import Preprocessing
from model.data.dataset import choose
from model.paired import epochs
from model.paired.epochs import UNSEEN, validation_sets


def test_large_unseen_source_is_measured_on_both_classes(
    make_data: Callable[..., tuple[Path, Path]],
    picture: Callable[..., NDArray[np.uint8]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Paths of fakes come first, and there are more fakes than pictures are taken."""
    names = [f"large/test/{label}/{i}.png" for label in ("fake", "real") for i in range(10)]
    names += [f"small/test/real/{i}.png" for i in range(3)]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    monkeypatch.setattr(epochs, "UNSEEN_EACH", 8)
    pixels, is_fake = validation_sets(root, [], choose(root, cache), Preprocessing(16))[UNSEEN]
    assert len(pixels) == len(is_fake) == 8 + 3
    assert 0 < is_fake.sum() < 8
