"""Tests of the import command: it shows which preprocessing is right, and writes a card without overwriting one."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import Card, digest, read_card, write_card
from model.artifact.preprocessing import Preprocessing
from model.cli import run
from model.data.reading import read_rgb
from model.detector.engine import Engine
from model.errors import DatasetError
from model.legacy import folder as legacy_folder
from model.legacy import import_command as command_of_import
from model.legacy.apart import convert
from model.legacy.folder import CACHE_VARIABLE
from model.legacy.import_command import import_legacy
from model.legacy.ways import VALUE_RANGES, WHOLE, Reading, advice, best, colour_ways, example_crops, readings, table
from model.paths import EXAMPLES
from model.photos.faces import find_faces

DATA = Path(__file__).parents[2] / "data" / "legacy"
NAME = "best_model_effatt.h5"
IS_FAKE = np.array([True, True, False, False])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def pair(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An author's model and labels; the imported folder is kept for the next test."""
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    monkeypatch.setattr(legacy_folder, "convert_apart", convert)
    return shutil.copytree(DATA / "keras2_softmax", tmp_path / "own") / NAME


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """Four plain pictures, red ones in ``Fake`` and blue ones in ``Real``."""
    for label, blue, red in (("Fake", 20, 220), ("Real", 220, 20)):
        for index in range(2):
            (tmp_path / "data" / label).mkdir(parents=True, exist_ok=True)
            picture = np.full((64, 64, 3), (blue, 60 + 9 * index, red), np.uint8)
            cv2.imwrite(str(tmp_path / "data" / label / f"{index}.png"), picture)
    return tmp_path / "data"


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str | int | None:
    monkeypatch.setattr(sys, "argv", ["import_legacy", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        run(import_legacy)
    return ended.value.code


class Redness:
    """A network as if trained on red fakes in BGR with values in 0..1."""

    def __call__(self, pixels: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        p_fake = np.clip(pixels[..., 2].mean(axis=(1, 2)), 0, 1)
        return {"probabilities": np.stack([p_fake, 1 - p_fake], axis=1)}


def reading(scores: list[float], order: str = "BGR", in_use: bool = False, margin: float = 1.0) -> Reading:
    return Reading(Preprocessing(128, order, crop_margin=margin), np.array(scores), in_use)


def test_table_shows_which_preprocessing_is_right(examples: Path) -> None:
    crops, is_fake = example_crops(examples, 10, [1.0])
    assert is_fake is not None
    card = Card("legacy", Preprocessing(128, "BGR"), ("Fake", "Real"))
    found = readings(Redness(), card, crops, colour_ways(card.preprocessing))
    assert [each.names for each in found] == [(order, name, "1") for order in ("BGR", "RGB") for name in VALUE_RANGES]
    assert [each.in_use for each in found] == [True, False, False, False, False, False]
    right = best(found, is_fake)
    assert right is not None and right.names == ("BGR", "0..1", "1")
    np.testing.assert_allclose(right.p_fake, [220 / 255, 220 / 255, 20 / 255, 20 / 255], atol=1e-6)
    assert "BGR with values 0..1" in advice(found, is_fake)
    shown = table(found, is_fake).splitlines()
    assert len(shown) == 7 and "accuracy" in shown[0] and "AUC" in shown[0]
    assert shown[2].split() == ["BGR", "0..1", "1", "1.000", "1.000", "0.471", "0.392"]
    assert shown[1].endswith("<- in use") and shown[5].split()[3:5] == ["0.000", "0.000"]


def test_order_of_the_labels_chooses_the_column_of_fake(examples: Path) -> None:
    crops, _ = example_crops(examples, 10, [1.0])
    card = Card("legacy", Preprocessing(128, "BGR", 1 / 255), ("Real", "Fake"))
    (found,) = readings(Redness(), card, crops, [card.preprocessing])
    np.testing.assert_allclose(found.p_fake, [35 / 255, 35 / 255, 235 / 255, 235 / 255], atol=1e-6)


def test_advice_depends_on_the_figures() -> None:
    good, chance, swapped = [0.9, 0.8, 0.2, 0.1], [0.4, 0.6, 0.6, 0.4], [0.1, 0.2, 0.8, 0.9]
    assert advice([reading(good, in_use=True), reading(chance)], IS_FAKE).endswith("best, and is in use.")
    assert advice([reading(chance), reading(good, "RGB")], IS_FAKE).startswith("RGB with values 0..255")
    text = advice([reading(chance), reading(chance)], IS_FAKE)
    assert "No crop separates these 4 pictures: the best AUC is 0.500." in text and "swapped" not in text
    assert "labels may be swapped" in advice([reading(swapped), reading(swapped)], IS_FAKE)
    assert "is not known" in advice([reading(good)], None)


def test_best_margin_is_a_crop_that_the_page_can_make() -> None:
    good, fair, chance = [0.9, 0.8, 0.2, 0.1], [0.9, 0.3, 0.4, 0.1], [0.4, 0.6, 0.6, 0.4]
    found = [reading(chance, in_use=True), reading(fair, margin=1.6), reading(good, margin=WHOLE)]
    chosen = best(found, IS_FAKE)
    assert chosen is not None and chosen.way.crop_margin == 1.6
    assert "crop margin 1.6" in advice(found, IS_FAKE) and "even better (AUC 1.000)" in advice(found, IS_FAKE)
    assert "even better" not in advice([reading(good, in_use=True), reading(good, margin=WHOLE)], IS_FAKE)
    assert "No crop separates" in advice([found[0], found[2]], IS_FAKE)
    equal = [reading(good, margin=1.3), reading(good, in_use=True)]
    assert best(equal, IS_FAKE) is equal[1], "of equal readings, the one in use is chosen"
    assert best(found, None) is None


def test_table_without_the_truth_shows_mean_and_spread() -> None:
    head, line = table([reading([0.2, 0.4])], None).splitlines()
    assert "AUC" not in head and line.split() == ["BGR", "0..255", "1", "0.300", "0.100"]


def test_the_same_number_of_examples_is_drawn_from_both_classes(examples: Path) -> None:
    by_margin, is_fake = example_crops(examples, 2, [1.0])
    crops = by_margin[1.0]
    assert crops.shape == (2, 256, 256, 3) and is_fake is not None and is_fake.tolist() == [True, False]
    assert crops[0, 0, 0, 0] == 220 and crops[1, 0, 0, 2] == 220  # RGB: a red fake, a blue real


@pytest.mark.slow
def test_shipped_examples_need_no_labels() -> None:
    crops, is_fake = example_crops(EXAMPLES, 3, [1.0])
    assert crops[1.0].shape == (3, 256, 256, 3) and is_fake is None


@pytest.mark.slow
def test_crops_have_the_given_margin(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "astronaut.jpg", tmp_path)
    crops, _ = example_crops(tmp_path, 1, [1.0, 1.6, WHOLE])
    photo = read_rgb(tmp_path / "astronaut.jpg")
    for margin in (1.0, 1.6):
        np.testing.assert_array_equal(crops[margin][0], find_faces(photo, margin)[0].crop)
    np.testing.assert_array_equal(crops[WHOLE][0], cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA))


def test_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DatasetError):
            example_crops(folder, 3, [1.0])


@pytest.mark.slow
def test_command_writes_a_card_that_the_next_start_reads(
    pair: Path, examples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--examples", examples, "--color-order", "RGB", "--value-range=-1..1")
    assert command(monkeypatch, pair, *given) in (0, None)
    shown = capsys.readouterr().out
    assert "36 weights were loaded." in shown and "'RescaleGAP' (Lambda) was replaced" in shown
    assert "4 pictures" in shown and "<- in use" in shown.split("RGB           -1..1")[1].splitlines()[0]
    assert shown.count("RGB           -1..1") == 5, "one row for each margin, and one for whole pictures"
    written = json.loads((pair.parent / "card.json").read_text())
    assert written["preprocessing"]["color_order"] == "RGB" and written["preprocessing"]["value_offset"] == -1
    assert written["labels"] == ["Fake", "Real"] and written["sha256"] == {pair.name: digest(pair)}
    assert "input_size" not in written["preprocessing"]
    card = read_card(legacy_folder.model_folder(pair))
    assert card.preprocessing == Preprocessing(128, "RGB", 1 / 127.5, -1.0)


@pytest.mark.slow
def test_command_writes_the_best_preprocessing_if_no_option_is_given(
    pair: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_of_import, "Engine", lambda path: Redness())
    margins: list[float] = []

    def crops_of(folder: Path, limit: int, wanted: Sequence[float]) -> object:
        """Unchanged pictures at the margin 1.6, almost grey ones at all other margins."""
        by_margin, is_fake = example_crops(folder, limit, wanted)
        margins.extend(wanted)
        return {margin: crops if margin == 1.6 else crops // 9 + 90 for margin, crops in by_margin.items()}, is_fake

    monkeypatch.setattr(command_of_import, "example_crops", crops_of)
    assert command(monkeypatch, pair, "--examples", examples) in (0, None)
    written = json.loads((pair.parent / "card.json").read_text())["preprocessing"]
    assert (written["color_order"], written["value_scale"], written["crop_margin"]) == ("BGR", 1 / 255, 1.6)
    assert {WHOLE, 1.0, 1.3, 1.6} <= set(margins)
    given = ("--examples", examples, "--force", "--crop-margin", "1.3")
    assert command(monkeypatch, pair, *given) in (0, None)
    assert json.loads((pair.parent / "card.json").read_text())["preprocessing"]["crop_margin"] == 1.3


@pytest.mark.slow
def test_command_keeps_a_card_unless_forced(
    pair: Path, examples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = pair.parent / "card.json"
    card.write_text('{"temperature": 2.0}')
    assert command(monkeypatch, pair, "--examples", examples) in (0, None)
    assert "is kept unchanged" in capsys.readouterr().out and card.read_text() == '{"temperature": 2.0}'
    card.write_text(json.dumps({"temperature": 2.0, "sha256": {pair.name: "0" * 64}}))
    assert command(monkeypatch, pair, "--examples", examples) in (0, None)
    assert f"does not describe this {pair.name}; it is kept" in capsys.readouterr().out
    card.write_text('{"temperature": 2.0}')
    assert command(monkeypatch, pair, "--examples", examples, "--force") in (0, None)
    assert json.loads(card.read_text())["temperature"] == 2.0 and "preprocessing" in card.read_text()


@pytest.mark.slow
def test_command_does_not_write_a_fitted_calibration(
    pair: Path, examples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A calibration in that card would override later fits, and stay after a change of the colour order."""
    folder = legacy_folder.model_folder(pair)
    write_card(folder, replace(read_card(folder), temperature=1.7))
    for order, temperature in (("BGR", 1.7), ("RGB", None)):
        given = ("--examples", examples, "--force", "--color-order", order, "--value-range=0..255")
        assert command(monkeypatch, pair, *given) in (0, None)
        assert "temperature" not in json.loads((pair.parent / "card.json").read_text())
        assert read_card(legacy_folder.model_folder(pair)).temperature == temperature


def test_command_writes_nothing_without_card(pair: Path, examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(pair.parent.iterdir())
    assert command(monkeypatch, pair, "--examples", examples, "--no-card") in (0, None)
    assert sorted(pair.parent.iterdir()) == before


@pytest.mark.parametrize("name", ["one_input.h5", "label_transform.pkl", "missing.h5"])
def test_command_refuses_bad_files_in_one_line(
    pair: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = DATA / "hostile" / name
    monkeypatch.chdir(pair.parent)
    given = (hostile, "--labels", "label_transform.pkl") if name.endswith(".h5") else (pair, "--labels", hostile)
    code = command(monkeypatch, *given)
    assert isinstance(code, str) and code.startswith("Error: ") and "\n" not in code and name in code
    assert not (pair.parent / "legacy_file_was_executed").exists() and not (pair.parent / "card.json").exists()


def test_table_and_page_use_the_same_engine(pair: Path) -> None:
    """The figures of the table are the same as on the page."""
    folder = legacy_folder.model_folder(pair)
    with np.load(pair.parent / "expected.npz") as stored:
        crops, outputs = np.ascontiguousarray(stored["pixels"][..., ::-1]), stored["outputs"]
    card = read_card(folder)
    (found,) = readings(Engine(folder / "model.tflite"), card, {1.0: crops}, [card.preprocessing])
    np.testing.assert_allclose(found.p_fake, outputs[:, 0], atol=1e-5)
