"""Tests of model folders that store weights once: as int8 in the LiteRT file, from which Keras loads them too."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from model.artifact.card import TFLITE, WEIGHTS, Card, load_artifact, read_card, write_card
from model.artifact.preprocessing import LABELS, Preprocessing
from model.artifact.views import PLAIN, View
from model.detector.detector import Detector
from model.detector.engine import Engine
from model.networks.clip_attention import clip_attention, verdict_of_kept
from model.networks.clip_tower import Tower
from model.networks.export import load_keras, save_artifact
from model.networks.int8_weights import TENSOR, quantise, round_kernels
from model.networks.registry import ARCHITECTURES, Architecture, build
from model.paired.combine import combine

SMALL = Tower(input_size=16, patch=4, width=32, heads=2, blocks=2)
PREPROCESSING = Preprocessing(16, "RGB", 1 / 127.5, -1.0)
NAME = "small_clip"
pytestmark = pytest.mark.slow  # each test uses a network stored as int8


@pytest.fixture(scope="module")
def small_clip() -> object:
    """A small ``clip_attention`` in the registry, during the tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        architecture = Architecture(
            lambda pretrained: clip_attention(pretrained, tower=SMALL),
            PREPROCESSING,
            False,
            storage="int8_only",
            of_kept=verdict_of_kept,
        )
        patch.setitem(ARCHITECTURES, NAME, architecture)
        yield architecture


@pytest.fixture(scope="module")
def network(small_clip: object) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = build(NAME)
    rng = np.random.default_rng(0)
    model.set_weights([w + rng.normal(0, 0.2, w.shape).astype(np.float32) ** 2 for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def folder(network: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network as a folder; saving also rounds the network itself."""
    path = tmp_path_factory.mktemp("models") / "small"
    save_artifact(network, path, Card(NAME, PREPROCESSING, LABELS), "int8_only")
    return path


def pixels(count: int = 5) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (count, 16, 16, 3)).astype(np.float32)


def test_each_channel_is_quantised_by_its_largest_value() -> None:
    kernel = np.array([[1.27, 0.0, -0.5], [-0.64, 0.0, 0.254]], np.float32)
    values, steps = quantise(kernel)
    np.testing.assert_array_equal(values, [[127, 0, -127], [-64, 0, 65]])
    np.testing.assert_allclose(steps, [0.01, 1, 0.5 / 127], rtol=1e-6)


def test_rounding_twice_changes_nothing() -> None:
    keras.utils.set_random_seed(0)
    model = clip_attention(tower=SMALL)
    round_kernels(model)
    before = model.get_weights()
    round_kernels(model)
    for once, twice in zip(before, model.get_weights(), strict=True):
        np.testing.assert_allclose(once, twice, rtol=1e-6)


def test_loaded_weights_equal_the_saved_ones(network: keras.Model, folder: Path) -> None:
    twin = load_keras(folder)
    for saved, loaded in zip(network.weights, twin.weights, strict=True):
        np.testing.assert_allclose(np.asarray(loaded), np.asarray(saved), rtol=1e-6, err_msg=saved.path)
    for name, values in network(pixels()).items():
        np.testing.assert_allclose(np.asarray(twin(pixels())[name]), np.asarray(values), atol=1e-5)


def test_large_kernels_are_stored_only_in_the_litert_file(folder: Path) -> None:
    with h5py.File(folder / WEIGHTS) as file:
        names: dict[str, bool] = {}
        file.visititems(lambda name, item: names.update({name: TENSOR in item.attrs} if "shape" in dir(item) else {}))
    shared = {name for name, elsewhere in names.items() if elsewhere}
    blocks = {f"block{n}/{part}/kernel" for n in (1, 2) for part in ("query", "key", "value", "out", "fc1", "fc2")}
    assert shared == blocks | {
        "patch_embedding/kernel",
        "attention_conv1/kernel",
        "attention_conv2/kernel",
        "dense/kernel",
    }


def test_litert_and_keras_agree_within_the_error_of_int8_activations(network: keras.Model, folder: Path) -> None:
    engine, expected = Engine(folder / TFLITE), network(pixels())
    for name, values in engine(pixels()).items():
        np.testing.assert_allclose(values, np.asarray(expected[name]), atol=0.05)


def test_keeping_all_patches_gives_the_same_output_as_a_full_pass(folder: Path) -> None:
    engine = Engine(folder / TFLITE)
    assert engine.leaves_out_patches
    everything = np.arange(16, dtype=np.int32)
    for picture in pixels(2):
        plain = engine(picture[None])["probabilities"]
        np.testing.assert_allclose(engine.of_kept(picture, [everything]), plain, atol=1e-5)


def test_patches_are_left_out_in_every_view(folder: Path, tmp_path: Path) -> None:
    """With all patches the mean over the views is the usual output; ``in_turn`` gives each selection one view."""
    views = (View(right=0.25), View(down=0.25, mirrored=True))
    crop = np.random.default_rng(3).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    seen = np.random.default_rng(4).random((2, 4, 4, 4)) < 0.6
    seen[:, 0] = True

    shown = np.repeat(crop[None], 4, axis=0)  # used only by models without patches

    def with_views(name: str, views: tuple[View, ...]) -> Detector:
        shutil.copytree(folder, tmp_path / name)
        write_card(tmp_path / name, replace(load_artifact(folder), views=views))
        return Detector(tmp_path / name)

    both = with_views("both", views)
    alone = [
        with_views(str(turn), (view,)).probabilities_of_patches(crop, shown, seen[[turn]])
        for turn, view in enumerate(views)
    ]
    together = both.probabilities_of_patches(crop, shown, seen)
    np.testing.assert_allclose(together[0], both.probabilities(crop[None])[0], atol=1e-5)
    logits = np.log([answers[:, 0] / answers[:, 1] for answers in (*alone, together)])
    np.testing.assert_allclose(logits[2], logits[:2].mean(0), atol=1e-5)
    assert np.abs(logits[0] - logits[1]).min() > 1e-3, "the views must give different logits"
    in_turn = both.probabilities_of_patches(crop, shown, seen, in_turn=np.array([1, 0, 3, 2]))
    np.testing.assert_allclose(in_turn, [alone[1][0], alone[0][1], alone[1][2], alone[0][3]], atol=1e-6)


@pytest.mark.parametrize("views", [PLAIN, (View(right=0.25), View(down=0.25, mirrored=True))])
def test_part_without_patches_gets_the_picture_in_a_combined_model(
    folder: Path, tiny_artifact: Path, tmp_path: Path, views: tuple[View, ...]
) -> None:
    """In every view, each part gets the picture or the patches of that view."""
    for part in (tiny_artifact, folder):
        shutil.copytree(part, tmp_path / part.name)
        write_card(tmp_path / part.name, replace(load_artifact(part), temperature=0.5, fake_bias=0.0))
    combine([tmp_path / tiny_artifact.name, tmp_path / folder.name], tmp_path / "both")
    write_card(tmp_path / "both", replace(read_card(tmp_path / "both"), views=views))
    both, (tiny, small) = (
        Detector(tmp_path / "both"),
        (Detector(tmp_path / part.name) for part in (tiny_artifact, folder)),
    )
    rng = np.random.default_rng(3)
    crop, shown = (rng.integers(0, 256, (count, 16, 16, 3)).astype(np.uint8) for count in (1, 4))
    seen = rng.random((len(views), 4, 4, 4)) < 0.6
    assert both.patch_grid == small.patch_grid and tiny.patch_grid is None
    of_parts = [
        answers
        for view, patches in zip(views, seen, strict=True)
        for answers in (
            tiny.probabilities(view.shown(shown)),
            small.probabilities_of_patches(view.shown(crop)[0], shown, patches[None]),
        )
    ]
    *logits, found = (
        np.log(answers[:, 0] / answers[:, 1])
        for answers in (*of_parts, both.probabilities_of_patches(crop[0], shown, seen))
    )
    np.testing.assert_allclose(found, np.mean(logits, axis=0), atol=1e-4)


def test_litert_and_keras_leave_out_the_same_patches(network: keras.Model, folder: Path) -> None:
    engine, picture = Engine(folder / TFLITE), pixels(1)[0]
    chosen = [np.array(kept, np.int32) for kept in ([0, 3, 5, 15], [], [7], [1, 2, 3, 4, 5, 6])]
    answers = engine.of_kept(picture, chosen)
    for kept, answer in zip(chosen, answers, strict=True):
        # Keras with oneDNN can't convolve an empty tensor; the pooled features are 0 then.
        layer = network.get_layer
        nothing = layer("probabilities")(layer("dense")(np.zeros((1, 32), np.float32)))
        expected = verdict_of_kept(network, picture[None], kept)["probabilities"] if len(kept) else nothing
        np.testing.assert_allclose(answer, np.asarray(expected)[0], atol=0.05)


def test_patches_that_are_left_out_do_not_affect_the_output(network: keras.Model) -> None:
    picture = pixels(1)
    changed = picture.copy()
    changed[:, :4, :4] = 1  # patch 0
    kept = np.arange(1, 16, dtype=np.int32)
    both = [np.asarray(verdict_of_kept(network, each, kept)["probabilities"]) for each in (picture, changed)]
    np.testing.assert_array_equal(*both)
    assert np.abs(np.asarray(network(picture)["probabilities"] - network(changed)["probabilities"])).max() > 1e-4


def test_network_without_tokens_cannot_leave_out_patches(tiny_artifact: Path) -> None:
    assert not Engine(tiny_artifact / TFLITE).leaves_out_patches
