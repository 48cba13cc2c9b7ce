"""Tests of resumed training: the result equals that of an uninterrupted run, and arguments must not change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.artifact.card import load_artifact, read_card, write_card
from model.errors import RunError
from model.networks.registry import build
from model.training import epochs as epochs_module
from model.training import runs
from model.training.arguments import Training
from model.training.loop import Loop
from model.training.train import Result, fit
from tests.model.training.plain import PLAIN, Data, history, make_data, settings, without_seconds

pytestmark = pytest.mark.usefixtures("untraced")


class Killed(Exception):
    """Simulates the end of a process."""


def kill_after(epoch: int) -> Callable[[Mapping[str, float]], None]:
    def watch(row: Mapping[str, float]) -> None:
        if row["epoch"] == epoch:
            raise Killed

    return watch


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, untraced: None) -> tuple[Path, Training, Result]:
    """The folder, the arguments and the result of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    training = settings(augment=True, patience=2)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(runs, "export", lambda *_: None)
        return folder / "run", training, fit(*make_data(folder / "data"), training, folder / "run")


@pytest.mark.slow
@pytest.mark.usefixtures("no_export")
def test_resumed_run_gives_the_same_result_as_an_uninterrupted_one(
    data: Data, tmp_path: Path, whole: tuple[Path, Training, Result]
) -> None:
    folder, training, result = whole
    with pytest.raises(Killed):
        fit(*data, training, tmp_path / "parts", kill_after(1))
    assert len(history(tmp_path / "parts")) == 1 and not (tmp_path / "parts" / "artifact").exists()
    with pytest.raises(Killed):
        fit(*data, training, tmp_path / "parts", kill_after(3))
    keras.utils.set_random_seed(99)
    parts = fit(*data, training, tmp_path / "parts")
    assert without_seconds(history(tmp_path / "parts")) == without_seconds(history(folder))
    assert (parts.val_loss, parts.epochs, parts.best_epoch) == (result.val_loss, result.epochs, result.best_epoch)
    best, resumed = build(PLAIN), build(PLAIN)
    best.load_weights(folder / "best.weights.h5")
    resumed.load_weights(tmp_path / "parts" / "best.weights.h5")
    for ours, theirs in zip(best.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.usefixtures("no_export")
def test_run_killed_inside_an_epoch_repeats_that_epoch(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: tuple[Path, Training, Result]
) -> None:
    folder, training, _ = whole
    steps = iter(range(1000))
    learn = Loop._train_on_replicas

    def fail(self: Loop, *batch: tf.Tensor) -> tf.Tensor:
        tf.py_function(lambda: raise_at(next(steps), 7), [], [])
        return learn(self, *batch)

    with monkeypatch.context() as patched:
        patched.setattr(Loop, "_train_on_replicas", fail)
        with pytest.raises(tf.errors.OpError, match="Killed"):
            fit(*data, training, tmp_path / "parts")
    assert len(history(tmp_path / "parts")) == 1, "an epoch has five steps"
    fit(*data, training, tmp_path / "parts")
    assert without_seconds(history(tmp_path / "parts")) == without_seconds(history(folder))


def raise_at(step: int, last: int) -> None:
    if step == last:
        raise Killed("Killed")


@pytest.mark.slow
@pytest.mark.usefixtures("no_training", "no_export")
def test_epoch_without_a_saved_state_is_repeated(data: Data, tmp_path: Path) -> None:
    """The process may end between writing the two files: the saved state decides."""
    out = tmp_path / "run"
    with pytest.raises(Killed):
        fit(*data, settings(), out, kill_after(2))
    rows = history(out)
    runs.write_rows(out, [*rows, {**rows[-1], "epoch": 3.0}])
    fit(*data, settings(), out)
    assert [row["epoch"] for row in history(out)] == [1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.usefixtures("no_training", "without_litert", "without_charts")
def test_finished_run_and_its_calibration_are_not_changed(data: Data, tmp_path: Path) -> None:
    first = fit(*data, settings(epochs=2), tmp_path / "run")
    write_card(first.artifact, replace(read_card(first.artifact), temperature=1.5))
    before = (tmp_path / "run" / "history.csv").read_text()
    again = fit(*data, settings(epochs=2), tmp_path / "run")
    assert again == first and (tmp_path / "run" / "history.csv").read_text() == before
    assert load_artifact(first.artifact).temperature == 1.5


@pytest.mark.slow
@pytest.mark.usefixtures("no_training", "without_litert", "without_charts")
def test_interrupted_export_is_repeated(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process may end while it writes the model folder of better weights: the old folder must not stay."""
    out = tmp_path / "run"
    first = fit(*data, settings(epochs=1), out)

    def interrupt(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(runs, "export", interrupt)
        fit(*data, settings(epochs=4), out)
    assert read_card(first.artifact).training["best_epoch"] == 1
    result = fit(*data, settings(epochs=4), out)
    assert result.best_epoch > 1 and load_artifact(result.artifact).training["best_epoch"] == result.best_epoch


@pytest.mark.slow
@pytest.mark.usefixtures("without_litert", "without_charts")
def test_worse_epochs_do_not_change_the_model_folder_and_its_calibration(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = fit(*data, settings(epochs=1), tmp_path / "run")
    write_card(result.artifact, replace(read_card(result.artifact), temperature=1.5))
    worse = {"val_loss": 9.0, "val_accuracy": 0.5, "val_auc": 0.5}
    monkeypatch.setattr(epochs_module, "validation_measures", lambda *_: worse)
    assert fit(*data, settings(epochs=2), tmp_path / "run").best_epoch == 1
    assert load_artifact(result.artifact).temperature == 1.5


@pytest.mark.slow
@pytest.mark.usefixtures("no_training", "no_export")
def test_finished_run_can_be_given_more_epochs(data: Data, tmp_path: Path) -> None:
    fit(*data, settings(epochs=2), tmp_path / "run")
    assert fit(*data, settings(epochs=3), tmp_path / "run").epochs == 3
    assert json.loads((tmp_path / "run" / "arguments.json").read_text())["epochs"] == 3


@pytest.mark.usefixtures("no_training", "no_export")
def test_folder_of_another_run_is_refused(data: Data, tmp_path: Path) -> None:
    fit(*data, settings(epochs=1), tmp_path / "run")
    with pytest.raises(RunError, match="another batch_size, learning_rate; repeat its arguments"):
        fit(*data, settings(epochs=1, batch_size=16, learning_rate=0.3), tmp_path / "run")


@pytest.mark.usefixtures("no_training", "no_export")
def test_run_is_not_resumed_with_other_pictures_or_another_split(data: Data, tmp_path: Path) -> None:
    root, examples = data
    fit(root, examples, settings(epochs=1), tmp_path / "run", options={"remove_leaks": False})
    swapped = {"train/Real/0.png": "val", "val/Real/0.png": "train"}
    changed = [replace(e, split=swapped.get(e.path, e.split)) for e in examples]
    with pytest.raises(RunError, match="another split;"):
        fit(root, changed, settings(epochs=2), tmp_path / "run", options={"remove_leaks": False})
    with pytest.raises(RunError, match="another remove_leaks;"):
        fit(root, examples, settings(epochs=2), tmp_path / "run", options={"remove_leaks": True})


@pytest.mark.usefixtures("no_training", "no_export")
def test_state_of_another_network_is_refused(data: Data, tmp_path: Path) -> None:
    fit(*data, settings(epochs=1), tmp_path / "run")
    runs.write_state(tmp_path / "run", 1, [keras.Variable(np.zeros(3))])
    with pytest.raises(RunError, match=r"resume\.npz does not fit"):
        fit(*data, settings(epochs=2), tmp_path / "run")


# Patience


@pytest.mark.slow
@pytest.mark.usefixtures("plateau", "no_export")
def test_patience_halves_the_learning_rate_and_then_stops_training(data: Data, tmp_path: Path) -> None:
    result = fit(*data, settings(epochs=20, patience=4), tmp_path / "run")
    rates = [row["learning_rate"] for row in history(tmp_path / "run")]
    assert rates == pytest.approx([0.02, 0.02, 0.02, 0.02, 0.01, 0.01])
    assert (result.epochs, result.best_epoch, result.val_loss) == (6, 2, 0.5)


@pytest.mark.slow
@pytest.mark.usefixtures("plateau", "no_export")
def test_patience_is_continued_in_a_resumed_run(data: Data, tmp_path: Path) -> None:
    training = settings(epochs=20, patience=4)
    for epoch in (3, 5):
        with pytest.raises(Killed):
            fit(*data, training, tmp_path / "run", kill_after(epoch))
    assert fit(*data, training, tmp_path / "run").epochs == 6
    rates = [row["learning_rate"] for row in history(tmp_path / "run")]
    assert rates == pytest.approx([0.02, 0.02, 0.02, 0.02, 0.01, 0.01])
    assert fit(*data, training, tmp_path / "run").epochs == 6, "a run that ran out of patience is not continued"
