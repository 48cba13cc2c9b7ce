"""Tests of the evaluation command: the pictures that it measures, and the input that it refuses."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import load_artifact, write_card
from model.cli import run
from model.errors import DatasetError
from model.evaluation import robustness
from model.evaluation.evaluate import evaluate, name_models
from model.photos.corruptions import CLEAN
from tests.model.evaluation.conftest import figures_in

pytestmark = pytest.mark.usefixtures("few_rounds")
Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]


# Data folders and options


@pytest.mark.slow
def test_model_is_measured_on_the_test_split_of_its_run(
    folder: Path, make_data: MakeData, picture: Callable[..., Pixels], tmp_path: Path
) -> None:
    names = [f"set/{label}/{i}.png" for label in ("real", "fake") for i in range(20)]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    tested = {"set/real/4.png", "set/fake/7.png", "set/fake/9.png"}
    rows = "".join(f"{name},{'test' if name in tested else 'train'}\n" for name in names)
    (folder / "split.csv").write_text("path,split\n" + rows)
    second = shutil.copytree(folder, tmp_path / "other")
    (second / "split.csv").unlink()
    evaluate([folder, second], root, out=tmp_path / "run", faces=cache, charts=False)
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


def test_folder_of_a_training_run_is_refused_before_data_is_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "arguments.json").write_text('{"epochs": 3}')
    with pytest.raises(DatasetError, match="files of another command"):
        evaluate([folder], tmp_path / "nowhere", out=tmp_path / "run")
    assert (tmp_path / "run" / "arguments.json").read_text() == '{"epochs": 3}'


def test_whole_pictures_of_a_plain_folder_are_measured_without_searching_faces(
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


def test_plain_folder_without_splits_is_tested_on_a_tenth_of_its_pictures(
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


def test_command_line_takes_models_before_the_data_folder(
    folder: Path, data: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = data
    command = ["evaluate", str(folder), str(root), "--out", str(tmp_path / "run"), "--faces", str(cache), "--no-charts"]
    monkeypatch.setattr(sys, "argv", [*command, "--sets", "reals", "--write"])
    with pytest.raises(SystemExit) as ended:
        run(evaluate)
    assert not ended.value.code
    assert list(load_artifact(folder).metrics["test"]) == ["reals"]


# Corruptions


@pytest.mark.slow
@pytest.mark.usefixtures("plain_curves")
def test_figures_under_corruption_have_their_own_key_in_the_card(
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


@pytest.mark.slow
def test_several_models_give_a_transfer_matrix(folder: Path, data: tuple[Path, Path], tmp_path: Path) -> None:
    root, cache = data
    second = shutil.copytree(folder, tmp_path / "other")
    write_card(second, replace(load_artifact(second), training={"data": {"mixed": "a licence"}}))
    out = tmp_path / "run"
    evaluate([folder, second], root, out=out, faces=cache, charts=False, transfer_into=folder)
    rows = list(csv.DictReader((out / "transfer.csv").open()))
    assert [(row["model"], row["dataset"], row["trained_on_it"]) for row in rows] == [
        ("net", "mixed", "False"), ("net", "reals", "False"), ("other", "mixed", "True"), ("other", "reals", "False")
    ]  # fmt: skip
    assert float(rows[0]["auc"]) == figures_in(out / "net")["mixed"]["auc"]["value"] and rows[1]["auc"] == ""
    assert (out / "transfer.png").stat().st_size > 1000
    matrix = load_artifact(folder).metrics["transfer"]
    assert matrix["other"]["trained_on"] == ["mixed"] and set(matrix["other"]["auc"]) == {"mixed"}
    assert load_artifact(second).metrics == {}


def test_models_with_the_same_name_get_different_names(tmp_path: Path) -> None:
    net_a, net_b, lite = tmp_path / "a" / "net", tmp_path / "b" / "net", tmp_path / "b" / "lite"
    assert name_models([net_a, net_b, lite]) == {"a-net": net_a, "b-net": net_b, "lite": lite}
    first, again = tmp_path / "x" / "cnn" / "artifact", tmp_path / "y" / "cnn" / "artifact"
    assert name_models([first, lite]) == {"cnn": first, "lite": lite}
    assert name_models([first, again]) == {"x-cnn": first, "y-cnn": again}
    with pytest.raises(DatasetError, match="twice"):
        name_models([net_a, net_a])
    with pytest.raises(DatasetError, match="same name"):
        name_models([tmp_path / "x" / "a" / "net", tmp_path / "y" / "a" / "net"])
