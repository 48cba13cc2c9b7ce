"""Tests of the network that a paired training starts from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from model.artifact.card import Card
from model.artifact.preprocessing import LABELS
from model.errors import ArchitectureError
from model.networks import litert_file
from model.networks.efficientnet_lite import BATCH_NORM_EPSILON, backbone
from model.networks.export import load_keras, save_artifact
from model.networks.registry import ARCHITECTURES, build
from model.paired.start import FROZEN, freeze, start
from tests.model.conftest import write_no_litert


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, keras.Model]:
    """A folder of ``lite_attention`` with random weights, without a LiteRT file that runs, and the network in it."""
    folder = tmp_path_factory.mktemp("shipped") / "lite"
    keras.utils.set_random_seed(1)
    card = Card("lite_attention", ARCHITECTURES["lite_attention"].preprocessing, LABELS)
    network = build("lite_attention", folded=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(litert_file, "write_litert", write_no_litert)
        save_artifact(network, folder, card)
    return folder, network


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, keras.Model]:
    """A weights file of the backbone, and the backbone."""
    path = tmp_path_factory.mktemp("imagenet") / "lite0.weights.h5"
    keras.utils.set_random_seed(2)
    body = backbone()
    for layer in body.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([weights + 0.5 for weights in layer.get_weights()])
    body.save_weights(path)
    return path, body


@pytest.mark.slow
def test_later_stages_and_attention_are_not_frozen() -> None:
    model = build("lite_attention")
    freeze(model)
    state = {layer.name: layer.trainable for layer in model.layers if layer.weights}
    assert not any(trainable for name, trainable in state.items() if name.startswith(FROZEN))
    norms = {name for name in state if name.endswith("_bn")}
    assert {name for name in norms if state[name]} == {"attention_bn"}
    learning = {name for name, trainable in state.items() if trainable}
    assert {"stage3_block1_dw_conv", "stage6_block4_project_conv", "attention_mask", "dense"} <= learning
    assert {name for name in state if name.startswith(FROZEN)} >= {"stem_conv", "stage2_block2_project_conv"}


@pytest.mark.slow
def test_weights_of_a_model_folder_are_unchanged_and_its_norm_is_frozen(shipped: tuple[Path, keras.Model]) -> None:
    folder, before = shipped
    network = start("lite_attention", model=folder)
    for ours, given in zip(network.get_weights(), before.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, given)
    trainable = {layer.name for layer in network.layers if layer.weights and layer.trainable}
    assert "attention_bn" not in trainable and {"attention_mask", "stage3_block1_dw_conv", "dense"} <= trainable
    assert not any(name.startswith(FROZEN) for name in trainable)


@pytest.mark.slow
def test_backbone_is_averaged_with_imagenet_weights_by_the_share(
    shipped: tuple[Path, keras.Model], imagenet: tuple[Path, keras.Model]
) -> None:
    (folder, before), (path, body) = shipped, imagenet
    network = start("lite_attention", path, model=folder, imagenet_share=0.25)
    for name in ("stem", "stage5_block2_project"):
        gamma, _, _, variance = body.get_layer(f"{name}_bn").get_weights()
        pretrained = body.get_layer(f"{name}_conv").get_weights()[0] * gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
        ours, now = (model.get_layer(f"{name}_conv").get_weights()[0] for model in (before, network))
        np.testing.assert_allclose(now, 0.75 * ours + 0.25 * pretrained, atol=1e-6)
    for ours, given in zip(*(m.get_layer("dense").get_weights() for m in (network, before)), strict=True):
        np.testing.assert_array_equal(ours, given)


@pytest.mark.slow
@pytest.mark.usefixtures("without_litert")
def test_halfway_to_averages_two_models(
    tiny_architecture: str,
    tiny_artifact: Path,
    tiny_card: Card,
    tiny_network: Callable[[], keras.Model],
    tmp_path: Path,
) -> None:
    second = tiny_network()
    save_artifact(second, tmp_path / "second", tiny_card)
    found = start(tiny_architecture, model=tiny_artifact, halfway_to=tmp_path / "second").get_weights()
    for ours, theirs, mean in zip(load_keras(tiny_artifact).get_weights(), second.get_weights(), found, strict=True):
        np.testing.assert_allclose(mean, (ours + theirs) / 2, atol=1e-6)


@pytest.mark.slow
def test_conflicting_arguments_are_refused(
    shipped: tuple[Path, keras.Model], imagenet: tuple[Path, keras.Model]
) -> None:
    with pytest.raises(ArchitectureError, match="not both"):
        start("lite_attention", weights=imagenet[0], model=shipped[0])
    with pytest.raises(ArchitectureError, match="is a lite_attention, not a efficientnetb7_attention"):
        start("efficientnetb7_attention", model=shipped[0])
