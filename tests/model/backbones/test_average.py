"""Tests of averaging two networks: layers are matched by name, and mismatches are errors."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from model.backbones.imagenet import average, average_backbone
from model.errors import ArchitectureError
from model.networks.lite_attention import lite_attention


def network(value: float, *names: str) -> keras.Model:
    """Dense layers of one weight, each ``value``."""
    inputs = x = keras.Input((1,))
    for name in names:
        x = layers.Dense(1, use_bias=False, name=name, kernel_initializer=keras.initializers.Constant(value))(x)
    return keras.Model(inputs, x)


def value_of(model: keras.Model, name: str) -> float:
    return float(model.get_layer(name).get_weights()[0].item())


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_shared_layers_are_averaged_and_other_layers_stay(share: float) -> None:
    first, second = network(2, "stem", "block", "top"), network(10, "block", "stem", "attention")
    averaged = average(first, second, share)
    assert value_of(averaged, "stem") == value_of(averaged, "block") == pytest.approx(2 + 8 * share)
    assert value_of(averaged, "top") == 2
    assert value_of(second, "stem") == 10, "the second network is not changed"


def test_networks_without_a_common_layer_are_refused() -> None:
    with pytest.raises(ArchitectureError, match="no layer in common"):
        average(network(0, "a"), network(0, "b"), 0.5)


def test_layers_of_different_shapes_are_refused() -> None:
    inputs = keras.Input((3,))
    second = keras.Model(inputs, layers.Dense(2, use_bias=False, name="stem")(inputs))
    with pytest.raises(ArchitectureError, match="Layer stem has another shape"):
        average(network(0, "stem"), second, 0.5)
    assert np.isfinite(second.get_weights()[0]).all()


@pytest.mark.slow
def test_missing_misnamed_and_damaged_files_are_refused(tmp_path: Path) -> None:
    damaged, good = tmp_path / "damaged.weights.h5", tmp_path / "out.weights.h5"
    damaged.write_bytes(b"no weights")
    with pytest.raises(ArchitectureError, match=r"no weights file .*missing"):
        average_backbone(tmp_path / "missing.weights.h5", damaged, good)
    with pytest.raises(ArchitectureError, match=r"must end in \.weights\.h5, not be called out\.h5"):
        average_backbone(damaged, damaged, tmp_path / "out.h5")
    with pytest.raises(ArchitectureError, match=r"damaged\.weights\.h5 holds no weights that fit"):
        average_backbone(damaged, damaged, good)
    with pytest.raises(ArchitectureError, match=r"damaged\.weights\.h5 holds no weights that fit"):
        lite_attention(damaged)
    assert not good.exists()
