"""Tests of the command on unseen sources: its pictures, its files, and that they depend only on the seed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas
import pytest
from numpy.typing import NDArray

from model.artifact.card import load_artifact, read_card, write_card
from model.errors import DatasetError
from model.photos.faces import crop
from model.unseen import mild_edits
from model.unseen.report import FIGURES, PICTURE, PREDICTIONS, SUMMARY, read_earlier, summary
from model.unseen.sources import AGAINST, UNSEEN, find_sources
from model.unseen.unseen import unseen

Pixels = NDArray[np.uint8]
FOLDERS = {  # number of pictures
    "unseen_faces/test/real": 6,
    "unseen_maker/test/fake": 5,
    "unseen_swaps/test/real": 4,
    "unseen_swaps/test/fake": 4,
    "utkface/real": 3,
    "home/train/real": 7,
    "home/val/real": 3,
    "home/test/real": 2,
    "home/train/fake": 2,
    "other/test/real": 2,
}


@pytest.fixture
def data(make_data: Callable[..., tuple[Path, Path]], picture: Callable[..., Pixels]) -> tuple[Path, Path]:
    names = [f"{folder}/{number}.png" for folder, count in FOLDERS.items() for number in range(count)]
    pixels = {name: picture(seed) for seed, name in enumerate(names)}
    masks = {f"unseen_swaps/masks/{number}.png": np.full((64, 64), 255, np.uint8) for number in range(4)}
    root, cache = make_data({**pixels, **masks}, without_face=["unseen_maker/test/fake/4.png"])
    rows = [f"{number}.png,{number // 2}.jpg" for number in range(4)]
    (root / "unseen_swaps/pairs.csv").write_text("\n".join(["fake,target_real", *rows]) + "\n")
    return root, cache


@pytest.fixture
def model(tiny_artifact: Path, tmp_path: Path) -> Path:
    """The tiny network with a card that says it was trained on ``home``."""
    folder = shutil.copytree(tiny_artifact, tmp_path / "tiny")
    write_card(folder, replace(read_card(folder), training={"data": {"home": "ours", "utkface": "ours, too"}}))
    return folder


@pytest.fixture(autouse=True)
def fast_face_finder(monkeypatch: pytest.MonkeyPatch) -> None:
    def middle(photo: Pixels, margin: float) -> list[Any]:
        square = (photo.shape[1] / 4, photo.shape[0] / 4, photo.shape[1] / 2)
        return [SimpleNamespace(square=square, crop=crop(photo, square))]

    monkeypatch.setattr(mild_edits, "find_faces", middle)


@pytest.mark.slow
def test_training_sources_are_not_unseen_sources(
    data: tuple[Path, Path], model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root, cache = data
    found = find_sources(model, read_card(model), root, cache, [*UNSEEN, "nothing"], 0, 0)
    assert {name: len(examples) for name, examples in found.unseen.items()} == {
        "unseen_faces": 6, "unseen_maker": 4, "unseen_swaps": 8,
    }  # fmt: skip
    assert "The model was trained on utkface" in caplog.text and "begins with nothing; skipped" in caplog.text
    assert {name: (len(seen), len(new)) for name, (seen, new) in found.learnt.items()} == {"home": (7, 5)}
    assert found.without_face == {"unseen_faces": 0, "unseen_maker": 1, "unseen_swaps": 0}
    assert list(found.comparison_reals(AGAINST)) == ["unseen_faces"], "swaps have fakes"
    assert found.groups["unseen_swaps/test/fake/1.png"] == found.groups["unseen_swaps/test/real/0.png"] == "0.jpg"


def test_limit_applies_to_each_split_of_a_training_source(data: tuple[Path, Path], model: Path) -> None:
    found = find_sources(model, read_card(model), *data, UNSEEN, 2, 0)
    assert {name: (len(seen), len(new)) for name, (seen, new) in found.learnt.items()} == {"home": (2, 4)}
    assert len(found.unseen["unseen_faces"]) == 6


def test_data_without_an_unseen_source_are_refused(data: tuple[Path, Path], model: Path) -> None:
    with pytest.raises(DatasetError, match="no unseen data set"):
        find_sources(model, read_card(model), *data, ["home"], 0, 0)


@pytest.mark.slow
def test_written_figures_agree_with_the_predictions(
    data: tuple[Path, Path], model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, cache = data
    unseen(model, root, edited=2, faces=cache, out=tmp_path / "out", write=True)
    figures = json.loads((tmp_path / "out" / FIGURES).read_text())
    table = pandas.read_csv(tmp_path / "out" / PREDICTIONS)
    assert len(table) == 6 + 4 + 8
    faces = table[table["source"] == "unseen_faces"]["p_fake"]
    assert figures["reals"]["unseen_faces"]["called_fake"]["value"] == pytest.approx((faces >= 0.5).mean(), abs=1e-4)
    makers = table[table["source"] == "unseen_maker"]["p_fake"]
    wins = np.greater.outer(makers.to_numpy(), faces.to_numpy()).mean()
    generator = figures["generators"]["unseen_maker"]
    assert list(figures["generators"]) == ["unseen_maker"] and (generator["real"], generator["fake"]) == (6, 4)
    assert generator["auc"]["value"] == pytest.approx(wins, abs=1e-4)
    assert figures["twins"]["unseen_swaps"]["real"] == figures["twins"]["unseen_swaps"]["fake"] == 4
    peaks = figures["peaks"]["unseen_swaps"]
    swaps = table[(table["source"] == "unseen_swaps") & (table["label"] == "Fake")]["p_fake"]
    assert peaks["fakes"] == (swaps >= 0.5).sum() > 0 and peaks["attention"]["value"] == 1, (
        "the mask covers the whole picture"
    )
    assert figures["learnt_by_heart"]["home"]["new"] == 5
    assert (figures["calibration"]["real"], figures["calibration"]["fake"]) == (10, 8)
    assert figures["edits"]["faces"] == 2
    card = load_artifact(model)
    assert card.metrics["unseen"] == {name: figures[name] for name in card.metrics["unseen"]}
    assert "reals" in card.metrics["unseen"] and "seed" not in card.metrics["unseen"]
    text = (tmp_path / "out" / SUMMARY).read_text()
    assert text in capsys.readouterr().out and "unseen_maker 1" in text
    assert (tmp_path / "out" / PICTURE).stat().st_size > 10_000


@pytest.mark.slow
def test_same_seed_gives_the_same_files_and_an_earlier_run_is_shown_for_comparison(
    data: tuple[Path, Path], model: Path, tmp_path: Path
) -> None:
    root, cache = data
    first, second = tmp_path / "first", tmp_path / "second"
    unseen(model, root, edited=2, faces=cache, out=first)
    unseen(model, root, edited=2, faces=cache, out=second, before=first)
    for name in (FIGURES, PREDICTIONS):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    figures = json.loads((first / FIGURES).read_text())
    cell = "{value:.3f} ({low:.3f}–{high:.3f})".format(**figures["twins"]["unseen_swaps"]["auc"])
    assert f"| {cell} |" in summary("m", figures)
    assert f"| {cell} → {cell} |" in summary("m", figures, figures)
    worse = json.loads(json.dumps(figures))
    worse["edits"]["mirrored"]["mean_move"] = 0.987
    lines = summary("m", figures, worse).splitlines()
    (mirrored,) = (line for line in lines if line.startswith("| mirrored |"))
    assert f"| 0.987 → {figures['edits']['mirrored']['mean_move']:.3f} |" in mirrored
    assert (first / PICTURE).read_bytes() != (second / PICTURE).read_bytes()


def test_folder_without_results_is_refused_as_an_earlier_run(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no results"):
        read_earlier(tmp_path)
    (tmp_path / FIGURES).write_text("{}")
    (tmp_path / PREDICTIONS).write_text("name\nx\n")
    with pytest.raises(DatasetError, match="holds no results"):
        read_earlier(tmp_path)


def test_missing_data_is_refused_in_one_sentence(
    command: Callable[..., tuple[int, str, str]], tiny_artifact: Path, tmp_path: Path
) -> None:
    code, _, err = command("unseen", tiny_artifact, tmp_path / "none")
    assert code == 1 and err.startswith("Error: ") and "does not exist" in err and err.count("\n") == 1
