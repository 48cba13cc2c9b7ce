"""Tests of the second model's network: a frozen trunk, attention on the patches, a head that can be trained alone."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from model.errors import ArchitectureError, PretrainedError
from model.networks.clip_attention import clip_attention, features_only, give_verdict, verdict_on_features
from model.networks.clip_tower import Tower, clip_tower
from model.networks.registry import ARCHITECTURES, build

TINY = Tower(input_size=8, patch=4, width=6, heads=2, blocks=2)


def pixels(count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (count, 8, 8, 3)).astype(np.float32)


@pytest.mark.slow
def test_mask_has_one_cell_per_patch() -> None:
    outputs = clip_attention(tower=TINY)(pixels())
    assert outputs["probabilities"].shape == (2, 2)
    assert outputs["attention"].shape == (2, 2, 2, 1)


@pytest.mark.slow
def test_features_are_the_normalised_patch_tokens_in_their_order() -> None:
    network = clip_attention(tower=TINY)
    tokens = np.asarray(keras.Model(network.input, network.get_layer("block2").output)(pixels()))[:, 1:]
    features = np.asarray(features_only(network)(pixels())["features"]).reshape(2, 4, 6)
    spread = np.sqrt(tokens.var(axis=-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(features, (tokens - tokens.mean(axis=-1, keepdims=True)) / spread, atol=1e-5)


@pytest.mark.slow
def test_head_trained_on_features_can_be_put_into_the_network() -> None:
    network, head = clip_attention(tower=TINY), verdict_on_features(TINY)
    features = features_only(network)(pixels())["features"]
    expected = head(features)
    assert np.abs(np.asarray(network(pixels())["probabilities"] - expected["probabilities"])).max() > 1e-5
    give_verdict(network, head)
    for name, values in network(pixels()).items():
        np.testing.assert_allclose(np.asarray(values), np.asarray(expected[name]), atol=1e-6)


@pytest.mark.slow
def test_trunk_is_frozen_except_for_its_layer_norms_on_request() -> None:
    def trained(network: keras.Model) -> set[str]:
        return {weight.path.split("/")[0] for weight in network.trainable_weights}

    head = trained(verdict_on_features(TINY))
    assert trained(clip_attention(tower=TINY)) == head
    more = trained(clip_attention(tower=TINY, train_norms=True)) - head
    assert more == {"norm_tokens", "block1", "block2"}


@pytest.mark.slow
def test_network_starts_from_the_given_tower(tmp_path: Path) -> None:
    donor = clip_tower(TINY)
    donor.save_weights(tmp_path / "tower.weights.h5")
    network = clip_attention(tmp_path / "tower.weights.h5", tower=TINY)
    for ours, given in zip(
        network.get_layer("block2").get_weights(), donor.get_layer("block2").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, given)


@pytest.mark.slow
def test_weights_of_another_tower_are_refused(tmp_path: Path) -> None:
    clip_tower(TINY).save_weights(tmp_path / "tower.weights.h5")
    with pytest.raises(ArchitectureError, match="no weights that fit"):
        clip_attention(tmp_path / "tower.weights.h5", tower=Tower(8, 4, 4, 2, 2))


def test_error_says_how_to_get_the_pretrained_weights() -> None:
    with pytest.raises(PretrainedError, match=r"python -m model convert.* path"):
        build("clip_attention", "imagenet")


def test_pixels_are_centred() -> None:
    preprocessing = ARCHITECTURES["clip_attention"].preprocessing
    ends = [value * preprocessing.value_scale + preprocessing.value_offset for value in (0, 255)]
    assert ends == pytest.approx([-1, 1])
    assert (preprocessing.input_size, preprocessing.crop_margin) == (160, 1.3)
