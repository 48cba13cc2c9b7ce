"""Tests of CLIP's image tower: it agrees with a NumPy implementation of the paper, and trains only layer norms."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from model.networks.clip_tower import Block, Tower, clip_tower, freeze_tower

TINY = Tower(input_size=8, patch=4, width=6, heads=2, blocks=2)


def tiny_tower(seed: int = 0) -> keras.Model:
    """A tower with random weights, biases and scales included."""
    model = clip_tower(TINY)
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.5, weight.shape).astype(np.float32) for weight in model.get_weights()])
    return model


def by_hand(model: keras.Model, picture: NDArray[np.float32]) -> NDArray[np.float64]:
    """Tokens of one picture ``(8, 8, 3)``, one patch, token and head at a time."""
    kernel, bias = model.get_layer("patch_embedding").get_weights()
    patches = [picture[row : row + 4, column : column + 4] for row in (0, 4) for column in (0, 4)]
    tokens = np.stack([np.zeros(6), *(np.einsum("hwi,hwio->o", patch, kernel) + bias for patch in patches)])
    tokens = norm(tokens + model.get_layer("tokens").get_weights()[0], model.get_layer("norm_tokens"))
    for number in (1, 2):
        parts = model.get_layer(f"block{number}").parts
        x = norm(tokens, parts["norm1"])
        query, key, value = (dense(x, parts[name]) for name in ("query", "key", "value"))
        heads = []
        for head in (slice(0, 3), slice(3, 6)):
            scores = np.exp(query[:, head] @ key[:, head].T)
            heads.append(scores / scores.sum(axis=1, keepdims=True) @ value[:, head])
        tokens = tokens + dense(np.concatenate(heads, axis=1), parts["out"])
        x = dense(norm(tokens, parts["norm2"]), parts["fc1"])
        tokens = tokens + dense(x / (1 + np.exp(-1.702 * x)), parts["fc2"])
    return tokens


def norm(x: NDArray, layer: keras.layers.Layer) -> NDArray[np.float64]:
    scale, shift = layer.get_weights()
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5) * scale + shift


def dense(x: NDArray, layer: keras.layers.Layer) -> NDArray[np.float64]:
    kernel, bias = layer.get_weights()
    return x @ kernel + bias


@pytest.mark.slow
def test_tower_computes_a_vision_transformer() -> None:
    model = tiny_tower()
    pictures = np.random.default_rng(1).normal(0, 1, (3, 8, 8, 3)).astype(np.float32)
    expected = np.stack([by_hand(model, picture) for picture in pictures])
    np.testing.assert_allclose(np.asarray(model(pictures)), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_full_size_tower_has_a_grid_of_ten_and_the_parameters_of_eight_blocks() -> None:
    tower = Tower()
    assert tower.grid == 10
    patch = 16 * 16 * 3 * 768 + 768
    block = 4 * (768 * 768 + 768) + 2 * 768 * 3072 + 768 + 3072 + 4 * 768
    assert clip_tower(tower).count_params() == patch + 101 * 768 + 2 * 768 + 8 * block


@pytest.mark.parametrize("train_norms", [False, True])
def test_frozen_tower_trains_only_its_layer_norms_or_nothing(train_norms: bool) -> None:
    model = tiny_tower()
    freeze_tower(model, train_norms)
    trained = {weight.path.split("/")[-2] for weight in model.trainable_weights}
    assert trained == ({"norm_tokens", "norm1", "norm2"} if train_norms else set())


def test_block_is_rebuilt_from_its_configuration() -> None:
    twin = Block.from_config(Block(2, name="block1").get_config())
    assert twin.heads == 2 and twin.name == "block1"
