"""Tests of the files that the evaluation command writes, and of the figures that stay in the card."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import CARD, load_artifact, write_card
from model.data.dataset import choose, face_crop
from model.detector.detector import Detector
from model.errors import DatasetError
from model.evaluation import evaluate as module
from model.evaluation.evaluate import evaluate
from model.evaluation.files import classification_text
from model.evaluation.metrics import FURTHER_MEASURES, MEASURES, SetScores, accuracy, auc
from tests.model.evaluation.conftest import figures_in

pytestmark = pytest.mark.usefixtures("few_rounds")
Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]


# Files


@pytest.mark.slow
def test_command_writes_every_measure_of_every_set(
    folder: Path, data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, cache = data
    before = (folder / CARD).read_text()
    out = tmp_path / "new" / "run"
    evaluate([folder], root, out=out, faces=cache, charts=False)
    figures = figures_in(out)
    assert list(figures) == ["mixed", "reals"]
    mixed, reals = figures["mixed"], figures["reals"]
    assert (mixed["real"], mixed["fake"], mixed["without_face"]) == (4, 4, 1)
    assert (reals["real"], reals["fake"], reals["without_face"]) == (3, 0, 0)
    for name in MEASURES:
        assert set(mixed[name]) == {"value", "low", "high"}
        assert all(0 <= value <= 1 for value in mixed[name].values())
    assert set(mixed) & set(FURTHER_MEASURES) >= {"recall_fake", "f1_real", "average_precision"}
    assert mixed["attention_peak_inside"]["fakes"] in (0, 1) and "attention_peak_inside" not in reals

    detector = Detector(folder)
    examples = [e for e in choose(root, cache) if e.dataset == "mixed" and e.split == "test" and e.box]
    p_fake = np.array([detector.predict(face_crop(root, e)).probabilities["Fake"] for e in examples])
    is_fake = np.array([e.label == "Fake" for e in examples])
    assert mixed["auc"]["value"] == pytest.approx(auc(p_fake, is_fake), abs=1e-4)
    assert mixed["accuracy"]["value"] == pytest.approx(accuracy(p_fake, is_fake), abs=1e-4)

    rows = list(csv.DictReader((out / "mixed" / "predictions.csv").open()))
    assert [row["path"] for row in rows] == [e.path for e in examples]
    assert [row["label"] for row in rows] == [e.label for e in examples]
    np.testing.assert_allclose([float(row["p_fake"]) for row in rows], p_fake, atol=1e-5)
    assert [row["verdict"] for row in rows] == [detector.verdict(p) for p in p_fake]

    assert (folder / CARD).read_text() == before, "the card changes only with write=True"
    printed = capsys.readouterr().out
    assert "mixed: 4 real, 4 fake, 1 without a face" in printed
    assert printed.index("real called fake") < printed.index("accuracy"), "the most harmful mistakes come first"


def test_run_records_its_arguments_and_versions(folder: Path, data: tuple[Path, Path], tmp_path: Path) -> None:
    root, cache = data
    evaluate([folder], root, out=tmp_path / "run", faces=cache, charts=False, seed=7)
    arguments = json.loads((tmp_path / "run" / "arguments.json").read_text())
    assert (arguments["seed"], arguments["split"], arguments["models"]) == (7, "test", ["net"])
    assert {"python", "numpy", "ai-edge-litert"} <= set(arguments["versions"])
    assert str(tmp_path) not in json.dumps(arguments), "only names of paths are kept"


@pytest.mark.slow
def test_report_shows_tables_and_charts_that_exist(folder: Path, data: tuple[Path, Path], tmp_path: Path) -> None:
    root, cache = data
    out = tmp_path / "run"
    table = tmp_path / "table.csv"
    table.write_text("epoch,loss,val_loss\n0,0.7,0.6\n1,0.5,0.5\n")
    evaluate([folder], root, out=out, faces=cache, history=table)
    report = (out / "report.md").read_text()
    assert "## mixed" in report and "f1-score" in report and "| reals | 3 / 0 |" in report
    assert (out / "mixed" / "overview.png").exists() and "(mixed/overview.png)" in report
    assert {path.stem for path in (out / "mixed").glob("*.png")} > {"roc", "reliability", "confusion", "risk_coverage"}
    assert {path.stem for path in (out / "reals").glob("*.png")} >= {"overview", "confusion"}
    assert (out / "training_curves.png").stat().st_size > 1000


def test_classification_report_has_the_format_of_the_thesis() -> None:
    scores = SetScores("set", np.array([0.9, 0.4, 0.2, 0.6]), np.array([True, True, False, False]))
    lines = classification_text(scores).splitlines()
    (fake,) = (line.split() for line in lines if line.split()[:1] == ["Fake"] and len(line.split()) == 5)
    assert fake == ["Fake", "0.5000", "0.5000", "0.5000", "2"]
    assert any(line.split()[:2] == ["macro", "avg"] for line in lines)
    assert lines[-3].split() == ["true,", "called", "Fake", "Real"]
    assert lines[-2].split() == ["Fake", "1", "1"] and lines[-1].split() == ["Real", "1", "1"]
    assert "precision" in classification_text(SetScores("one class", np.array([0.1]), np.array([False])))


@pytest.mark.slow
def test_figures_are_added_to_the_card_without_changing_other_splits(
    folder: Path, data: tuple[Path, Path], tmp_path: Path
) -> None:
    root, cache = data
    before = load_artifact(folder)
    evaluate([folder], root, write=True, out=tmp_path / "test", faces=cache, charts=False)
    evaluate([folder], root, split="val", write=True, out=tmp_path / "val", faces=cache, charts=False)
    after = load_artifact(folder)
    assert after.metrics == {"test": figures_in(tmp_path / "test"), "val": figures_in(tmp_path / "val")}
    assert replace(after, metrics={}) == replace(before, metrics={})
    assert list(after.metrics["val"]) == ["mixed"]


@pytest.mark.slow
def test_evaluating_some_sets_keeps_the_others_in_the_card(
    folder: Path, data: tuple[Path, Path], tmp_path: Path
) -> None:
    root, cache = data
    write_card(folder, replace(load_artifact(folder), metrics={"test": {"mixed": {"kept": 1}, "reals": {"old": 1}}}))
    evaluate([folder], root, sets=["reals"], write=True, out=tmp_path / "run", faces=cache, charts=False)
    assert load_artifact(folder).metrics["test"] == {"mixed": {"kept": 1}, **figures_in(tmp_path / "run")}
    evaluate([folder], root, write=True, out=tmp_path / "all", faces=cache, charts=False)
    assert load_artifact(folder).metrics["test"] == figures_in(tmp_path / "all")


def card_with_corruptions(folder: Path) -> None:
    card = load_artifact(folder)
    write_card(folder, replace(card, metrics={**card.metrics, "test_corruptions": {"mixed": {"clean": {}}}}))


@pytest.mark.slow
def test_figures_of_corrupted_pictures_are_removed_when_the_calibration_changes(
    folder: Path, data: tuple[Path, Path], tmp_path: Path
) -> None:
    root, cache = data
    arguments: dict[str, Any] = dict(write=True, out=tmp_path / "run", faces=cache, charts=False)
    evaluate([folder], root, **arguments)
    card_with_corruptions(folder)
    evaluate([folder], root, **arguments)
    assert "test_corruptions" in load_artifact(folder).metrics, "the same model on the same pictures"
    write_card(folder, replace(load_artifact(folder), temperature=3.0))
    evaluate([folder], root, split="val", **arguments)
    assert "test_corruptions" in load_artifact(folder).metrics, "another split"
    evaluate([folder], root, sets=["mixed"], **arguments)
    assert set(load_artifact(folder).metrics) == {"test", "val"}


@pytest.mark.slow
def test_new_measure_or_rounding_keeps_the_figures_of_corrupted_pictures(
    folder: Path, data: tuple[Path, Path], tmp_path: Path
) -> None:
    root, cache = data
    arguments: dict[str, Any] = dict(write=True, out=tmp_path / "run", faces=cache, charts=False)
    evaluate([folder], root, **arguments)
    card = load_artifact(folder)
    bins = card.metrics["test"]["mixed"].pop("reliability")
    card.metrics["test"]["mixed"]["brier_score"]["low"] += 0.0001
    write_card(folder, card)
    card_with_corruptions(folder)
    evaluate([folder], root, **arguments)
    metrics = load_artifact(folder).metrics
    assert "test_corruptions" in metrics and metrics["test"]["mixed"]["reliability"] == bins
    metrics["test"]["mixed"]["reliability"][0]["count"] += 1
    write_card(folder, replace(card, metrics=metrics))
    evaluate([folder], root, **arguments)
    assert "test_corruptions" not in load_artifact(folder).metrics, "other pictures"


@pytest.mark.slow
@pytest.mark.parametrize("charts", [True, False])
def test_training_curves_of_the_models_run_are_shown(
    folder: Path, data: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charts: bool
) -> None:
    root, cache = data
    (folder.parent / "history.csv").write_text("epoch,loss,val_loss\n0,0.7,0.6\n1,0.5,0.5\n")
    monkeypatch.setattr(module, "save_charts", lambda *_: [])
    evaluate([folder], root, out=tmp_path / "run", faces=cache, sets=["reals"], charts=charts)
    assert (tmp_path / "run" / "training_curves.png").exists() == charts
    assert ("(training_curves.png)" in (tmp_path / "run" / "report.md").read_text()) == charts


def test_history_is_refused_with_several_models(folder: Path, data: tuple[Path, Path], tmp_path: Path) -> None:
    second = shutil.copytree(folder, tmp_path / "other")
    with pytest.raises(DatasetError, match="--history belongs to one run"):
        evaluate([folder, second], data[0], history=tmp_path / "history.csv", faces=data[1])


# A folder that holds an earlier evaluation


@pytest.mark.slow
def test_a_second_run_replaces_every_result_of_the_first(folder: Path, data: tuple[Path, Path], tmp_path: Path) -> None:
    root, cache = data
    arguments: dict[str, Any] = dict(out=tmp_path / "run", faces=cache, charts=False)
    evaluate([folder], root, **arguments)
    first = figures_in(tmp_path / "run")
    (tmp_path / "run" / "robustness.json").write_text("{}")
    write_card(folder, replace(load_artifact(folder), temperature=3.0))
    evaluate([folder], root, sets=["mixed"], **arguments)
    second = figures_in(tmp_path / "run")
    assert list(second) == ["mixed"] and second["mixed"]["brier_score"] != first["mixed"]["brier_score"]
    assert not (tmp_path / "run" / "robustness.json").exists()
