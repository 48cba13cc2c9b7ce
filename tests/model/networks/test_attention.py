"""Tests of the attention block: its pool is a weighted mean; expected values are computed by hand."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from model.networks.attention import MASK_LAYER, RescaleGAP, attention_block


def weighted_mean(features: NDArray[np.float32], masks: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(N, C)``: each picture's features averaged with its mask as the weights."""
    return np.stack(
        [
            np.average(f.reshape(-1, f.shape[-1]), axis=0, weights=m.ravel())
            for f, m in zip(features, masks, strict=True)
        ]
    )


def pooled(features: NDArray[np.float32], masks: NDArray[np.float32]) -> NDArray[np.float32]:
    """The output of RescaleGAP for the two averages that the block computes."""
    gaps = [(features * masks).mean(axis=(1, 2)), masks.mean(axis=(1, 2))]
    return np.asarray(RescaleGAP()([keras.ops.convert_to_tensor(gap) for gap in gaps]))


@pytest.fixture
def features() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(3, 4, 5, 6)).astype(np.float32)


@pytest.fixture
def masks() -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(0.1, 1, (3, 4, 5, 1)).astype(np.float32)


# RescaleGAP


def test_rescale_divides_each_row_by_its_own_mask() -> None:
    features = np.array([[2.0, 4.0], [9.0, 3.0]], np.float32)
    mask = np.array([[0.5], [3.0]], np.float32)
    result = np.asarray(RescaleGAP()([features, mask]))
    np.testing.assert_allclose(result, [[4, 8], [3, 1]], rtol=1e-5)


def test_pool_is_the_mean_weighted_by_the_mask(features: NDArray[np.float32], masks: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(pooled(features, masks), weighted_mean(features, masks), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("factor", [0.01, 0.5, 100])
def test_scale_of_the_mask_does_not_matter(
    features: NDArray[np.float32], masks: NDArray[np.float32], factor: float
) -> None:
    scaled = pooled(features, masks * np.float32(factor))
    np.testing.assert_allclose(scaled, pooled(features, masks), rtol=2e-3, atol=1e-4)


def test_flat_mask_gives_the_plain_mean(features: NDArray[np.float32], masks: NDArray[np.float32]) -> None:
    flat = np.full_like(masks, 0.3)
    np.testing.assert_allclose(pooled(features, flat), features.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)


def test_mask_on_one_cell_gives_that_cell(features: NDArray[np.float32], masks: NDArray[np.float32]) -> None:
    single = np.zeros_like(masks)
    single[:, 2, 3] = 1
    np.testing.assert_allclose(pooled(features, single), features[:, 2, 3], rtol=1e-4)


def test_all_zero_mask_gives_zeros_not_nan(features: NDArray[np.float32], masks: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(pooled(features, np.zeros_like(masks)), np.zeros((3, 6)))


def test_epsilon_is_kept_in_the_configuration() -> None:
    twin = RescaleGAP.from_config(RescaleGAP(epsilon=0.25, name="pool").get_config())
    assert twin.epsilon == 0.25 and twin.name == "pool"
    assert float(np.asarray(twin([np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)]))[0, 0]) == 4


# attention_block


def block(channels: int = 6, **options: object) -> keras.Model:
    inputs = keras.Input((4, 5, channels))
    pool, mask = attention_block(inputs, **options)
    return keras.Model(inputs, {"pool": pool, "mask": mask})


@pytest.fixture
def network(features: NDArray[np.float32]) -> keras.Model:
    """A block whose batch norm is not the identity, so that a missing norm changes the output."""
    keras.utils.set_random_seed(0)
    model = block()
    norm = model.get_layer("attention_bn")
    norm.set_weights([np.linspace(start, stop, 6) for start, stop in ((0.5, 2), (-1, 1), (-0.5, 0.5), (0.3, 3))])
    return model


def test_block_gives_one_value_per_channel_and_one_mask_value_per_cell(
    network: keras.Model, features: NDArray[np.float32]
) -> None:
    outputs = {name: np.asarray(value) for name, value in network(features).items()}
    assert outputs["pool"].shape == (3, 6) and outputs["mask"].shape == (3, 4, 5, 1)
    assert outputs["mask"].min() >= 0 and outputs["mask"].max() <= 1 and np.ptp(outputs["mask"]) > 0


def test_block_pools_the_normalised_features_with_its_own_mask(
    network: keras.Model, features: NDArray[np.float32]
) -> None:
    outputs = {name: np.asarray(value) for name, value in network(features).items()}
    gamma, beta, mean, variance = network.get_layer("attention_bn").get_weights()
    normalised = (features - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    expected = weighted_mean(normalised, outputs["mask"])
    np.testing.assert_allclose(outputs["pool"], expected, rtol=1e-3, atol=1e-4)


def test_mask_of_a_cell_depends_only_on_that_cell(network: keras.Model, features: NDArray[np.float32]) -> None:
    """All convolutions are 1x1, so each cell of the mask is computed on its own."""
    changed = features.copy()
    changed[:, 1, 2] += 5
    difference = np.abs(np.asarray(network(changed)["mask"]) - np.asarray(network(features)["mask"]))[..., 0]
    assert difference[:, 1, 2].max() > 1e-3
    difference[:, 1, 2] = 0
    assert difference.max() < 1e-6


@pytest.mark.parametrize("depth", [(64, 16, 8), (4,), ()])
def test_depth_sets_the_convolutions_before_the_mask(depth: tuple[int, ...]) -> None:
    convolutions = [layer for layer in block(depth=depth).layers if isinstance(layer, layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [*depth, 1]
    assert all(layer.kernel_size == (1, 1) for layer in convolutions)
    assert convolutions[-1].name == MASK_LAYER


def test_block_is_saved_and_loaded_without_any_lambda(
    network: keras.Model, features: NDArray[np.float32], tmp_path: Path
) -> None:
    """Keras refuses Lambda layers under ``safe_mode``, so the files of the thesis could not be loaded."""
    assert not any(isinstance(layer, layers.Lambda) for layer in network.layers)
    network.save(tmp_path / "block.keras")
    twin = keras.models.load_model(tmp_path / "block.keras", safe_mode=True)
    for name, value in network(features).items():
        np.testing.assert_allclose(np.asarray(twin(features)[name]), np.asarray(value), atol=1e-6)
