"""Tests of the comparison: the same budget for all networks, correct figures, and fitting sentences."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import classification_report

from model.data.dataset import gather
from model.detector.detector import Detector
from model.errors import DatasetError, RunError, TrainingError
from model.evaluation.bootstrap import Estimate, bootstrap
from model.evaluation.measuring import judge, scorable_members, truth_of
from model.evaluation.metrics import accuracy, auc
from model.networks.registry import ARCHITECTURES
from model.photos.corruptions import CLEAN
from model.studies import compare as module
from model.studies.compare import THESIS, compare, measure, train_apart, train_one
from model.studies.compare_report import Budget, Row, bar_chart, caveat, describe
from model.training.arguments import Training
from tests.model.studies.apart import report_arguments

Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]
pytestmark = pytest.mark.usefixtures("untraced")
COUNTS = {"train": 6, "val": 3, "test": 5}


@pytest.fixture
def data(make_data: MakeData, picture: Callable[..., Pixels]) -> tuple[Path, Path]:
    """Bright fakes and dark reals in every split, a face that was not found, and a set of only reals."""
    pictures = {
        f"faces/{split}/{label}/{number}.png": np.uint8(picture(number) // 2 + (127 if label == "fake" else 0))
        for split, count in COUNTS.items()
        for label in ("real", "fake")
        for number in range(count)
    }
    pictures |= {f"reals/test/real/{number}.png": picture(number) for number in range(2)}
    return make_data(pictures, without_face=["faces/test/real/0.png"])


@pytest.fixture
def two_networks(tiny_architecture: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Registers a second tiny network, and trains in this process, where both are registered."""
    monkeypatch.setitem(ARCHITECTURES, "tiny_two", ARCHITECTURES[tiny_architecture])
    monkeypatch.setattr(module, "train_apart", train_one)
    return f"{tiny_architecture},tiny_two"


# Measuring


@pytest.mark.slow
def test_figures_are_those_of_the_classification_report(
    data: tuple[Path, Path], tiny_artifact: Path, tiny_architecture: str
) -> None:
    root, cache = data
    sets = scorable_members(gather(root, cache, 0, ["faces"]), "test", whole=False)
    found = measure(tiny_artifact, root, sets)["faces"]
    p_fake, is_fake = judge(Detector(tiny_artifact), root, sets["faces"])[CLEAN], truth_of(sets["faces"])
    assert len(is_fake) == 9
    report = classification_report(is_fake, p_fake >= 0.5, output_dict=True, zero_division=0)["macro avg"]
    for name, key in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
        assert found[name] == pytest.approx(report[key])
    assert found["accuracy"] == bootstrap(accuracy, p_fake, is_fake, is_share=True)
    assert found["accuracy"].value == accuracy(p_fake, is_fake) and found["auc"].value == auc(p_fake, is_fake)
    assert found["auc"].low <= found["auc"].value <= found["auc"].high


# Training


def test_crash_of_the_training_process_is_one_error_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class BrokenPool:
        def __init__(self, *ignored: object) -> None:
            pass

        def __enter__(self) -> BrokenPool:
            return self

        def __exit__(self, *ignored: object) -> None:
            pass

        def submit(self, *ignored: object) -> None:
            raise BrokenProcessPool

    monkeypatch.setattr(module, "process_pool", BrokenPool)
    with pytest.raises(TrainingError, match="cnn broke off, most likely because memory ran out"):
        train_apart(tmp_path, [], Training("cnn"), tmp_path)


@pytest.mark.slow
def test_network_is_trained_in_a_separate_process(
    data: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = data
    monkeypatch.setattr(module, "train_one", report_arguments)
    given = root, gather(root, cache, 0, ["faces"]), Training("cnn", epochs=1), tmp_path / "run"
    result = train_apart(*given)
    assert result["given"] == given and result["process"] != os.getpid()


# The command


@pytest.mark.slow
@pytest.mark.usefixtures("without_charts")
def test_command_uses_the_same_budget_for_all_and_resumes(
    data: tuple[Path, Path],
    two_networks: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, cache = data
    out = tmp_path / "run"
    budget = {"epochs": 1, "limit": 4, "validation": 2, "rounds": 1, "faces": cache}
    compare(root, out, networks="tiny", **budget)
    written = (out / "tiny" / "result.json").read_text()
    compare(root, out, networks=two_networks, **budget)
    assert (out / "tiny" / "result.json").read_text() == written, "a finished network is not trained again"

    rows = json.loads((out / "compare.json").read_text())
    assert [(row["network"], row["dataset"]) for row in rows] == [("tiny", "faces"), ("tiny_two", "faces")]
    expected = {"accuracy", "accuracy_low", "auc", "auc_high", "precision", "recall", "f1", "parameters"}
    assert expected | {"milliseconds_per_picture", "training_seconds"} <= set(rows[0])
    with (out / "compare.csv").open() as file:
        assert [row["network"] for row in csv.DictReader(file)] == ["tiny", "tiny_two"]
    assert (out / "compare.png").stat().st_size > 10_000
    page = (out / "compare.md").read_text()
    assert "same 8 training pictures" in page and "4 validation pictures" in page and "9 test pictures" in page
    assert "python -m model compare data --out run --networks tiny,tiny_two --pretrained none --limit 4" in page
    assert "--rounds 1 --" in page
    printed = capsys.readouterr().out
    assert "| tiny_two | faces |" in printed and "random weights" in printed
    arguments = [json.loads((out / name / "arguments.json").read_text()) for name in ("tiny", "tiny_two")]
    first, second = ({key: value for key, value in a.items() if key != "architecture"} for a in arguments)
    assert first == second and first["pictures"] == {"train": 8, "val": 4}

    with pytest.raises(RunError, match="another epochs_each"):
        compare(root, out, networks="tiny", **budget | {"epochs": 2})


def test_invalid_comparisons_are_refused(data: tuple[Path, Path], tmp_path: Path) -> None:
    root, cache = data
    with pytest.raises(TrainingError, match="No architecture is called 'resnet'"):
        compare(root, tmp_path / "run", networks="cnn,resnet", faces=cache)
    with pytest.raises(TrainingError, match="imagenet or none, not my"):
        compare(root, tmp_path / "run", pretrained="my.h5", faces=cache)
    with pytest.raises(DatasetError, match="both classes in train, val and test"):
        compare(root, tmp_path / "reals", networks="cnn", sets=["reals"], faces=cache)
    with pytest.raises(DatasetError, match="holds no pictures"):
        compare(tmp_path / "nowhere", tmp_path / "run", networks="cnn", faces=cache)
    assert not (tmp_path / "run").exists() and not (tmp_path / "reals").exists()


def test_six_networks_of_the_thesis_are_registered() -> None:
    assert len(THESIS) == 6 and set(THESIS) <= set(ARCHITECTURES)


# Sentences


def row(network: str, low: float, value: float, high: float, start: str = "random", dataset: str = "faces") -> Row:
    result = {"start": start, "epochs": 2, "best_epoch": 1, "seconds": 10.0, "parameters": 1_000_000}
    shares = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "accuracy": Estimate(0.5, 0.4, 0.6)}
    return Row(network, dataset, result, {**shares, "auc": Estimate(value, low, high)}, 100.0, 5.0, 2_000_000)


def budget(train: int = 200, **training: Any) -> Budget:
    given = {"epochs": 2, "batch_size": 32, "optimizer": "adam", "learning_rate": 1e-3, "augment": False, "seed": 0}
    return Budget(
        given | training,
        {"train": train, "val": 20, "test": 50},
        2000,
        ("faces",),
        2,
        False,
        "python -m model compare data",
    )


def test_overlapping_leads_and_guessing_networks_are_named() -> None:
    rows = [row("a", 0.6, 0.7, 0.8), row("b", 0.55, 0.65, 0.75), row("c", 0.4, 0.5, 0.59)]
    words = caveat(rows, budget())
    assert "a, b, c started from random weights" in words
    assert "On faces, c can't be distinguished from guessing" in words
    assert "On faces, a has the highest AUC; its interval overlaps that of b." in words
    assert "neither confirms nor refutes" in words


def test_clear_lead_after_a_long_training_has_no_warning() -> None:
    words = caveat([row("a", 0.8, 0.85, 0.9, "ImageNet"), row("b", 0.6, 0.7, 0.75, "ImageNet")], budget(100_000))
    assert "its interval overlaps no other" in words
    assert not any(part in words for part in ("random weights", "guessing", "batch norms"))


def test_no_best_network_is_named_if_all_guess_or_only_one_exists() -> None:
    assert "highest" not in caveat([row("a", 0.8, 0.85, 0.9)], budget())
    assert "highest" not in caveat([row("a", 0.45, 0.55, 0.65), row("b", 0.4, 0.5, 0.6)], budget())


def test_budget_names_pictures_epochs_steps_and_seconds() -> None:
    words = describe([row("a", 0.4, 0.5, 0.6), row("b", 0.4, 0.5, 0.6)], budget())
    for part in (
        "200 training pictures (10.0% of the 2,000",
        "2 epochs (14 steps)",
        "batches of 32",
        "20 seconds in total",
    ):
        assert part in words
    assert "14 steps are too few" in caveat([row("a", 0.4, 0.5, 0.6)], budget())


def test_every_data_set_has_its_own_panel() -> None:
    rows = [row(name, 0.4, 0.5, 0.6, dataset=dataset) for name in "ab" for dataset in ("one", "two")]
    figure = bar_chart(rows)
    assert [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes] == ["one", "two"]
    assert all(len(axes.patches) == 6 for axes in figure.axes)
