"""Tests of training only the head of ``clip_attention``, on features with a known label."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from model.networks.clip_attention import clip_attention, features_only
from model.networks.clip_tower import Tower, compute_in_bfloat16
from model.paired import head as paired_head
from model.paired.epochs import freeze_attention_norm
from model.paired.head import FeatureBatches, keep_features, train_head

TINY = Tower(input_size=8, patch=4, width=6, heads=2, blocks=2)


class Squares:
    """Batches of pictures; fakes are bright in the first of four patches."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict, dict]:
        rng = np.random.default_rng(index)
        fake = rng.random(64) < 0.5
        pixels = rng.uniform(-0.2, 0.2, (64, 8, 8, 3)).astype(np.float32)
        pixels[fake, :4, :4] += 0.8
        masks = np.zeros((64, 2, 2, 1), np.float32)
        masks[fake, 0, 0] = 1
        labels = np.stack([fake, ~fake], axis=1).astype(np.float32)
        weights = {"probabilities": np.ones(64, np.float32), "attention": np.ones((64, 2, 2), np.float32)}
        return pixels, {"probabilities": labels, "attention": masks}, weights


@pytest.fixture
def network() -> keras.Model:
    keras.utils.set_random_seed(3)
    return clip_attention(tower=TINY)


@pytest.mark.slow
def test_head_is_trained_and_the_tower_does_not_change(network: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired_head, "EPOCHS", 80)
    monkeypatch.setattr(paired_head, "LEARNING_RATE", 2e-2)
    pixels, known, _ = Squares()[99]
    before = np.asarray(features_only(network)(pixels)["features"])
    freeze_attention_norm(network, Squares()[0][0])
    train_head(network, keep_features(network, Squares(), 8, 0), 0.3)
    outputs = network(pixels, training=False)
    assert np.mean((np.asarray(outputs["probabilities"])[:, 0] > 0.5) == (known["probabilities"][:, 0] > 0.5)) > 0.9
    fake = known["probabilities"][:, 0] == 1
    assert np.mean(np.asarray(outputs["attention"])[fake].reshape(-1, 4).argmax(1) == 0) > 0.9
    np.testing.assert_array_equal(np.asarray(features_only(network)(pixels)["features"]), before)


def test_each_epoch_has_every_picture_once_in_a_new_order() -> None:
    numbers = np.arange(256, dtype=np.float16).reshape(-1, 1, 1, 1)
    kept = FeatureBatches(numbers, {"probabilities": numbers}, {}, 0)
    orders = []
    for _ in range(2):
        batches = [kept[index] for index in range(len(kept))]
        orders.append(np.concatenate([features for features, _, _ in batches]).ravel())
        assert all(np.array_equal(features, targets["probabilities"]) for features, targets, _ in batches)
        kept.on_epoch_end()
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(256))
    assert not np.array_equal(orders[0], orders[1])


def test_tower_in_bfloat16_gives_nearly_the_same_probabilities(network: keras.Model) -> None:
    pixels = Squares()[0][0]
    exact = np.asarray(network(pixels)["probabilities"])
    compute_in_bfloat16(network)
    rough = network(pixels)["probabilities"]
    assert rough.dtype == exact.dtype == "float32"
    np.testing.assert_allclose(np.asarray(rough), exact, atol=0.02)
    assert np.abs(np.asarray(rough) - exact).max() > 0
