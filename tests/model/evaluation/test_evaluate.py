"""Tests of the evaluation command: what it writes, what it keeps, and what it refuses."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import CARD, load_artifact, write_card
from model.cli import run
from model.data.dataset import face_crop, index
from model.detector.detector import Detector
from model.errors import DatasetError
from model.evaluation import evaluate as module
from model.evaluation import measuring, robustness
from model.evaluation.bootstrap import bootstrap
from model.evaluation.evaluate import evaluate, name_models
from model.evaluation.files import classification_text
from model.evaluation.metrics import FURTHER_MEASURES, MEASURES, Judged, accuracy, auc
from model.photos.corruptions import CLEAN

Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer draws for each interval, whose bounds ``test_metrics.py`` checks; here only the figures' places matter."""
    monkeypatch.setattr(measuring, "bootstrap", partial(bootstrap, rounds=20))


@pytest.fixture
def folder(tiny_artifact: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_artifact, tmp_path / "net")


@pytest.fixture
def data(make_data: MakeData, picture: Callable[..., Pixels]) -> tuple[Path, Path]:
    """A set of both classes with a mask and a missing face, a set of reals, and a validation picture."""
    names = [
        *(f"mixed/test/real/{i}.png" for i in range(4)),
        *(f"mixed/test/fake/{i}.png" for i in range(4, 8)),
        "mixed/test/fake/faceless.png",
        "mixed/val/fake/8.png",
        *(f"reals/test/real/{i}.png" for i in range(9, 12)),
    ]
    root, cache = make_data(
        {name: picture(seed) for seed, name in enumerate(names)}, without_face=["mixed/test/fake/faceless.png"]
    )
    (root / "mixed/test/mask").mkdir()
    assert cv2.imwrite(str(root / "mixed/test/mask/4.png"), np.full((64, 64), 255, np.uint8))
    (root / "mixed/test/pairs.csv").write_text("fake,real,mask\nfake/4.png,real/0.png,mask/4.png\n")
    return root, cache


def figures_in(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "figures.json").read_text())


# What is written


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
    examples = [e for e in index(root, cache) if e.dataset == "mixed" and e.split == "test" and e.box]
    p_fake = np.array([detector.predict(face_crop(root, e)).probabilities["Fake"] for e in examples])
    is_fake = np.array([e.label == "Fake" for e in examples])
    assert mixed["auc"]["value"] == pytest.approx(auc(p_fake, is_fake), abs=1e-4)
    assert mixed["accuracy"]["value"] == pytest.approx(accuracy(p_fake, is_fake), abs=1e-4)

    rows = list(csv.DictReader((out / "mixed" / "predictions.csv").open()))
    assert [row["path"] for row in rows] == [e.path for e in examples]
    assert [row["label"] for row in rows] == [e.label for e in examples]
    np.testing.assert_allclose([float(row["p_fake"]) for row in rows], p_fake, atol=1e-5)
    assert [row["verdict"] for row in rows] == [detector.verdict(p) for p in p_fake]

    assert (folder / CARD).read_text() == before, "the card changes only when asked to"
    printed = capsys.readouterr().out
    assert "mixed: 4 real, 4 fake, 1 without a face" in printed
    assert printed.index("real called fake") < printed.index("accuracy"), "the mistakes that harm come first"


def test_run_says_what_it_ran_with(folder: Path, data: tuple[Path, Path], tmp_path: Path) -> None:
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


def test_classification_report_has_the_thesis_form() -> None:
    judged = Judged("set", np.array([0.9, 0.4, 0.2, 0.6]), np.array([True, True, False, False]))
    lines = classification_text(judged).splitlines()
    (fake,) = (line.split() for line in lines if line.split()[:1] == ["Fake"] and len(line.split()) == 5)
    assert fake == ["Fake", "0.5000", "0.5000", "0.5000", "2"]
    assert any(line.split()[:2] == ["macro", "avg"] for line in lines)
    assert lines[-3].split() == ["true,", "called", "Fake", "Real"]
    assert lines[-2].split() == ["Fake", "1", "1"] and lines[-1].split() == ["Real", "1", "1"]
    assert "precision" in classification_text(Judged("one class", np.array([0.1]), np.array([False])))


def test_figures_enter_the_card_beside_those_of_other_splits(
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


def test_some_sets_leave_the_others_in_the_card(folder: Path, data: tuple[Path, Path], tmp_path: Path) -> None:
    root, cache = data
    write_card(folder, replace(load_artifact(folder), metrics={"test": {"mixed": {"kept": 1}, "reals": {"old": 1}}}))
    evaluate([folder], root, sets=["reals"], write=True, out=tmp_path / "run", faces=cache, charts=False)
    assert load_artifact(folder).metrics["test"] == {"mixed": {"kept": 1}, **figures_in(tmp_path / "run")}
    evaluate([folder], root, write=True, out=tmp_path / "all", faces=cache, charts=False)
    assert load_artifact(folder).metrics["test"] == figures_in(tmp_path / "all")


def card_with_corruptions(folder: Path) -> None:
    card = load_artifact(folder)
    write_card(folder, replace(card, metrics={**card.metrics, "test_corruptions": {"mixed": {"clean": {}}}}))


def test_figures_of_corrupted_pictures_go_with_the_calibration(
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


def test_new_measure_and_a_rounded_digit_leave_what_is_known_of_corrupted_pictures(
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


@pytest.mark.parametrize("charts", [True, False])
def test_curves_of_the_run_that_made_the_model_are_shown(
    folder: Path, data: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charts: bool
) -> None:
    root, cache = data
    (folder.parent / "history.csv").write_text("epoch,loss,val_loss\n0,0.7,0.6\n1,0.5,0.5\n")
    monkeypatch.setattr(module, "save_charts", lambda *_: [])
    evaluate([folder], root, out=tmp_path / "run", faces=cache, sets=["reals"], charts=charts)
    assert (tmp_path / "run" / "training_curves.png").exists() == charts
    assert ("(training_curves.png)" in (tmp_path / "run" / "report.md").read_text()) == charts


def test_one_history_is_not_of_several_models(folder: Path, data: tuple[Path, Path], tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    with pytest.raises(DatasetError, match="--history belongs to one run"):
        evaluate([folder, other], data[0], history=tmp_path / "history.csv", faces=data[1])


# Layouts and choices


def test_model_is_measured_on_what_it_was_not_trained_on(
    folder: Path, make_data: MakeData, picture: Callable[..., Pixels], tmp_path: Path
) -> None:
    names = [f"set/{label}/{i}.png" for label in ("real", "fake") for i in range(20)]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    tested = {"set/real/4.png", "set/fake/7.png", "set/fake/9.png"}
    rows = "".join(f"{name},{'test' if name in tested else 'train'}\n" for name in names)
    (folder / "split.csv").write_text("path,split\n" + rows)
    other = shutil.copytree(folder, tmp_path / "other")
    (other / "split.csv").unlink()
    evaluate([folder, other], root, out=tmp_path / "run", faces=cache, charts=False)
    judged = list(csv.DictReader((tmp_path / "run" / "net" / "set" / "predictions.csv").open()))
    assert {row["path"] for row in judged} == tested
    assert [figures_in(tmp_path / "run" / "other")["set"][key] for key in ("real", "fake")] == [2, 2]
    evaluate([folder], root, out=tmp_path / "all", faces=cache, charts=False, split="all")
    assert [figures_in(tmp_path / "all")["set"][key] for key in ("real", "fake")] == [20, 20]


def test_folder_without_a_readable_picture_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "real").mkdir(parents=True)
    (tmp_path / "data" / "real" / "broken.png").write_bytes(b"no picture")
    for split in ("test", "all"):
        with pytest.raises(DatasetError, match=r"None of the 1 pictures .* can be read; .*unreadable\.txt lists them"):
            evaluate([folder], tmp_path / "data", split=split, whole=True, out=tmp_path / "run")
    assert (tmp_path / "run" / "unreadable.txt").read_text() == "real/broken.png\n"


def test_folder_of_a_training_run_is_refused_before_anything_is_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "arguments.json").write_text('{"epochs": 3}')
    with pytest.raises(DatasetError, match="files of another command"):
        evaluate([folder], tmp_path / "nowhere", out=tmp_path / "run")
    assert (tmp_path / "run" / "arguments.json").read_text() == '{"epochs": 3}'


def test_plain_folder_is_measured_whole_without_looking_for_faces(
    folder: Path,
    make_data: MakeData,
    picture: Callable[..., Pixels],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = [f"{label}/{i}.png" for label in ("Real", "Fake") for i in range(3)]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)}, known=False)
    (root / "Real" / "broken.png").write_bytes(b"no picture")
    evaluate([folder], root, split="all", whole=True, out=tmp_path / "run", faces=cache, charts=False)
    (figures,) = figures_in(tmp_path / "run").values()
    assert (figures["real"], figures["fake"], figures["without_face"]) == (3, 3, 0)
    assert not cache.exists()
    assert "1 of 7 pictures can't be read" in caplog.text and "Real/broken.png" in caplog.text


def test_plain_folder_without_splits_is_tested_on_its_tenth(
    folder: Path, make_data: MakeData, picture: Callable[..., Pixels], tmp_path: Path
) -> None:
    names = [f"set/{label}/{i}.png" for label in ("real", "fake") for i in range(20)]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    evaluate([folder], root, out=tmp_path / "run", faces=cache, charts=False)
    assert [figures_in(tmp_path / "run")["set"][key] for key in ("real", "fake")] == [2, 2]


def test_sets_can_be_chosen(folder: Path, data: tuple[Path, Path], tmp_path: Path) -> None:
    root, cache = data
    evaluate([folder], root, sets=["reals"], out=tmp_path / "run", faces=cache, charts=False)
    assert list(figures_in(tmp_path / "run")) == ["reals"]
    for split in ("test", "all"):
        with pytest.raises(DatasetError, match="no data set other, only mixed, reals"):
            evaluate([folder], root, split=split, sets=["other"], out=tmp_path / "run", faces=cache)


def test_unknown_split_is_refused(folder: Path, data: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no split 'dev'; choose train, val, test, all"):
        evaluate([folder], data[0], split="dev", out=tmp_path / "run", faces=data[1])


def test_split_without_faces_is_refused(tiny_artifact: Path, make_data: MakeData, tmp_path: Path) -> None:
    name = "one/test/real/a.png"
    root, cache = make_data({name: np.full((64, 64, 3), 127, np.uint8)}, without_face=[name])
    with pytest.raises(DatasetError, match="no test pictures with a face"):
        evaluate([tiny_artifact], root, out=tmp_path / "run", faces=cache)
    assert not (tmp_path / "run").exists()


def test_command_line_takes_models_before_the_data(
    folder: Path, data: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = data
    command = ["evaluate", str(folder), str(root), "--out", str(tmp_path / "run"), "--faces", str(cache), "--no-charts"]
    monkeypatch.setattr(sys, "argv", [*command, "--sets", "reals", "--write"])
    with pytest.raises(SystemExit) as ended:
        run(evaluate)
    assert not ended.value.code
    assert list(load_artifact(folder).metrics["test"]) == ["reals"]


# A folder that holds an earlier evaluation


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


# Corruptions


@pytest.mark.slow
def test_corruptions_enter_the_card_under_a_key_of_their_own(
    folder: Path, data: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = data
    monkeypatch.setattr(robustness, "conditions", lambda: [CLEAN, "jpeg 50"])
    monkeypatch.setattr(robustness, "ROUNDS", 20)
    options: dict[str, Any] = dict(corruptions=True, limit=2, sets=["mixed"], charts=False)
    evaluate([folder], root, write=True, out=tmp_path / "run", faces=cache, **options)
    kept = load_artifact(folder).metrics["test_corruptions"]["mixed"]
    assert list(kept) == [CLEAN, "jpeg 50"] and kept[CLEAN]["real"] == 2
    assert set(kept["jpeg 50"]["auc_loss"]) == {"value", "low", "high"}
    assert kept["jpeg 50"]["auc_loss"]["value"] == pytest.approx(kept[CLEAN]["auc"] - kept["jpeg 50"]["auc"], abs=2e-4)
    assert "robustness_auc.png" in (tmp_path / "run" / "report.md").read_text()
    assert load_artifact(folder).metrics["test"] == figures_in(tmp_path / "run")


# Several models


def test_several_models_give_a_transfer_matrix(folder: Path, data: tuple[Path, Path], tmp_path: Path) -> None:
    root, cache = data
    other = shutil.copytree(folder, tmp_path / "other")
    write_card(other, replace(load_artifact(other), training={"data": {"mixed": "a licence"}}))
    out = tmp_path / "run"
    evaluate([folder, other], root, out=out, faces=cache, charts=False, transfer_into=folder)
    rows = list(csv.DictReader((out / "transfer.csv").open()))
    assert [(row["model"], row["dataset"], row["trained_on_it"]) for row in rows] == [
        ("net", "mixed", "False"), ("net", "reals", "False"), ("other", "mixed", "True"), ("other", "reals", "False")
    ]  # fmt: skip
    assert float(rows[0]["auc"]) == figures_in(out / "net")["mixed"]["auc"]["value"] and rows[1]["auc"] == ""
    assert (out / "transfer.png").stat().st_size > 1000
    matrix = load_artifact(folder).metrics["transfer"]
    assert matrix["other"]["trained_on"] == ["mixed"] and set(matrix["other"]["auc"]) == {"mixed"}
    assert load_artifact(other).metrics == {}


def test_models_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    one, two, three = tmp_path / "a" / "net", tmp_path / "b" / "net", tmp_path / "b" / "lite"
    assert name_models([one, two, three]) == {"a-net": one, "b-net": two, "lite": three}
    first, again = tmp_path / "x" / "cnn" / "artifact", tmp_path / "y" / "cnn" / "artifact"
    assert name_models([first, three]) == {"cnn": first, "lite": three}
    assert name_models([first, again]) == {"x-cnn": first, "y-cnn": again}
    with pytest.raises(DatasetError, match="twice"):
        name_models([one, one])
    with pytest.raises(DatasetError, match="same name"):
        name_models([tmp_path / "x" / "a" / "net", tmp_path / "y" / "a" / "net"])
