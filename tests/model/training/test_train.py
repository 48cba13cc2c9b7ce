"""Tests of training: its arguments, its pictures, and the files of a run."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
from keras import layers
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model.artifact.card import load_artifact
from model.artifact.preprocessing import LABELS, Preprocessing, to_input
from model.data.dataset import gather
from model.data.split import split_of_run
from model.detector.detector import Detector
from model.errors import DatasetError, RunError, TrainingError
from model.networks.efficientnet_lite import efficientnet_lite0
from model.networks.export import load_keras
from model.networks.registry import ARCHITECTURES, Architecture, build
from model.training import epochs as epochs_module
from model.training import runs
from model.training import train as train_module
from model.training.arguments import Training
from model.training.epochs import validation_measures
from model.training.runs import library_versions
from model.training.streams import stream
from model.training.train import fit, train
from tests.model.training.plain import PLAIN, Data, build_plain, history, settings, without_seconds

pytestmark = pytest.mark.usefixtures("untraced")
COLUMNS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "val_auc", "learning_rate", "seconds"]


# Training


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"architecture": "resnet"}, "No architecture is called 'resnet'"),
        ({"optimizer": "lion"}, "adam or sgd"),
        ({"strategy": "tpu"}, "none, mirrored, multiworker"),
        ({"learning_rate": 0.0}, "learning rate"),
        ({"learning_rate": math.nan}, "learning rate"),
        ({"batch_size": 0}, "at least 1"),
        ({"epochs": 0}, "at least 1"),
        ({"pretrained": Path("nothing.h5")}, "no weights file nothing.h5"),
        ({"mixed_precision": True, "strategy": "multiworker"}, "one machine"),
    ],
)
def test_wrong_settings_are_refused_with_the_reason(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        settings(**wrong)


def test_defaults_are_those_of_the_thesis() -> None:
    training = Training("cnn")
    assert training.epochs <= 10 and training.batch_size in (16, 32) and training.optimizer == "adam"


# fit


@pytest.mark.slow
@pytest.mark.usefixtures("without_litert")
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_run_writes_all_files_and_learns(
    data: Data, tmp_path: Path, optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    drawn: list[tuple[Figure, Path]] = []
    monkeypatch.setattr(train_module, "save", lambda *chart: drawn.append(chart))
    seen: list[Mapping[str, float]] = []
    result = fit(*data, settings(optimizer=optimizer, augment=True), out, seen.append)
    rows = history(out)
    assert list(rows[0]) == COLUMNS and [row["epoch"] for row in rows] == [1, 2, 3, 4] and rows == seen
    assert rows[-1]["loss"] < rows[0]["loss"] and result.val_accuracy >= 0.9 and result.val_auc == 1
    best = min(rows, key=lambda row: row["val_loss"])
    assert (result.val_loss, result.best_epoch, result.epochs) == (best["val_loss"], best["epoch"], 4)
    assert result.parameters == build(PLAIN).count_params()
    assert result.seconds == pytest.approx(sum(row["seconds"] for row in rows))
    arguments = json.loads((out / "arguments.json").read_text())
    assert arguments["versions"] == library_versions() and arguments["seed"] == 0
    assert (arguments["optimizer"], arguments["data"], arguments["faces"]) == (optimizer, "data", False)
    assert arguments["start"] == result.start == "random"
    assert arguments["pictures"] == {"train": 40, "val": 12}
    ((figure, path),) = drawn
    assert path == out / "curves.png" and len(figure.axes[0].lines[0].get_xdata()) == 4


@pytest.mark.slow
@pytest.mark.usefixtures("without_charts")
def test_artifact_has_the_weights_of_the_best_epoch(data: Data, tmp_path: Path) -> None:
    result = fit(*data, settings(learning_rate=0.1), tmp_path / "run")
    card = load_artifact(result.artifact)
    assert (card.architecture, card.labels, card.temperature) == (PLAIN, LABELS, None)
    assert card.training["data"] == {"data": "As its owner says."} and card.training["best_epoch"] == result.best_epoch
    assert card.training["pictures"] == "whole pictures" and not (result.artifact / "split.csv").exists()
    assert card.training["arguments"]["learning_rate"] == 0.1
    best = build(PLAIN)
    best.load_weights(tmp_path / "run" / "best.weights.h5")
    crops = np.random.default_rng(1).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    detector = Detector(result.artifact)
    expected = np.asarray(best(to_input(crops, card.preprocessing))["probabilities"])
    np.testing.assert_allclose(detector.probabilities(crops), expected, atol=3e-3)
    assert detector.predict(crops[0]).attention is None
    root, examples = data
    val_set = [example for example in examples if example.split == "val"]
    pixels, labels = next(iter(stream(root, val_set, card.preprocessing, 12)))
    again = validation_measures(np.asarray(best(pixels)["probabilities"]), labels.numpy())
    assert again["val_loss"] == pytest.approx(result.val_loss, abs=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("no_export")
def test_weights_file_has_no_optimizer_state(data: Data, tmp_path: Path) -> None:
    fit(*data, settings(epochs=1), tmp_path / "run")
    build(PLAIN).save_weights(tmp_path / "bare.weights.h5")
    size = (tmp_path / "run" / "best.weights.h5").stat().st_size
    assert size == pytest.approx((tmp_path / "bare.weights.h5").stat().st_size, rel=0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("without_charts")
def test_attention_mask_is_exported_if_the_network_has_one(data: Data, tmp_path: Path, tiny_architecture: str) -> None:
    result = fit(*data, settings(architecture=tiny_architecture, epochs=1), tmp_path / "run")
    mask = Detector(result.artifact).predict(np.zeros((16, 16, 3), np.uint8)).attention
    assert mask is not None and mask.shape == (8, 8)


def build_foldable(pretrained: Path | str | None = None, folded: bool = False) -> keras.Model:
    """Two stages of the shipped network's body."""
    inputs = keras.Input((16, 16, 3))
    pooled = layers.GlobalAveragePooling2D()(efficientnet_lite0(inputs, last_stage=2, folded=folded))
    return keras.Model(inputs, {"probabilities": layers.Dense(2, activation="softmax", name="verdict")(pooled)})


@pytest.mark.slow
@pytest.mark.usefixtures("without_charts")
def test_network_with_a_folded_form_is_exported_in_it(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture = Architecture(build_foldable, Preprocessing(16, "RGB", 1 / 255), has_folded_form=True)
    monkeypatch.setitem(ARCHITECTURES, "foldable", architecture)
    result = fit(*data, settings(architecture="foldable", epochs=1), tmp_path / "run")
    trained = build("foldable")
    trained.load_weights(tmp_path / "run" / "best.weights.h5")
    assert [layer for layer in trained.layers if isinstance(layer, layers.BatchNormalization)]
    assert not [layer for layer in load_keras(result.artifact).layers if isinstance(layer, layers.BatchNormalization)]
    crops = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    card = load_artifact(result.artifact)
    expected = np.asarray(trained(to_input(crops, card.preprocessing))["probabilities"])
    np.testing.assert_allclose(Detector(result.artifact).probabilities(crops), expected, atol=0.02)


@pytest.mark.slow
@pytest.mark.usefixtures("no_export")
def test_run_depends_only_on_the_seed(data: Data, tmp_path: Path) -> None:
    runs_of = {}
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        fit(*data, settings(seed=seed, epochs=1, augment=True), tmp_path / name)
        runs_of[name] = without_seconds(history(tmp_path / name))
    assert runs_of["first"] == runs_of["again"] != runs_of["other"]


@pytest.mark.usefixtures("no_training", "no_export")
def test_pictures_without_a_face_are_left_out_of_a_training_on_faces(data: Data, tmp_path: Path) -> None:
    root, examples = data
    boxed = [replace(e, box=None if e.path.endswith("/1.png") else (2.0, 2.0, 18.0, 18.0)) for e in examples]
    fit(root, boxed, settings(epochs=1, faces=True), tmp_path / "run")
    arguments = json.loads((tmp_path / "run" / "arguments.json").read_text())
    assert arguments["pictures"] == {"train": 38, "val": 10} and arguments["faces"] is True


@pytest.mark.slow
@pytest.mark.usefixtures("no_training", "no_export")
def test_failed_download_starts_from_random_weights_with_a_warning(
    data: Data, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        result = fit(*data, settings(pretrained="imagenet", epochs=1), tmp_path / "run")
    assert "could not be downloaded. Starting at random." in caplog.text
    arguments = json.loads((tmp_path / "run" / "arguments.json").read_text())
    assert (arguments["pretrained"], arguments["start"], result.start) == ("imagenet", "random", "random")
    caplog.clear()
    again = fit(*data, settings(pretrained="imagenet", epochs=2), tmp_path / "run")
    assert again.start == "random" and not caplog.messages, "a resumed run downloads nothing"


@pytest.mark.usefixtures("no_training", "no_export")
def test_used_weights_file_is_recorded(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        ARCHITECTURES, PLAIN, replace(ARCHITECTURES[PLAIN], build=lambda pretrained=None: build_plain())
    )
    path = tmp_path / "body.weights.h5"
    path.touch()
    assert fit(*data, settings(pretrained=path, epochs=1), tmp_path / "run").start == "body.weights.h5"


def test_missing_faces_are_not_replaced_by_whole_pictures(data: Data, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No face was found in any picture; --whole-pictures"):
        fit(*data, settings(faces=True), tmp_path / "run")


@pytest.mark.slow
@pytest.mark.usefixtures("no_export")
def test_training_on_whole_pictures_ignores_known_faces(data: Data, tmp_path: Path) -> None:
    root, examples = data
    boxed = [replace(e, box=(2.0, 2.0, 9.0, 9.0)) for e in examples]
    for name, given in (("whole", examples), ("boxed", boxed)):
        fit(root, given, settings(epochs=1), tmp_path / name)
    assert without_seconds(history(tmp_path / "whole")) == without_seconds(history(tmp_path / "boxed"))


def test_missing_class_is_named(data: Data, tmp_path: Path) -> None:
    root, examples = data
    with pytest.raises(DatasetError, match="no val pictures of the class Fake"):
        fit(root, [e for e in examples if e.split == "train" or e.label == "Real"], settings(), tmp_path / "run")


@pytest.mark.slow
@pytest.mark.usefixtures("no_export")
def test_nan_loss_ends_the_run(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nan_loss = {"val_loss": math.nan, "val_accuracy": 0.5, "val_auc": 0.5}
    monkeypatch.setattr(epochs_module, "validation_measures", lambda *_: nan_loss)
    with pytest.raises(TrainingError, match="not finite in epoch 1; try a lower learning rate"):
        fit(*data, settings(), tmp_path / "run")


# The command


@pytest.mark.slow
@pytest.mark.usefixtures("without_litert", "without_charts")
def test_command_trains_from_a_folder_of_both_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, rng = tmp_path / "faces", np.random.default_rng(0)
    for label, level in (("REAL", 150), ("Fake", 105)):
        (root / label).mkdir(parents=True)
        for number in range(20):
            pixels: NDArray[np.uint8] = np.clip(rng.normal(level, 40, (24, 24, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(root / label / f"{number}.png"), pixels)
    out = tmp_path / "run"
    train(root, out, architecture=PLAIN, epochs=1, batch_size=16, whole_pictures=True)
    printed = capsys.readouterr().out
    assert "val_auc" in printed and json.loads(printed[printed.index("{") :])["epochs"] == 1
    arguments = json.loads((out / "arguments.json").read_text())
    assert arguments["pictures"] == {"train": 32, "val": 4} and arguments["pretrained"] is None
    assert (arguments["sets"], arguments["group_pattern"], arguments["remove_leaks"]) == (None, None, False)
    assert load_artifact(out / "artifact").architecture == PLAIN
    assert (out / "split.csv").read_text() == (out / "artifact" / "split.csv").read_text()
    train_set = gather(root, None, 0)
    assert split_of_run(out / "artifact", gather(root, None, 5)) == train_set != gather(root, None, 5)


def test_changed_arguments_are_refused_before_pictures_are_read(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.write_arguments(tmp_path / "run", {"architecture": PLAIN, "seed": 1})
    monkeypatch.setattr(train_module, "gather", lambda *_: pytest.fail("pictures were read"))
    with pytest.raises(RunError, match=r"another .*seed"):
        train(data[0], tmp_path / "run", architecture=PLAIN, whole_pictures=True)


def test_bad_arguments_are_one_sentence(command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, _, err = command("train", tmp_path, "--out", tmp_path / "run", "--optimizer", "x")
    assert (code, err) == (1, "Error: No optimizer is called 'x'; choose adam or sgd.\n")
