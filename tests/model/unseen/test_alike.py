"""Tests of judging pictures after the same recompression and resizing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from model.data.dataset import choose
from model.unseen.alike import FACTOR, degrade_alike, judge_alike

Pixels = NDArray[np.uint8]


class Brightness:
    """P(Fake) is the brightness of the crop."""

    card = SimpleNamespace(labels=("Fake", "Real"), preprocessing=SimpleNamespace(crop_margin=1.0, input_size=32))

    def probabilities(self, crops: Pixels) -> NDArray[np.float64]:
        fake = crops.mean(axis=(1, 2, 3)) / 255
        return np.stack([fake, 1 - fake], axis=1)


def test_degradation_depends_only_on_the_seed(picture: Callable[..., Pixels]) -> None:
    first, second = picture(1), picture(2)
    factors = [degrade_alike(photo, (0, number))[1] for number in range(200) for photo in (first, second)]
    assert factors[::2] == factors[1::2], "the content of the photo does not matter"
    assert FACTOR[0] <= min(factors) < 0.55 and 0.95 < max(factors) <= FACTOR[1]
    degraded, factor = degrade_alike(first, (0, 0))
    assert degraded.shape[:2] == (round(64 * factor), round(64 * factor))


def test_known_face_is_judged_in_the_resized_photo(make_data: Callable[..., tuple[Path, Path]]) -> None:
    photo = np.zeros((64, 64, 3), np.uint8)
    photo[8:56, 8:56] = 255  # contains the face in the cache, (12, 8, 40, 48)
    root, cache = make_data({"a/test/fake/0.png": photo, "b/test/real/0.png": np.full_like(photo, 51)})
    examples = choose(root, cache)
    p_fake = judge_alike(Brightness(), root, examples, seed=0)
    np.testing.assert_allclose(p_fake, [1, 0.2], atol=0.05)
    again = judge_alike(Brightness(), root, examples[1:], seed=0)
    assert again[0] == p_fake[1], "other pictures do not matter"
    assert len(judge_alike(Brightness(), root, [], seed=0)) == 0
