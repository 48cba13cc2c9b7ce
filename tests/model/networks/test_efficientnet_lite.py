"""Tests of the backbone against the published table, and of folded batch norms against the original network."""

from __future__ import annotations

from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from model.networks.efficientnet_lite import STAGES, backbone, efficientnet_lite0, fold_batch_norms

# tf_efficientnet_lite0 has 4,652,008 trainable weights; its classifier of 1280 x 1000 + 1000 is not used here.
PUBLISHED_WEIGHTS = 4_652_008 - 1_281_000
STRIDES = tuple(stage.stride for stage in STAGES)


@cache  # building a network takes a second
def features_shape(side: int, **options: Any) -> tuple[int, ...]:
    return tuple(efficientnet_lite0(keras.Input((side, side, 3)), **options).shape[1:])


def randomise(model: keras.Model, seed: int = 0) -> None:
    """Set batch norms far from their initial values, but keep the scale of the signals."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            channels = layer.gamma.shape[0]
            ranges = ((0.7, 1.4), (-0.3, 0.3), (-0.3, 0.3), (0.5, 2.0))
            layer.set_weights([rng.uniform(low, high, channels) for low, high in ranges])


# backbone and efficientnet_lite0


@pytest.fixture(scope="module")
def whole() -> keras.Model:
    return backbone(32)


@pytest.mark.slow
def test_number_of_weights_is_the_published_one(whole: keras.Model) -> None:
    trainable = sum(int(np.prod(weight.shape)) for weight in whole.trainable_weights)
    assert trainable == PUBLISHED_WEIGHTS
    assert 3_370_000 <= trainable <= 3_400_000


def test_layers_agree_with_the_published_table(whole: keras.Model) -> None:
    """A stem, sixteen blocks, of which only the first has no expansion, and a head."""
    kinds = [type(layer) for layer in whole.layers]
    blocks = sum(stage.blocks for stage in STAGES)
    assert blocks == 16
    assert kinds.count(layers.DepthwiseConv2D) == blocks
    assert kinds.count(layers.Conv2D) == 1 + (2 * blocks - 1) + 1
    assert kinds.count(layers.BatchNormalization) == 1 + (3 * blocks - 1) + 1
    assert kinds.count(layers.ReLU) == 1 + (2 * blocks - 1) + 1, "projections are linear"
    assert all(layer.max_value == 6 for layer in whole.layers if isinstance(layer, layers.ReLU))
    assert kinds.count(layers.Add) == sum(stage.blocks - 1 for stage in STAGES)


@pytest.mark.slow
def test_full_network_reduces_the_size_by_32(whole: keras.Model) -> None:
    assert whole.output_shape == (None, 1, 1, 1280)
    assert backbone(96).output_shape == (None, 3, 3, 1280)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("last_stage", "shape"),
    [(1, (32, 32, 16)), (2, (16, 16, 24)), (3, (8, 8, 40)), (4, (4, 4, 80)), (5, (4, 4, 112)), (6, (2, 2, 192))],
)
def test_network_cut_after_a_stage_has_the_output_of_that_stage(last_stage: int, shape: tuple[int, int, int]) -> None:
    assert features_shape(64, last_stage=last_stage) == shape


@pytest.mark.slow
def test_last_stage_has_no_head() -> None:
    assert features_shape(64, last_stage=7) == (2, 2, 320)
    assert features_shape(64) == (2, 2, 1280)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [2, 3, 4, 6])
def test_stride_of_one_keeps_the_grid_of_the_previous_stage(stage: int) -> None:
    kept = (*STRIDES[: stage - 1], 1, *STRIDES[stage:])
    before = features_shape(64, last_stage=stage - 1)
    assert features_shape(64, strides=kept, last_stage=stage)[:2] == before[:2]
    assert features_shape(64, last_stage=stage)[0] == before[0] // 2


@pytest.mark.slow
def test_network_with_other_strides_accepts_the_same_weights(whole: keras.Model) -> None:
    twin = backbone(32, (1, 2, 2, 2, 1, 1, 1))
    twin.set_weights(whole.get_weights())
    assert twin.output_shape == (None, 2, 2, 1280)


@pytest.mark.parametrize("strides", [(1, 2, 2), (1,) * 8])
def test_wrong_number_of_strides_is_named(strides: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"needs 7 numbers, one per stage, but has {len(strides)}"):
        features_shape(32, strides=strides)


@pytest.mark.parametrize("stage", [0, 8, -1])
def test_stage_outside_the_table_is_named(stage: int) -> None:
    with pytest.raises(ValueError, match=rf"must be 1\.\.7 or None, but is {stage}\."):
        features_shape(32, last_stage=stage)


# fold_batch_norms


def with_head(folded: bool) -> keras.Model:
    """Three stages with and without expansion and with both kernel sizes, and a layer that folding only copies."""
    inputs = keras.Input((16, 16, 3))
    features = efficientnet_lite0(inputs, last_stage=3, folded=folded)
    pooled = layers.GlobalAveragePooling2D()(features)
    return keras.Model(inputs, {"features": features, "dense": layers.Dense(2, name="dense")(pooled)})


@pytest.mark.slow
def test_folded_network_gives_the_same_outputs() -> None:
    keras.utils.set_random_seed(0)
    source, target = with_head(False), with_head(True)
    randomise(source)
    fold_batch_norms(source, target)
    pixels = np.random.default_rng(1).uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
    outputs, folded = source(pixels, training=False), target(pixels, training=False)
    for name in ("features", "dense"):
        assert np.asarray(outputs[name]).std() > 0.05, "the outputs must not be constant"
        np.testing.assert_allclose(np.asarray(folded[name]), np.asarray(outputs[name]), atol=1e-4)


@pytest.mark.slow
def test_folded_network_has_no_batch_norm_and_the_source_is_unchanged() -> None:
    source, target = with_head(False), with_head(True)
    randomise(source)
    before = source.get_weights()
    fold_batch_norms(source, target)
    for weight, kept in zip(source.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in target.layers)
    assert sum(isinstance(layer, layers.BatchNormalization) for layer in source.layers) == 15


def test_layer_missing_in_the_source_is_an_error() -> None:
    inputs = keras.Input((16, 16, 3))
    source = keras.Model(inputs, efficientnet_lite0(inputs, last_stage=1))
    with pytest.raises(ValueError, match="stage2_block1_expand_conv"):
        fold_batch_norms(source, with_head(True))
