"""Tests that every registered network builds, learns, is saved and comes back the same."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from model.architectures import ARCHITECTURES, LABELS, Architecture, PretrainedError, build
from model.efficientnet_lite import STAGES, backbone, fold_batch_norms

BATCH = 2


def inputs_for(name: str, seed: int = 0) -> np.ndarray:
    """Random pixels as the network expects them, ``(BATCH, S, S, 3) float32``."""
    preprocessing = ARCHITECTURES[name].preprocessing
    shape = (BATCH, preprocessing.input_size, preprocessing.input_size, 3)
    pixels = np.random.default_rng(seed).uniform(0, 255, shape)
    return (pixels * preprocessing.value_scale + preprocessing.value_offset).astype(np.float32)


def outputs_of(model: keras.Model, pixels: np.ndarray) -> dict[str, np.ndarray]:
    return {name: np.asarray(values) for name, values in model(pixels, training=False).items()}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_network_builds_learns_and_comes_back_from_its_file(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model, pixels = build(name), inputs_for(name)
    outputs = outputs_of(model, pixels)
    assert outputs["probabilities"].shape == (BATCH, len(LABELS))
    np.testing.assert_allclose(outputs["probabilities"].sum(axis=1), 1, atol=1e-5)
    masks = outputs["attention"]
    assert masks.ndim == 4 and masks.shape[-1] == 1
    assert masks.min() >= 0 and masks.max() <= 1

    before = {weight.path: np.asarray(weight) for weight in model.trainable_weights}
    losses = {"probabilities": "categorical_crossentropy", "attention": "binary_crossentropy"}
    model.compile(keras.optimizers.SGD(0.1), loss=losses, run_eagerly=True)
    targets = {"probabilities": np.eye(2, dtype=np.float32), "attention": (masks > np.median(masks)).astype(np.float32)}
    assert np.isfinite(model.train_on_batch(pixels, targets)).all()
    still = [path for path, value in before.items() if np.array_equal(value, weight_at(model, path))]
    assert len(still) < 0.1 * len(before), f"these layers learnt nothing: {still}"

    learnt = outputs_of(model, pixels)
    model.save_weights(tmp_path / "model.weights.h5")
    keras.utils.set_random_seed(1)
    twin = build(name)
    assert np.abs(outputs_of(twin, pixels)["attention"] - learnt["attention"]).max() > 1e-4
    twin.load_weights(tmp_path / "model.weights.h5")
    for output, values in outputs_of(twin, pixels).items():
        np.testing.assert_allclose(values, learnt[output], atol=1e-5)


def weight_at(model: keras.Model, path: str) -> np.ndarray:
    (weight,) = (weight for weight in model.trainable_weights if weight.path == path)
    return np.asarray(weight)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_shipped_form_computes_what_was_trained(name: str) -> None:
    keras.utils.set_random_seed(0)
    model, shipped = build(name), build(name, folded=True)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma, beta, mean + rng.normal(0, 0.2, mean.shape), variance * rng.uniform(0.5, 2)])
    fold_batch_norms(model, shipped)
    pixels = inputs_for(name)
    for output, values in outputs_of(shipped, pixels).items():
        np.testing.assert_allclose(values, outputs_of(model, pixels)[output], atol=1e-4)


def test_unknown_name_lists_those_that_exist() -> None:
    with pytest.raises(ValueError, match="No architecture is called 'resnet'") as caught:
        build("resnet")
    assert all(name in str(caught.value) for name in ARCHITECTURES)


def test_lite_attention_has_an_8x8_mask_and_centred_pixels() -> None:
    model = build("lite_attention", folded=True)
    assert tuple(model.output["attention"].shape) == (None, 8, 8, 1)
    preprocessing = ARCHITECTURES["lite_attention"].preprocessing
    assert 127 * preprocessing.value_scale + preprocessing.value_offset == 0
    assert 255 * preprocessing.value_scale + preprocessing.value_offset == 1


def test_lite_attention_starts_from_the_backbone_that_it_is_given(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    pretrained = backbone(128, tuple(1 if stage == 6 else s.stride for stage, s in enumerate(STAGES, start=1)))
    pretrained.save_weights(tmp_path / "backbone.weights.h5")
    keras.utils.set_random_seed(1)
    model = build("lite_attention", tmp_path / "backbone.weights.h5")
    for name in ("stem_conv", "stage3_block2_dw_conv", "stage6_block4_project_bn"):
        for ours, given in zip(
            model.get_layer(name).get_weights(), pretrained.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, given)
    assert outputs_of(model, inputs_for("lite_attention"))["attention"].shape == (BATCH, 8, 8, 1)


def test_lite_attention_says_where_its_imagenet_weights_come_from() -> None:
    with pytest.raises(PretrainedError, match=r"python -m model\.convert_backbone.* path"):
        build("lite_attention", "imagenet")


def test_builder_is_asked_for_a_folded_form_only_where_it_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple] = []
    preprocessing = ARCHITECTURES["lite_attention"].preprocessing
    for name, has_folded_form in (("two", True), ("one", False)):
        architecture = Architecture(lambda *given: asked.append(given), preprocessing, has_folded_form)
        monkeypatch.setitem(ARCHITECTURES, name, architecture)
        build(name, Path("weights.h5"), folded=True)
    assert asked == [(Path("weights.h5"), True), (Path("weights.h5"),)]
