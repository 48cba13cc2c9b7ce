"""Tests of the search for training arguments: its choices, resuming, and its report."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from numpy.typing import NDArray
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from model import cli
from model.errors import RunError, TrainingError
from model.evaluation.reports import as_options
from model.studies.trials import CHOICES, next_trial, open_study, search
from model.studies.tune import tune
from model.studies.tune_report import importances, rounded, write_report
from model.training import train as train_module
from model.training.train import Result

AfterEpoch = Callable[[Mapping[str, float]], None]
MakeData = Callable[..., tuple[Path, Path]]
pytestmark = pytest.mark.usefixtures("untraced")


def auc_of(choices: Mapping[str, Any]) -> float:
    """A known AUC: SGD is best at 1e-2, Adam slightly worse at 1e-3, and augmentation helps."""
    best, peak = (0.9, -2) if choices["optimizer"] == "sgd" else (0.85, -3)
    return best - 0.1 * abs(np.log10(choices["learning_rate"]) - peak) + 0.02 * choices["augment"]


def made_result(auc: float) -> Result:
    return Result(0.5, 0.7, auc, 1, 2, 3.0, 10, Path("artifact"), "random")


def fake_training(folder: str, choices: dict[str, Any], after_epoch: AfterEpoch) -> Result:
    for epoch in (1, 2):
        after_epoch({"epoch": epoch, "val_auc": auc_of(choices) - 0.05 * (2 - epoch)})
    return made_result(auc_of(choices))


@pytest.fixture
def study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return open_study(InMemoryStorage())


def choices_of(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials if trial.state != TrialState.FAIL]


# The search


@pytest.mark.slow
def test_search_finds_the_best_arguments(study: optuna.Study) -> None:
    search(study, 40, 0, fake_training)
    assert len(study.trials) == 40
    assert study.best_value > 0.87 and study.best_params["optimizer"] == "sgd" and study.best_params["augment"]
    assert importances(study)["learning_rate"] == max(importances(study).values())
    for trial in study.trials:
        assert trial.params.keys() == CHOICES.keys()
        assert trial.params["optimizer"] in ("adam", "sgd") and trial.params["batch_size"] in (16, 32)
        assert 1e-5 <= trial.params["learning_rate"] <= 1e-1
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    assert pruned and all(trial.number >= 5 for trial in pruned), "no trial is stopped before a median exists"
    assert study.best_trial not in pruned


def test_interrupted_search_is_resumed_in_the_same_folder_with_the_same_choices() -> None:
    whole, stopped = InMemoryStorage(), InMemoryStorage()
    search(open_study(whole), 14, 3, fake_training)
    ran: list[tuple[str, dict[str, Any]]] = []

    def interrupted(folder: str, choices: dict[str, Any], after_epoch: AfterEpoch) -> Result:
        ran.append((folder, choices))
        if len(ran) in (3, 12):
            raise KeyboardInterrupt
        return fake_training(folder, choices, after_epoch)

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            search(open_study(stopped), 14, 3, interrupted)
    study = open_study(stopped)
    search(study, 14, 3, interrupted)
    assert ran[2] == ran[3] and ran[11] == ran[12], (
        "an interrupted trial is repeated in the same folder with the same choices"
    )
    assert choices_of(study) == choices_of(open_study(whole))
    assert len({folder for folder, _ in ran}) == 14
    search(study, 14, 3, lambda *ignored: pytest.fail("nothing is left to do"))


def test_choices_depend_on_the_seed() -> None:
    chosen = [next_trial(open_study(InMemoryStorage()), seed).params for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_diverged_training_counts_as_guessing(study: optuna.Study) -> None:
    def diverge(folder: str, choices: dict[str, Any], after_epoch: AfterEpoch) -> Result:
        raise TrainingError("The loss is not finite.")

    search(study, 1, 0, diverge)
    search(study, 2, 0, lambda *ignored: made_result(float("nan")))
    assert [trial.value for trial in study.trials] == [0.5, 0.5]


# Report


@pytest.mark.slow
def test_report_lists_every_trial_and_the_command_of_the_best(study: optuna.Study, tmp_path: Path) -> None:
    search(study, 12, 0, fake_training)
    command = write_report(study, "cnn", "Two epochs.", ["python", "-m", "model", "train", "DATA"], tmp_path)
    best = json.loads((tmp_path / "best.json").read_text())
    assert best["command"] == command and best["trial"] == study.best_trial.number
    assert {name: best[name] for name in CHOICES} == rounded(study.best_params)
    rows = json.loads((tmp_path / "trials.json").read_text())
    assert sorted(row["trial"] for row in rows) == list(range(12))
    assert [row["val_auc"] for row in rows] == sorted((row["val_auc"] for row in rows), reverse=True)
    by_number = {trial.number: trial for trial in study.trials}
    for row in rows:
        early = by_number[row["trial"]].state == TrialState.PRUNED
        assert row["end"] == ("stopped early" if early else "finished") and ("seconds" in row) != early
    with (tmp_path / "trials.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 12
    assert "Two epochs." in (tmp_path / "trials.md").read_text()
    page = (tmp_path / "study.html").read_text()
    assert page.count("<script") >= 4 and 'src="http' not in page, "the page needs no network"


def test_report_is_written_for_few_trials(study: optuna.Study, tmp_path: Path) -> None:
    search(study, 1, 0, fake_training)
    write_report(study, "cnn", "", ["train"], tmp_path)
    assert importances(study) == {} and (tmp_path / "study.html").exists()


def test_choices_become_options_that_repeat_them_exactly() -> None:
    choices = rounded({"optimizer": "sgd", "batch_size": 16, "augment": False, "learning_rate": 0.0115779435})
    assert choices["learning_rate"] == 0.0116
    options = as_options(choices)
    assert options == ["--optimizer", "sgd", "--batch-size", "16", "--no-augment", "--learning-rate", "0.0116"]
    assert float(as_options(rounded({"learning_rate": 1.23456e-5}))[1]) == 1.23e-5


@pytest.mark.slow
@pytest.mark.usefixtures("without_litert", "without_charts")
def test_search_command_works_and_the_reported_command_trains(
    make_data: MakeData,
    picture: Callable[..., NDArray[np.uint8]],
    tiny_architecture: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = {"train": 20, "val": 6, "test": 2}
    names = [
        f"faces/{split}/{label}/{number}.png"
        for split, count in counts.items()
        for label in ("real", "fake")
        for number in range(count)
    ]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    out = tmp_path / "study"
    arguments = {"architecture": tiny_architecture, "epochs": 1, "limit": 18, "validation": 5, "faces": cache}
    tune(root, out, trials=1, **arguments)
    written = json.loads((out / "trials" / "000" / "arguments.json").read_text())
    assert written["pictures"] == {"train": 36, "val": 10}
    assert "tiny, its first weights random, at most 1 epochs" in (out / "trials.md").read_text()
    assert len(json.loads((out / "trials.json").read_text())) == 1
    tune(root, out, trials=2, **arguments)
    assert [row["trial"] in (0, 1) for row in json.loads((out / "trials.json").read_text())] == [True, True]
    with pytest.raises(RunError, match="another seed"):
        tune(root, out, trials=2, seed=1, **arguments)

    *_, last, report = capsys.readouterr().out.splitlines()
    assert report == f"Report: {out / 'trials.md'}"
    command = shlex.split(last)
    assert command[:4] == ["python", "-m", "model", "train"]
    monkeypatch.setattr("sys.argv", [*command[3:], "--faces", str(cache), "--epochs", "1"])
    with pytest.raises(SystemExit) as ended:
        cli.run(train_module.train)
    assert ended.value.code == 0
    assert (out / "best" / "artifact" / "card.json").exists()
