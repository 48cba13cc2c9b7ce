"""Tests of importing old Keras files: outputs equal the original, no code in files runs, huge networks are refused."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from model.errors import NotRebuilt
from model.legacy.convert import Imported, import_network
from model.legacy.graph import read_plan
from model.legacy.h5 import open_legacy
from model.networks.rebuild import EPSILON, build_plan, rebuild
from tests.model.legacy.descriptions import edit, layer_named
from tests.model.legacy.refused import refusal
from tests.model.networks.shallow import make_bodies_small, shallow_b7

DATA = Path(__file__).parents[2] / "data" / "legacy"
PAIRS = ("keras2_softmax", "keras2_sigmoid", "keras3_softmax")
NAME = "best_model_effatt.h5"


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A copy of a Keras 2 file, which a test may damage."""
    return Path(shutil.copy(DATA / "keras2_softmax" / NAME, tmp_path / NAME))


@pytest.fixture(scope="module")
def imported() -> Callable[[str], Imported]:
    """Imports the file in a folder, once for all tests; none of them changes the network."""
    return cache(lambda folder: import_network(DATA / folder / NAME))


def expected(folder: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures ``(4, 128, 128, 3) float32``, the original's probabilities ``(4, 2)`` and mask ``(4, 8, 8, 1)``."""
    with np.load(DATA / folder / "expected.npz") as stored:
        outputs = stored["outputs"]
        both = outputs if outputs.shape[1] == 2 else np.hstack([1 - outputs, outputs])
        return stored["pixels"].astype(np.float32), both, stored["attention"]


# Outputs of the original


@pytest.mark.slow
@pytest.mark.parametrize("folder", PAIRS)
def test_probabilities_and_mask_equal_those_of_the_original(folder: str, imported: Callable[[str], Imported]) -> None:
    found = imported(folder)
    pixels, probabilities, attention = expected(folder)
    outputs = {name: np.asarray(values) for name, values in found.network(pixels).items()}
    np.testing.assert_allclose(outputs["probabilities"], probabilities, atol=1e-5)
    np.testing.assert_allclose(outputs["attention"], attention, atol=1e-5)
    assert probabilities.std(axis=0).min() > 0.01 and attention.std() > 0.01, "the outputs must not be constant"
    assert found.report.matched == 36 and not found.report.missing and not found.report.unused


@pytest.mark.slow
def test_outputs_depend_on_the_loaded_weights(imported: Callable[[str], Imported]) -> None:
    """A network with random weights does not pass the test above by chance."""
    plan = imported("keras2_softmax").plan
    pixels, probabilities, _ = expected("keras2_softmax")
    assert plan is not None
    again = build_plan(plan)(pixels)["probabilities"]
    assert np.abs(np.asarray(again) - probabilities).max() > 0.01


@pytest.mark.slow
def test_network_rebuilt_from_its_description_accepts_the_same_weights(imported: Callable[[str], Imported]) -> None:
    found = imported("keras3_softmax")
    assert found.plan is not None
    twin = rebuild(json.loads(json.dumps(found.plan.to_json())))
    twin.set_weights(found.network.get_weights())
    pixels, _, _ = expected("keras3_softmax")
    again = twin(pixels)
    for name, values in found.network(pixels).items():
        np.testing.assert_array_equal(np.asarray(again[name]), np.asarray(values))


def test_division_by_an_all_zero_mask_is_finite(imported: Callable[[str], Imported]) -> None:
    rescale = imported("keras2_softmax").network.get_layer("RescaleGAP")
    zeros = np.zeros((1, 12), np.float32)
    assert np.isfinite(np.asarray(rescale([zeros, zeros]))).all()
    tiny = np.full((1, 12), 1e-4, np.float32)
    np.testing.assert_array_equal(np.asarray(rescale([tiny, tiny])), 1)  # the original had no epsilon
    assert EPSILON < 1e-10


def test_learned_normalisation_is_used(pair: Path) -> None:
    """Keras computes the constants of this layer from its weights when they are loaded."""
    with h5py.File(pair, "r+") as file:
        file["model_weights/small_efficientnet/normalization/mean:0"][...] = [0.2, 0.5, 0.8]
        file["model_weights/small_efficientnet/normalization/variance:0"][...] = [0.04, 0.09, 0.16]
    imported = import_network(pair)
    values = imported.network.get_layer("normalization")(np.full((1, 2, 2, 3), 0.5, np.float32))
    np.testing.assert_allclose(np.asarray(values)[0, 0, 0], [1.5, 0.0, -0.75], atol=1e-5)


@pytest.mark.slow
def test_rebuilt_network_can_be_trained() -> None:
    network = import_network(DATA / "keras2_sigmoid" / NAME).network
    pixels, before, _ = expected("keras2_sigmoid")
    network.compile(optimizer="sgd", loss={"probabilities": "categorical_crossentropy", "attention": None})
    network.fit(pixels, {"probabilities": np.eye(2)[[0, 1, 0, 1]]}, verbose=0)
    assert np.abs(np.asarray(network(pixels)["probabilities"]) - before).max() > 1e-5


@pytest.mark.parametrize("folder", ["keras2_softmax", "keras2_sigmoid"])
@pytest.mark.parametrize("name", ["probabilities", "pixels", "attention", "both_classes", "first_class"])
def test_authors_layers_may_have_the_names_of_our_layers(folder: str, name: str, tmp_path: Path) -> None:
    path = Path(shutil.copy(DATA / folder / NAME, tmp_path / NAME))
    with h5py.File(path, "r+") as file:
        last = json.loads(file.attrs["model_config"])["config"]["output_layers"][0][0]
        file.attrs["model_config"] = file.attrs["model_config"].replace(f'"{last}"', f'"{name}"')
        file["model_weights"].move(last, name)
        file[f"model_weights/{name}"].move(last, name)
    pixels, probabilities, _ = expected(folder)
    outputs = import_network(path).network(pixels)
    assert set(outputs) == {"probabilities", "attention"}
    np.testing.assert_allclose(np.asarray(outputs["probabilities"]), probabilities, atol=1e-5)


@pytest.mark.slow
def test_arithmetic_and_training_layers_give_the_outputs_of_the_original(tmp_path: Path) -> None:
    """The file is saved by the installed Keras."""
    inputs = keras.Input((16, 16, 3))
    augmented = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.2)])(inputs)
    x = layers.GaussianNoise(0.3)((augmented - 100.0) / 50.0)
    features = layers.SpatialDropout2D(0.2)(layers.Conv2D(6, 3, activation="relu")(layers.AlphaDropout(0.2)(x)))
    mask = layers.Conv2D(1, 1, activation="sigmoid")(features)
    pool = layers.GlobalAveragePooling2D()
    pooled = pool(features * mask) / (pool(mask) + 1e-3)
    pooled = layers.ActivityRegularization(l2=0.1)(pooled)
    network = keras.Model(inputs, layers.Dense(2, "softmax")(1.0 - 2.0 * pooled))
    network.save(tmp_path / "net.h5")
    pixels = np.random.default_rng(0).uniform(0, 255, (3, 16, 16, 3)).astype(np.float32)
    imported = import_network(tmp_path / "net.h5")
    assert imported.plan is not None and imported.plan.mask is not None
    outputs = np.asarray(imported.network(pixels)["probabilities"])
    np.testing.assert_allclose(outputs, network.predict(pixels, verbose=0), atol=1e-5)
    assert outputs.std(axis=0).min() > 1e-3


# No code in files runs


@pytest.mark.parametrize("name", ["two_inputs.h5", "one_input.h5"])
def test_hostile_lambda_never_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``make_legacy.py`` proved that Keras itself runs this code when the file is loaded and used."""
    path = DATA / "hostile" / name
    with h5py.File(path) as file:
        assert "__lambda__" in file.attrs["model_config"] or '"function_type": "lambda"' in file.attrs["model_config"]
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.chdir(tmp_path)
    if name == "two_inputs.h5":
        import_network(path).network(np.zeros((1, 128, 128, 3), np.float32))
    else:
        assert "code in the file, which is never run" in refusal(path, "efficientnetb7_attention")
    assert not list(tmp_path.iterdir())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_keras_loaders_are_never_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        pytest.fail("a loader of Keras was called")

    for owner, name in (
        (keras.models, "load_model"),
        (keras.models, "model_from_json"),
        (keras.saving, "deserialize_keras_object"),
        (layers, "deserialize"),
        (layers.Layer, "from_config"),
        (layers.Lambda, "__init__"),
        (keras.Model, "from_config"),
    ):
        monkeypatch.setattr(owner, name, forbidden)
    import_network(DATA / "keras3_softmax" / NAME)


def test_imported_file_is_not_changed(pair: Path) -> None:
    before = hashlib.sha256(pair.read_bytes()).hexdigest()
    pair.chmod(0o444)
    import_network(pair)
    assert hashlib.sha256(pair.read_bytes()).hexdigest() == before
    assert [path.name for path in pair.parent.iterdir()] == [pair.name]


# Refusals


def test_huge_layer_is_refused_before_memory_is_allocated(pair: Path) -> None:
    edit(pair, lambda config: layer_named(config, "dense")["config"].update(units=65_536))
    assert "more weights (at 'dense') than it holds" in refusal(pair)


def test_huge_output_is_refused(pair: Path) -> None:
    def blow_up(config: dict[str, Any]) -> None:
        entry = layer_named(config, "dropout")
        entry.update(class_name="UpSampling2D", config={"name": "dropout", "size": [1024, 1024]})

    edit(pair, blow_up)
    assert "makes more numbers than fit in memory" in refusal(pair)


def test_layers_that_do_not_fit_are_refused(pair: Path) -> None:
    edit(pair, lambda config: layer_named(config, "conv2d_4")["config"].update(filters=5))
    assert "does not fit its input" in refusal(pair)


def test_weights_of_the_wrong_shape_are_refused_and_named(pair: Path) -> None:
    edit(pair, lambda config: layer_named(config, "dense")["config"].update(units=64))
    sentence = refusal(pair)
    assert "'dense' needs weights [(12, 64), (64,)], but the file has (12, 128), (128,)" in sentence


def test_missing_weights_are_named(pair: Path) -> None:
    with h5py.File(pair, "r+") as file:
        del file["model_weights/dense/dense/bias:0"]
    assert "'dense' needs weights [(12, 128), (128,)], but the file has (12, 128)." in refusal(pair)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"units": 2, "activation": "linear"}, "result is 2 with the activation linear"),
        ({"activation": "tanh"}, "tanh"),
    ],
)
def test_output_that_is_not_a_probability_is_refused(pair: Path, change: dict[str, Any], words: str) -> None:
    edit(pair, lambda config: layer_named(config, "dense_1")["config"].update(change))
    assert words in refusal(pair)


def test_unknown_weights_are_reported(pair: Path) -> None:
    with h5py.File(pair, "r+") as file:
        file.create_dataset("model_weights/extra/extra/kernel:0", data=np.zeros((2, 2), np.float32))
    report = import_network(pair).report
    assert report.unused == ("extra/kernel",)
    assert any("extra/kernel" in sentence for sentence in report.sentences())


@pytest.mark.slow
def test_count_of_declared_weights_is_exact() -> None:
    """A count that is too high would refuse valid files; the smallest limit that passes is the file's own number."""
    for folder in PAIRS:
        with open_legacy(DATA / folder / NAME) as file:
            assert file.config is not None
            plan = read_plan(file.config)
        held = sum(math.prod(weight.shape) for weight in build_plan(plan).weights)
        build_plan(plan, held)
        with pytest.raises(NotRebuilt):
            build_plan(plan, held // 2)


# Other networks than the best one of the thesis


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "nested"),
    [("MobileNetV2", True), ("Xception", False), ("EfficientNetB7", True), ("EfficientNetB7", False)],
)
def test_other_backbones_are_rebuilt_with_the_same_outputs(
    kind: str, nested: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installed Keras saves the file; channels are scaled separately, as in EfficientNet with ImageNet weights."""
    monkeypatch.setattr(keras.applications, "EfficientNetB7", shallow_b7)
    make_bodies_small(monkeypatch)
    inputs = keras.Input((96, 96, 3))
    scaled = layers.Rescaling([0.01, 0.02, 0.03], [0.0, 0.1, 0.2])(inputs)
    given = {"input_shape": (None, None, 3)} if nested else {"input_tensor": scaled}
    body = getattr(keras.applications, kind)(include_top=False, weights=None, **given)
    pooled = layers.GlobalAveragePooling2D()(body(scaled) if nested else body.output)
    network = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(layers.BatchNormalization()(pooled)))
    network.save(tmp_path / "net.h5")
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 96, 96, 3)).astype(np.float32)
    imported = import_network(tmp_path / "net.h5")
    assert imported.plan is not None and imported.plan.mask is None and not imported.report.unused
    outputs = imported.network(pixels)
    np.testing.assert_allclose(np.asarray(outputs["probabilities"])[:, 1:], np.asarray(network(pixels)), atol=1e-5)
    assert set(outputs) == {"probabilities"}
