"""Tests of attention rollout on matrices with a known product."""

from __future__ import annotations

import numpy as np
import pytest

from model.detector.rollout import grid_of, rollout


def test_one_layer_gives_the_attention_of_the_class_token() -> None:
    attention = np.full((5, 5), 0.2)
    attention[0] = [0.0, 0.1, 0.2, 0.3, 0.4]
    np.testing.assert_allclose(rollout(attention[None, None]), [[0.25, 0.5], [0.75, 1.0]], atol=1e-6)


def test_heads_are_averaged_and_layers_multiplied() -> None:
    rng = np.random.default_rng(0)
    layers = rng.uniform(size=(3, 2, 10, 10))
    layers /= layers.sum(axis=-1, keepdims=True)
    product = np.eye(10)
    for layer in layers:
        product = (0.5 * layer.mean(axis=0) + 0.5 * np.eye(10)) @ product
    expected = product[0, 1:].reshape(3, 3)
    np.testing.assert_allclose(rollout(layers), expected / expected.max(), rtol=1e-5)


def test_uniform_attention_gives_a_uniform_map() -> None:
    np.testing.assert_allclose(rollout(np.full((4, 2, 17, 17), 1 / 17)), np.ones((4, 4)))
    np.testing.assert_allclose(rollout(np.full((2, 1, 16, 16), 1 / 16)), np.ones((4, 4)), err_msg="no class token")


def test_tokens_without_a_grid_are_refused() -> None:
    assert (grid_of(197), grid_of(198), grid_of(201), grid_of(196), grid_of(2), grid_of(23)) == (
        14,
        14,
        14,
        14,
        None,
        4,
    )
    for shape in [(1, 1, 2, 2), (1, 1, 5, 4), (1, 5, 5)]:
        with pytest.raises(ValueError, match=r"tokens|attentions"):
            rollout(np.zeros(shape))
