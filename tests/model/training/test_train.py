"""Tests of training: what a run leaves behind, how it goes on when stopped, and that devices learn as one."""

from __future__ import annotations

import csv
import json
import logging
import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from model.artifact.card import load_artifact, read_card, write_card
from model.artifact.preprocessing import LABELS, Preprocessing, to_input
from model.data.dataset import gather
from model.data.layout import Example
from model.data.split import split_of_run
from model.detector.detector import Detector
from model.errors import DatasetError, PretrainedError, RunError, TrainingError
from model.networks.registry import ARCHITECTURES, Architecture, build
from model.training import epochs as epochs_module
from model.training import runs
from model.training import train as train_module
from model.training.arguments import Training
from model.training.epochs import judge
from model.training.loop import Loop, is_chief, make_strategy, precision
from model.training.runs import library_versions
from model.training.streams import stream
from model.training.train import fit, train

RUNNER = Path(__file__).parents[1] / "distributed_run.py"
COLUMNS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "val_auc", "learning_rate", "seconds"]
Data = tuple[Path, list[Example]]
PLAIN = "plain_with_memory"


def build_plain(pretrained: Path | str | None = None) -> keras.Model:
    """No attention, but everything that has a memory: batch norm, dropout."""
    if pretrained is not None:
        raise PretrainedError("The weights could not be downloaded.")
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(inputs)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, {"probabilities": layers.Dense(2, activation="softmax")(x)}, name=PLAIN)


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, PLAIN, Architecture(build_plain, Preprocessing(16, "RGB", 1 / 255), False))


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """Pictures that a test may change."""
    return make_data(tmp_path / "data")


def make_data(root: Path) -> Data:
    """Noisy pictures, bright where real, dark where fake: 20 and 20 to train on, 6 and 6 to validate on."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 20), ("val", 6)):
        for label, level in (("Real", 150), ("fake", 105)):
            folder = root / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.clip(rng.normal(level, 40, (24, 24, 3)), 0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / f"{number}.png"), pixels)
    return root, gather(root, None, 0)


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares the conversion where the artifact is not what is tested."""
    monkeypatch.setattr(runs, "export", lambda *_: None)


def settings(**changes: Any) -> Training:
    return replace(Training(PLAIN, learning_rate=0.02, batch_size=8, epochs=4, faces=False), **changes)


def history(out: Path) -> list[dict[str, float]]:
    with (out / "history.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def timeless(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


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
def test_wrong_settings_are_refused_in_words(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        settings(**wrong)


def test_thesis_budget_is_the_default() -> None:
    training = Training("cnn")
    assert training.epochs <= 10 and training.batch_size in (16, 32) and training.optimizer == "adam"


# fit


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_run_leaves_everything_behind_and_learns(data: Data, tmp_path: Path, optimizer: str) -> None:
    out = tmp_path / "run"
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
    curves = cv2.imread(str(out / "curves.png"))
    assert curves is not None and curves.std() > 5


def test_artifact_is_the_best_epoch(data: Data, tmp_path: Path) -> None:
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
    judged = [example for example in examples if example.split == "val"]
    pixels, labels = next(iter(stream(root, judged, card.preprocessing, 12)))
    again = judge(np.asarray(best(pixels)["probabilities"]), labels.numpy())
    assert again["val_loss"] == pytest.approx(result.val_loss, abs=1e-4)


@pytest.mark.usefixtures("no_export")
def test_weights_file_holds_no_optimizer(data: Data, tmp_path: Path) -> None:
    fit(*data, settings(epochs=1), tmp_path / "run")
    build(PLAIN).save_weights(tmp_path / "bare.weights.h5")
    size = (tmp_path / "run" / "best.weights.h5").stat().st_size
    assert size == pytest.approx((tmp_path / "bare.weights.h5").stat().st_size, rel=0.05)


def test_attention_is_exported_where_there_is_one(data: Data, tmp_path: Path, tiny_architecture: str) -> None:
    result = fit(*data, settings(architecture=tiny_architecture, epochs=1), tmp_path / "run")
    mask = Detector(result.artifact).predict(np.zeros((16, 16, 3), np.uint8)).attention
    assert mask is not None and mask.shape == (8, 8)


@pytest.mark.slow
def test_lite_attention_is_shipped_in_its_folded_form(data: Data, tmp_path: Path) -> None:
    root, examples = data
    few = [example for example in examples if example.path.endswith(("/0.png", "/1.png"))]
    result = fit(root, few, settings(architecture="lite_attention", epochs=1, batch_size=4), tmp_path / "run")
    trained = build("lite_attention")
    trained.load_weights(tmp_path / "run" / "best.weights.h5")
    crops = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    card = load_artifact(result.artifact)
    expected = np.asarray(trained(to_input(crops, card.preprocessing))["probabilities"])
    np.testing.assert_allclose(Detector(result.artifact).probabilities(crops), expected, atol=0.02)
    assert result.parameters > 1_000_000


@pytest.mark.usefixtures("no_export")
def test_seed_decides_a_run(data: Data, tmp_path: Path) -> None:
    runs_of = {}
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        fit(*data, settings(seed=seed, epochs=2, augment=True), tmp_path / name)
        runs_of[name] = timeless(history(tmp_path / name))
    assert runs_of["first"] == runs_of["again"] != runs_of["other"]


@pytest.mark.usefixtures("no_export")
def test_pictures_without_a_face_are_left_out_where_faces_were_looked_for(data: Data, tmp_path: Path) -> None:
    root, examples = data
    boxed = [replace(e, box=None if e.path.endswith("/1.png") else (2.0, 2.0, 18.0, 18.0)) for e in examples]
    fit(root, boxed, settings(epochs=1, faces=True), tmp_path / "run")
    arguments = json.loads((tmp_path / "run" / "arguments.json").read_text())
    assert arguments["pictures"] == {"train": 38, "val": 10} and arguments["faces"] is True


@pytest.mark.usefixtures("no_export")
def test_failed_download_starts_at_random_and_says_so(
    data: Data, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        result = fit(*data, settings(pretrained="imagenet", epochs=1), tmp_path / "run")
    assert "could not be downloaded. Starting at random." in caplog.text
    arguments = json.loads((tmp_path / "run" / "arguments.json").read_text())
    assert (arguments["pretrained"], arguments["start"], result.start) == ("imagenet", "random", "random")
    caplog.clear()
    again = fit(*data, settings(pretrained="imagenet", epochs=2), tmp_path / "run")
    assert again.start == "random" and not caplog.messages, "what goes on downloads nothing"


@pytest.mark.usefixtures("no_export")
def test_weights_file_that_was_used_is_recorded(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        ARCHITECTURES, PLAIN, replace(ARCHITECTURES[PLAIN], build=lambda pretrained=None: build_plain())
    )
    path = tmp_path / "body.weights.h5"
    path.touch()
    assert fit(*data, settings(pretrained=path, epochs=1), tmp_path / "run").start == "body.weights.h5"


def test_faces_that_were_asked_for_and_not_found_are_not_replaced_by_whole_pictures(data: Data, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No face was found in any picture; --whole-pictures"):
        fit(*data, settings(faces=True), tmp_path / "run")


@pytest.mark.usefixtures("no_export")
def test_whole_pictures_are_learnt_whole_whatever_faces_are_known(data: Data, tmp_path: Path) -> None:
    root, examples = data
    boxed = [replace(e, box=(2.0, 2.0, 9.0, 9.0)) for e in examples]
    for name, given in (("whole", examples), ("boxed", boxed)):
        fit(root, given, settings(epochs=1), tmp_path / name)
    assert timeless(history(tmp_path / "whole")) == timeless(history(tmp_path / "boxed"))


def test_class_that_is_missing_is_named(data: Data, tmp_path: Path) -> None:
    root, examples = data
    with pytest.raises(DatasetError, match="no val pictures of the class Fake"):
        fit(root, [e for e in examples if e.split == "train" or e.label == "Real"], settings(), tmp_path / "run")


def test_loss_that_is_no_number_ends_the_run(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = {"val_loss": math.nan, "val_accuracy": 0.5, "val_auc": 0.5}
    monkeypatch.setattr(epochs_module, "judge", lambda *_: nothing)
    with pytest.raises(TrainingError, match="no number any more in epoch 1; try a lower learning rate"):
        fit(*data, settings(), tmp_path / "run")


# Going on


class Killed(Exception):
    """Stands for the end of a process."""


def kill_after(epoch: int) -> Callable[[Mapping[str, float]], None]:
    def watch(row: Mapping[str, float]) -> None:
        if row["epoch"] == epoch:
            raise Killed

    return watch


@pytest.mark.usefixtures("no_export")
def test_stopped_run_goes_on_as_if_it_had_not_been(data: Data, tmp_path: Path) -> None:
    training = settings(augment=True, patience=2)
    whole = fit(*data, training, tmp_path / "whole")
    with pytest.raises(Killed):
        fit(*data, training, tmp_path / "parts", kill_after(1))
    assert len(history(tmp_path / "parts")) == 1 and not (tmp_path / "parts" / "artifact").exists()
    with pytest.raises(Killed):
        fit(*data, training, tmp_path / "parts", kill_after(3))
    keras.utils.set_random_seed(99)
    parts = fit(*data, training, tmp_path / "parts")
    assert timeless(history(tmp_path / "parts")) == timeless(history(tmp_path / "whole"))
    assert (parts.val_loss, parts.epochs, parts.best_epoch) == (whole.val_loss, whole.epochs, whole.best_epoch)
    best, other = build(PLAIN), build(PLAIN)
    best.load_weights(tmp_path / "whole" / "best.weights.h5")
    other.load_weights(tmp_path / "parts" / "best.weights.h5")
    for ours, theirs in zip(best.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("no_export")
def test_run_killed_inside_an_epoch_repeats_that_epoch(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(*data, settings(), tmp_path / "whole")
    steps = iter(range(1000))
    learn = Loop._learn_on_replicas

    def fail(self: Loop, *batch: tf.Tensor) -> tf.Tensor:
        tf.py_function(lambda: raise_at(next(steps), 7), [], [])
        return learn(self, *batch)

    with monkeypatch.context() as patched:
        patched.setattr(Loop, "_learn_on_replicas", fail)
        with pytest.raises(tf.errors.OpError, match="Killed"):
            fit(*data, settings(), tmp_path / "parts")
    assert len(history(tmp_path / "parts")) == 1, "five steps are an epoch"
    fit(*data, settings(), tmp_path / "parts")
    assert timeless(history(tmp_path / "parts")) == timeless(history(tmp_path / "whole"))


def raise_at(step: int, last: int) -> None:
    if step == last:
        raise Killed("Killed")


@pytest.mark.usefixtures("no_export")
def test_epoch_whose_state_was_not_written_is_run_again(data: Data, tmp_path: Path) -> None:
    """The process may end between the two files: the state is the one that counts."""
    out = tmp_path / "run"
    with pytest.raises(Killed):
        fit(*data, settings(), out, kill_after(2))
    rows = history(out)
    runs.write_rows(out, [*rows, {**rows[-1], "epoch": 3.0}])
    fit(*data, settings(), out)
    assert [row["epoch"] for row in history(out)] == [1, 2, 3, 4]


def test_finished_run_and_its_calibration_are_left_alone(data: Data, tmp_path: Path) -> None:
    first = fit(*data, settings(epochs=2), tmp_path / "run")
    write_card(first.artifact, replace(read_card(first.artifact), temperature=1.5))
    before = (tmp_path / "run" / "history.csv").read_text()
    again = fit(*data, settings(epochs=2), tmp_path / "run")
    assert again == first and (tmp_path / "run" / "history.csv").read_text() == before
    assert load_artifact(first.artifact).temperature == 1.5


def test_export_that_was_cut_short_is_done_again(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process may end while the model folder of better weights is written: the old one must not stay."""
    out = tmp_path / "run"
    first = fit(*data, settings(epochs=1), out)

    def cut_short(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(runs, "export", cut_short)
        fit(*data, settings(epochs=4), out)
    assert read_card(first.artifact).training["best_epoch"] == 1
    result = fit(*data, settings(epochs=4), out)
    assert result.best_epoch > 1 and load_artifact(result.artifact).training["best_epoch"] == result.best_epoch


def test_worse_epochs_leave_the_model_folder_and_its_calibration(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = fit(*data, settings(epochs=1), tmp_path / "run")
    write_card(result.artifact, replace(read_card(result.artifact), temperature=1.5))
    worse = {"val_loss": 9.0, "val_accuracy": 0.5, "val_auc": 0.5}
    monkeypatch.setattr(epochs_module, "judge", lambda *_: worse)
    assert fit(*data, settings(epochs=2), tmp_path / "run").best_epoch == 1
    assert load_artifact(result.artifact).temperature == 1.5


@pytest.mark.usefixtures("no_export")
def test_finished_run_can_be_given_more_epochs(data: Data, tmp_path: Path) -> None:
    fit(*data, settings(epochs=2), tmp_path / "run")
    assert fit(*data, settings(epochs=3), tmp_path / "run").epochs == 3
    assert json.loads((tmp_path / "run" / "arguments.json").read_text())["epochs"] == 3


@pytest.mark.usefixtures("no_export")
def test_folder_of_another_run_is_refused(data: Data, tmp_path: Path) -> None:
    fit(*data, settings(epochs=1), tmp_path / "run")
    with pytest.raises(RunError, match="another batch_size, learning_rate; repeat its arguments"):
        fit(*data, settings(epochs=1, batch_size=16, learning_rate=0.3), tmp_path / "run")


@pytest.mark.usefixtures("no_export")
def test_run_goes_on_with_no_other_pictures_or_split(data: Data, tmp_path: Path) -> None:
    root, examples = data
    fit(root, examples, settings(epochs=1), tmp_path / "run", options={"remove_leaks": False})
    swapped = {"train/Real/0.png": "val", "val/Real/0.png": "train"}
    other = [replace(e, split=swapped.get(e.path, e.split)) for e in examples]
    with pytest.raises(RunError, match="another split;"):
        fit(root, other, settings(epochs=2), tmp_path / "run", options={"remove_leaks": False})
    with pytest.raises(RunError, match="another remove_leaks;"):
        fit(root, examples, settings(epochs=2), tmp_path / "run", options={"remove_leaks": True})


@pytest.mark.usefixtures("no_export")
def test_state_of_another_network_is_refused(data: Data, tmp_path: Path) -> None:
    fit(*data, settings(epochs=1), tmp_path / "run")
    runs.write_state(tmp_path / "run", 1, [keras.Variable(np.zeros(3))])
    with pytest.raises(RunError, match=r"resume\.npz does not fit"):
        fit(*data, settings(epochs=2), tmp_path / "run")


# Patience


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation gets better once, and then never again."""
    losses = {1: 0.6, 2: 0.5}

    def judge_by_epoch(self: epochs_module.Epochs) -> dict[str, float]:
        number = len(self.rows) + 1
        rate = float(np.asarray(self._loop.optimizer.learning_rate))
        figures = {"loss": 0.5, "accuracy": 0.5, "val_loss": losses.get(number, 0.7), "val_accuracy": 0.5}
        return {"epoch": number, **figures, "val_auc": 0.5, "learning_rate": rate, "seconds": 1.0}

    monkeypatch.setattr(epochs_module.Epochs, "_next", judge_by_epoch)


@pytest.mark.usefixtures("stuck", "no_export")
def test_patience_halves_the_learning_rate_and_then_stops(data: Data, tmp_path: Path) -> None:
    result = fit(*data, settings(epochs=20, patience=4), tmp_path / "run")
    rates = [row["learning_rate"] for row in history(tmp_path / "run")]
    assert rates == pytest.approx([0.02, 0.02, 0.02, 0.02, 0.01, 0.01])
    assert (result.epochs, result.best_epoch, result.val_loss) == (6, 2, 0.5)


@pytest.mark.usefixtures("stuck", "no_export")
def test_patience_counts_on_after_a_stop(data: Data, tmp_path: Path) -> None:
    training = settings(epochs=20, patience=4)
    for epoch in (3, 5):
        with pytest.raises(Killed):
            fit(*data, training, tmp_path / "run", kill_after(epoch))
    assert fit(*data, training, tmp_path / "run").epochs == 6
    rates = [row["learning_rate"] for row in history(tmp_path / "run")]
    assert rates == pytest.approx([0.02, 0.02, 0.02, 0.02, 0.01, 0.01])
    assert fit(*data, training, tmp_path / "run").epochs == 6, "patience is used up for good"


# The loop


def test_judging_gives_loss_accuracy_and_auc() -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]], np.float32)
    labels = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    figures = judge(probabilities, labels)
    assert figures["val_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.7, 0.8]).mean(), rel=1e-5)
    assert figures["val_accuracy"] == 0.75 and figures["val_auc"] == 1


def test_certain_and_wrong_is_a_finite_loss() -> None:
    figures = judge(np.array([[0, 1], [0, 1]], np.float32), np.array([[1, 0], [0, 1]], np.float32))
    assert 5 < figures["val_loss"] < 20


def test_every_picture_is_judged_once(data: Data) -> None:
    """Twelve pictures in batches of eight, the last batch small or filled."""
    root, examples = data
    chosen = [example for example in examples if example.split == "val"]
    model = build(PLAIN)
    loop = Loop(model, keras.optimizers.SGD(0.0), make_strategy("none"), 8)
    preprocessing = ARCHITECTURES[PLAIN].preprocessing

    def batches(size: int, shard: tuple[int, int]) -> tf.data.Dataset:
        return stream(root, chosen, preprocessing, size, shard=shard)

    probabilities, labels = loop.judge(batches)
    assert probabilities.shape == labels.shape == (12, 2)
    expected = np.asarray(model(next(iter(batches(12, (1, 0))))[0])["probabilities"])
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    filled, _ = loop.judge(lambda size, shard: stream(root, chosen, preprocessing, size, multiple_of=8, fill=True))
    np.testing.assert_allclose(filled, expected, atol=1e-5)  # what only fills the batch is not judged


def test_mixed_precision_learns_in_float16_and_keeps_float32(data: Data) -> None:
    root, examples = data
    with precision(True):
        model = build(PLAIN)
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.02))
    assert keras.config.dtype_policy().name == "float32"
    assert model.layers[1].compute_dtype == "float16" and model.layers[1].kernel.dtype == "float32"
    loop = Loop(model, optimizer, make_strategy("none"), 8)
    chosen = [example for example in examples if example.split == "train"]
    losses = [
        loop.learn(lambda size, shard, e=e: stream(root, chosen, Preprocessing(16, "RGB", 1 / 255), size, e), 40)[
            "loss"
        ]
        for e in range(4)
    ]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.usefixtures("no_export")
def test_mixed_precision_without_a_gpu_is_said_to_be_useless(
    data: Data, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda *_: [])
    with caplog.at_level(logging.WARNING):
        fit(*data, settings(mixed_precision=True, epochs=1), tmp_path / "run")
    assert "without a GPU: training in float32" in caplog.text


def test_batch_that_devices_cannot_share_is_refused() -> None:
    strategy = SimpleNamespace(num_replicas_in_sync=3)
    with pytest.raises(TrainingError, match="batch of 8 pictures can't be shared evenly by 3 devices"):
        Loop(build(PLAIN), keras.optimizers.SGD(), strategy, 8)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (None, "needs the environment variable TF_CONFIG"),
        ("{cluster", "does not name this machine"),
        ("[]", "does not name this machine"),
        ('{"cluster": {"worker": ["a:1"]}}', "does not name this machine"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "does not name this machine"),
        ('{"cluster": {"worker": "a:1"}, "task": {"type": "chief", "index": 0}}', "does not name this machine"),
        ('{"cluster": {"worker": [1]}, "task": {"type": "worker", "index": 0}}', "address"),
    ],
)
def test_machines_that_are_not_named_are_told_in_a_sentence(
    told: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if told is not None:
        monkeypatch.setenv("TF_CONFIG", told)
    with pytest.raises(TrainingError, match=words):
        make_strategy("multiworker")
    with pytest.raises(TrainingError, match=words):
        settings(strategy="multiworker")


@pytest.mark.parametrize(
    ("kind", "number", "jobs", "chief"),
    [
        (None, None, [], True),
        ("worker", 0, ["worker"], True),
        ("worker", 1, ["worker"], False),
        ("chief", 0, ["chief", "worker"], True),
        ("worker", 0, ["chief", "worker"], False),
    ],
)
def test_one_machine_is_the_chief(kind: str | None, number: int | None, jobs: list[str], chief: bool) -> None:
    resolver = SimpleNamespace(task_type=kind, task_id=number, cluster_spec=lambda: SimpleNamespace(jobs=jobs))
    assert is_chief(SimpleNamespace(cluster_resolver=resolver)) is chief
    assert is_chief(SimpleNamespace(cluster_resolver=None))


# Several devices


def start(root: Path, out: Path, strategy: str, network: str, devices: int, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(RUNNER), str(root), str(out), strategy, network, str(devices)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **more}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(output.splitlines()[-1])


@pytest.fixture(scope="module")
def free_ports() -> Callable[[], list[int]]:
    def find() -> list[int]:
        with socket.socket() as first, socket.socket() as second:
            for probe in (first, second):
                probe.bind(("127.0.0.1", 0))
            return [first.getsockname()[1], second.getsockname()[1]]

    return find


def assert_same_figures(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> None:
    for mine, other in zip(timeless(ours), timeless(theirs), strict=True):
        assert mine == pytest.approx(other, abs=1e-4)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one device learns."""
    folder = tmp_path_factory.mktemp("alone")
    root, _ = make_data(folder / "data")
    return report_of(start(root, folder / "run", "none", "plain", 1))


@pytest.mark.slow
def test_two_devices_of_a_machine_learn_what_one_does(data: Data, tmp_path: Path, alone: dict[str, Any]) -> None:
    together = report_of(start(data[0], tmp_path / "both", "mirrored", "plain", 2))
    assert (together["devices"], alone["devices"]) == (2, 1)
    assert_same_figures(together["rows"], alone["rows"])
    assert together["rows"][-1]["loss"] < 0.98 * together["rows"][0]["loss"]
    for path, values in together["weights"].items():
        np.testing.assert_allclose(values, alone["weights"][path], atol=1e-4)
    assert load_artifact(tmp_path / "both" / "artifact").architecture == "plain"


@pytest.mark.slow
@pytest.mark.parametrize("network", ["plain", "full"])
def test_two_machines_learn_as_one(
    data: Data, tmp_path: Path, free_ports: Callable[[], list[int]], alone: dict[str, Any], network: str
) -> None:
    """Two processes on the loopback stand for two machines, each with a run folder of its own."""
    root, _ = data
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports()]}
    processes = []
    for number in (0, 1):
        told = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": number}})
        out = tmp_path / f"machine{number}"
        processes.append(start(root, out, "multiworker", network, 1, TF_CONFIG=told))
    chief, other = (report_of(process) for process in processes)
    assert chief["devices"] == other["devices"] == 2
    assert timeless(chief["rows"]) == timeless(other["rows"])
    assert chief["weights"] == other["weights"], "batch statistics included"
    assert chief["rows"][-1]["loss"] < 0.98 * chief["rows"][0]["loss"]
    assert load_artifact(tmp_path / "machine0" / "artifact").architecture == network
    assert not (tmp_path / "machine1").exists(), "only the chief writes"
    if network == "plain":  # without batch statistics, two halves of a batch teach what the whole does
        assert_same_figures(chief["rows"], alone["rows"])


# The command


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
    learnt = gather(root, None, 0)
    assert split_of_run(out / "artifact", gather(root, None, 5)) == learnt != gather(root, None, 5)


def test_other_arguments_are_refused_before_pictures_are_looked_at(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.write_arguments(tmp_path / "run", {"architecture": PLAIN, "seed": 1})
    monkeypatch.setattr(train_module, "gather", lambda *_: pytest.fail("pictures were looked at"))
    with pytest.raises(RunError, match=r"another .*seed"):
        train(data[0], tmp_path / "run", architecture=PLAIN, whole_pictures=True)


@pytest.mark.slow
def test_bad_arguments_are_one_sentence(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "model.training.train",
        str(tmp_path),
        "--out",
        str(tmp_path / "run"),
        "--optimizer",
        "x",
    ]
    done = subprocess.run(command, cwd=RUNNER.parents[2], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Error: No optimizer is called 'x': choose adam or sgd."
