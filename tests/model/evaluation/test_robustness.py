"""Tests of measuring robustness: AUC and accuracy under each corruption, and their losses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.data.dataset import choose
from model.data.layout import Example
from model.detector.detector import Detector
from model.evaluation import robustness as module
from model.evaluation.metrics import auc
from model.evaluation.robustness import condition_figures, for_card, measure_robustness, sample
from model.photos import corruptions
from model.photos.corruptions import CLEAN, conditions

MakeData = Callable[..., tuple[Path, Path]]


def example(name: str, label: str) -> Example:
    return Example(name, "set", "test", label, None, ())


def test_sample_takes_the_given_number_of_each_class_by_the_seed() -> None:
    examples = [example(f"r{i}", "Real") for i in range(30)] + [example(f"f{i}", "Fake") for i in range(5)]
    drawn = sample(examples, 10, seed=0)
    assert [e.label for e in drawn].count("Real") == 10 and [e.label for e in drawn].count("Fake") == 5
    assert drawn == sample(examples, 10, seed=0) != sample(examples, 10, seed=1)
    assert drawn == sorted(drawn, key=examples.index), "in the order given"
    assert sample(examples, 0, seed=0) == examples


@pytest.mark.slow
def test_losses_compare_the_same_pictures() -> None:
    rng = np.random.default_rng(0)
    is_fake = np.arange(200) < 100
    clean = np.clip(0.5 + 0.3 * np.where(is_fake, 1, -1) + rng.normal(0, 0.2, 200), 0, 1)
    figures = condition_figures(clean, 1 - clean, is_fake)
    assert figures["auc"]["value"] == pytest.approx(1 - auc(clean, is_fake), abs=1e-4)
    assert figures["auc_loss"]["value"] == pytest.approx(2 * auc(clean, is_fake) - 1, abs=2e-4)
    assert figures["auc_loss"]["low"] < figures["auc_loss"]["value"] < figures["auc_loss"]["high"]
    same = condition_figures(clean, clean, is_fake)
    assert same["auc_loss"] == same["accuracy_loss"] == {"value": 0, "low": 0, "high": 0}, (
        "equal probabilities have no loss and no interval"
    )


def test_pictures_that_could_not_be_corrupted_are_left_out() -> None:
    is_fake = np.array([True, True, False, False])
    figures = condition_figures(np.array([0.9, 0.8, 0.1, 0.2]), np.array([0.9, np.nan, 0.1, 0.2]), is_fake)
    assert (figures["real"], figures["fake"]) == (2, 1)
    assert condition_figures(np.ones(4), np.full(4, np.nan), is_fake) == {}


def test_one_class_has_rates_and_no_auc() -> None:
    figures = condition_figures(np.array([0.2, 0.3]), np.array([0.9, 0.3]), np.zeros(2, bool))
    assert figures["false_accusation_rate"]["value"] == 0.5 and figures["accuracy_loss"]["value"] == 0.5
    assert not {"auc", "auc_loss", "miss_rate"} & set(figures)


@pytest.fixture
def members(make_data: MakeData, picture: Callable[..., NDArray[np.uint8]]) -> tuple[Path, dict[str, list[Example]]]:
    names = [
        f"{name}/test/{label}/{i}.png"
        for name, label in (("a", "real"), ("a", "fake"), ("b", "real"))
        for i in range(3)
    ]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    examples = choose(root, cache)
    return root, {name: [e for e in examples if e.dataset == name] for name in ("a", "b")}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Six conditions instead of all, and few resamples."""
    names = [CLEAN, "jpeg 50", "jpeg 20", "noise 40", "mouth 1", "blur 4"]
    monkeypatch.setattr(module, "conditions", lambda: names)
    monkeypatch.setattr(module, "ROUNDS", 20)
    return names


@pytest.mark.usefixtures("plain_curves")
def test_every_set_is_measured_under_every_condition(
    members: tuple[Path, dict[str, list[Example]]], few: list[str], tiny_artifact: Path, tmp_path: Path
) -> None:
    root, by_set = members
    folder = tmp_path / "run"
    figures = measure_robustness(Detector(tiny_artifact), root, by_set, folder, limit=2, seed=0)
    assert list(figures) == ["a", "b"] and list(figures["a"]) == few
    assert figures["a"]["jpeg 50"]["real"] == figures["a"]["jpeg 50"]["fake"] == 2
    assert set(figures["a"]["jpeg 50"]["auc_loss"]) == {"value", "low", "high"}
    assert json.loads((folder / "robustness.json").read_text()) == figures
    rows = list(csv.DictReader((folder / "robustness.csv").open()))
    assert len(rows) == 2 * len(few)
    assert float(rows[1]["auc"]) == figures["a"]["jpeg 50"]["auc"]["value"] and rows[-1]["auc"] == ""
    drawn = {path.name for path in folder.glob("*.png")}
    assert drawn == {f"robustness_{name}.png" for name in ("auc", "accuracy", "miss_rate", "false_accusation_rate")}


def test_card_keeps_the_main_figures_of_each_condition() -> None:
    estimate = {"value": 0.8, "low": 0.7, "high": 0.9}
    values = {
        "real": 2,
        "fake": 2,
        "auc": estimate,
        "accuracy": estimate,
        "auc_loss": estimate,
        "accuracy_loss": estimate,
    }
    kept = for_card({"dfdc": {"jpeg 50": values, "noise 5": {"real": 1, "fake": 0, "accuracy": estimate}}})
    assert kept["dfdc"]["jpeg 50"] == {"real": 2, "fake": 2, "accuracy": 0.8, "auc": 0.8, "auc_loss": estimate}
    assert kept["dfdc"]["noise 5"] == {"real": 1, "fake": 0, "accuracy": 0.8}


def test_all_conditions_are_measured_by_default() -> None:
    assert corruptions.conditions is conditions
