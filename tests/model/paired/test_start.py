"""Tests of the network that a paired training starts from."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from model.artifact.card import Card
from model.artifact.preprocessing import LABELS
from model.errors import ArchitectureError
from model.networks import litert_file
from model.networks.efficientnet_lite import backbone, fold_batch_norms
from model.networks.export import load_keras, save_artifact
from model.networks.registry import ARCHITECTURES, build
from model.paired.start import FROZEN, freeze, start
from tests.model.conftest import write_no_litert


def shipped_with(seed: int, folder: Path) -> Path:
    """The model folder of a ``lite_attention`` with random weights, without a LiteRT file that runs."""
    keras.utils.set_random_seed(seed)
    card = Card("lite_attention", ARCHITECTURES["lite_attention"].preprocessing, LABELS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(litert_file, "write_litert", write_no_litert)
        save_artifact(build("lite_attention", folded=True), folder, card)
    return folder


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ``lite_attention`` with random weights, as it is shipped."""
    return shipped_with(1, tmp_path_factory.mktemp("shipped") / "lite")


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("imagenet") / "lite0.weights.h5"
    keras.utils.set_random_seed(2)
    backbone().save_weights(path)
    return path


@pytest.mark.slow
def test_freezing_spares_the_later_stages_and_the_attention() -> None:
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
def test_model_folder_is_taken_as_it_is_and_its_norm_stays_frozen(shipped: Path) -> None:
    network = start("lite_attention", model=shipped)
    for mine, its in zip(network.get_weights(), load_keras(shipped).get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
    trainable = {layer.name for layer in network.layers if layer.weights and layer.trainable}
    assert "attention_bn" not in trainable and {"attention_mask", "stage3_block1_dw_conv", "dense"} <= trainable
    assert not any(name.startswith(FROZEN) for name in trainable)


@pytest.mark.slow
def test_backbone_goes_back_towards_imagenet_by_the_share(shipped: Path, imagenet: Path) -> None:
    before, network = load_keras(shipped), start("lite_attention", imagenet, model=shipped, imagenet_share=0.25)
    body, folded = backbone(192), backbone(192, folded=True)
    body.load_weights(imagenet)
    fold_batch_norms(body, folded)
    for name in ("stem_conv", "stage5_block2_dw_conv"):
        ours, its, now = (model.get_layer(name).get_weights()[0] for model in (before, folded, network))
        np.testing.assert_allclose(now, 0.75 * ours + 0.25 * its, atol=1e-6)
    for mine, its in zip(*(m.get_layer("dense").get_weights() for m in (network, before)), strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.slow
def test_two_models_meet_halfway(shipped: Path, tmp_path: Path) -> None:
    other = shipped_with(5, tmp_path / "other")
    both = [load_keras(folder).get_weights() for folder in (shipped, other)]
    found = start("lite_attention", model=shipped, halfway_to=other).get_weights()
    for one, two, mean in zip(*both, found, strict=True):
        np.testing.assert_allclose(mean, (one + two) / 2, atol=1e-6)


@pytest.mark.slow
def test_what_does_not_fit_is_refused(shipped: Path, imagenet: Path) -> None:
    with pytest.raises(ArchitectureError, match="not both"):
        start("lite_attention", weights=imagenet, model=shipped)
    with pytest.raises(ArchitectureError, match="is a lite_attention, not a efficientnetb7_attention"):
        start("efficientnetb7_attention", model=shipped)
