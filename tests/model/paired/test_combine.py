"""Tests of combined models, which use the networks of several folders."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.attribution import ExplanationError
from explain.maps.keras_gradients import LogOdds
from explain.service.shipped import key_of
from explain.settings import Settings
from model.artifact.card import CARD, TFLITE, load_artifact, read_card, write_card
from model.artifact.preprocessing import Preprocessing
from model.artifact.views import View
from model.available import available_models
from model.data.layout import Example
from model.data.split import SPLIT
from model.detector.detector import Detector
from model.errors import ArchitectureError, ArtifactError
from model.evaluation.measuring import judge
from model.found import open_model
from model.networks.export import load_keras
from model.paired.combine import combine
from model.photos.faces import CROP_SIZE
from model.studies.compress import compress

VIEWS = (View(right=0.1), View(mirrored=True))
Pixels = NDArray[np.uint8]


@pytest.fixture
def two(tiny_artifact: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two calibrated folders side by side; the second has another input scale and order of labels."""
    folders = tmp_path / "one", tmp_path / "other"
    changes: tuple[dict[str, Any], ...] = (
        {"views": VIEWS, "temperature": 2.0, "fake_bias": 0.3},
        {"labels": ("Real", "Fake"), "temperature": 0.8},
    )
    for folder, fields in zip(folders, changes, strict=True):
        shutil.copytree(tiny_artifact, folder)
        write_card(folder, replace(load_artifact(folder), **fields))
    card = read_card(folders[1])
    scaled = Preprocessing(card.preprocessing.input_size, "BGR", 1 / 64, -1.0, card.preprocessing.crop_margin)
    write_card(folders[1], replace(card, preprocessing=scaled))
    return folders


@pytest.fixture
def both(two: tuple[Path, Path]) -> Path:
    folder = two[0].parent / "both"
    combine(list(two), folder)
    return folder


@pytest.fixture
def crops(picture: Callable[..., Pixels]) -> Pixels:
    return np.stack([picture(seed, 40) for seed in range(5)])


def fake_logits(detector: Detector, crops: Pixels) -> NDArray[np.float64]:
    fake = detector.probabilities(crops)[:, detector.card.labels.index("Fake")]
    return np.log(fake / (1 - fake))


def test_logits_are_the_mean_of_the_calibrated_logits_in_the_first_models_views(
    two: tuple[Path, Path], both: Path, crops: Pixels
) -> None:
    expected = []
    for folder in two:
        write_card(folder, replace(read_card(folder), views=VIEWS, fake_bias=0.0))
        expected.append(fake_logits(Detector(folder), crops))
    detector = Detector(both)
    np.testing.assert_allclose(fake_logits(detector, crops), np.mean(expected, axis=0), atol=1e-4)
    assert np.abs(expected[0] - expected[1]).max() > 0.01, "the two models must differ"
    assert detector.card.temperature is None
    write_card(both, replace(detector.card, temperature=0.5, fake_bias=1.0))
    np.testing.assert_allclose(fake_logits(Detector(both), crops), 2 * np.mean(expected, axis=0) + 1, atol=1e-4)


def test_sources_left_out_by_all_parts_are_recorded_as_left_out(two: tuple[Path, Path]) -> None:
    for folder, left_out in zip(two, (["a", "b"], ["c", "b"]), strict=True):
        training = {"data": {folder.name: "its terms"}, "arguments": {"leave_out": left_out}}
        write_card(folder, replace(read_card(folder), training=training))
    combine(list(two), two[0].parent / "both")
    training = read_card(two[0].parent / "both").training
    assert training["arguments"] == {"models": ["one", "other"], "leave_out": ["b"]}
    assert training["data"] == {"one": "its terms", "other": "its terms"}


def test_mask_comes_from_the_first_model(two: tuple[Path, Path], both: Path, crops: Pixels) -> None:
    mask, expected = (Detector(folder).predict(crops[0]).attention for folder in (both, two[0]))
    assert mask is not None and expected is not None
    np.testing.assert_array_equal(mask, expected)


def test_in_turn_both_parts_see_a_crop_in_the_same_view(both: Path, crops: Pixels) -> None:
    in_turn = Detector(both).probabilities(crops, in_turn=True)
    for turn, view in enumerate(VIEWS):
        write_card(both, replace(read_card(both), views=(view,)))
        rows = np.arange(len(crops)) // 2 % 2 == turn
        np.testing.assert_allclose(in_turn[rows], Detector(both).probabilities(crops)[rows], atol=1e-6)


def test_closed_model_cannot_be_used(both: Path, crops: Pixels) -> None:
    detector = Detector(both)
    assert detector.has_files
    detector.close()
    with pytest.raises(ArtifactError):
        detector.probabilities(crops)


def test_combined_model_has_no_keras_network_and_no_gradients(both: Path) -> None:
    with pytest.raises(ArtifactError, match="both"):
        load_keras(both)
    with pytest.raises(ExplanationError):
        LogOdds(Detector(both), "Fake")


def test_part_with_another_network_is_refused(two: tuple[Path, Path], both: Path) -> None:
    card = read_card(two[1])
    write_card(two[1], replace(card, sha256={**card.sha256, TFLITE: "0" * 64}))
    with pytest.raises(ArtifactError, match=re.escape(f"other/{TFLITE}")):
        Detector(both)


@pytest.mark.parametrize("changed", [{"color_order": "RGB"}, {"mean": (0.0, 0.1, 0.0)}, {"value_offset": 0.0}, {}])
def test_part_with_changed_preprocessing_or_labels_is_refused(
    two: tuple[Path, Path], both: Path, changed: dict[str, Any]
) -> None:
    card = read_card(two[1])
    labels = card.labels if changed else card.labels[::-1]
    write_card(two[1], replace(card, labels=labels, preprocessing=replace(card.preprocessing, **changed)))
    with pytest.raises(ArtifactError, match=r"other.*both"):
        Detector(both)
    combine(list(two), both)
    Detector(both)


def test_probabilities_do_not_change_when_a_part_is_calibrated_again(
    two: tuple[Path, Path], both: Path, crops: Pixels
) -> None:
    """The combined model was calibrated with the weights and views in its own card."""
    before = Detector(both).probabilities(crops)
    changes: dict[str, Any] = {"temperature": 3.0, "fake_bias": -1.0, "views": (View(), View(down=0.1))}
    for folder in two:
        write_card(folder, replace(read_card(folder), **changes, metrics={"test": {}}))
    np.testing.assert_array_equal(Detector(both).probabilities(crops), before)


def test_missing_part_is_named(two: tuple[Path, Path], both: Path) -> None:
    shutil.rmtree(two[1])
    with pytest.raises(ArtifactError, match="other"):
        Detector(both)
    assert read_card(both).parts, "the card itself can be read"


def test_combined_model_cannot_be_a_part(two: tuple[Path, Path], both: Path) -> None:
    write_card(both, replace(read_card(both), temperature=1.0))
    with pytest.raises(ArtifactError, match="both"):
        combine([two[0], both], two[0].parent / "nested")
    write_card(two[1], replace(read_card(both), parts=read_card(both).parts))
    with pytest.raises(ArtifactError, match="other"):
        Detector(both)


def test_models_that_name_themselves_or_each_other_are_refused(two: tuple[Path, Path], both: Path) -> None:
    card = read_card(both)
    for folder in two:
        write_card(folder, card)  # each is now a part of itself and of the other
        with pytest.raises(ArtifactError, match="one"):
            Detector(folder)


@pytest.mark.parametrize(
    "parts",
    [
        [{"name": "one", "weight": 1, "reading": "0"}],
        [{"name": "one", "weight": 1, "reading": "0"}] * 2,
        [{"name": "one", "weight": 1, "reading": "0"}, {"name": "../other", "weight": 1, "reading": "0"}],
        [{"name": "one", "weight": 1, "reading": "0"}, {"name": "other", "weight": -1, "reading": "0"}],
        [{"name": "one", "weight": 1, "reading": "0"}, {"name": "other", "weight": float("nan"), "reading": "0"}],
        [{"name": "one", "weight": 1, "reading": "0"}, {"name": "other"}],
        [{"name": "one", "weight": 1, "reading": "0"}, {"name": "other", "weight": 1, "reading": 1}],
        "one",
    ],
)
def test_card_with_invalid_parts_is_refused(both: Path, parts: object) -> None:
    fields = json.loads((both / CARD).read_text())
    (both / CARD).write_text(json.dumps({**fields, "parts": parts}))
    with pytest.raises(ArtifactError, match=re.escape(CARD)):
        read_card(both)


def test_models_that_cannot_be_combined_are_refused(two: tuple[Path, Path]) -> None:
    out = two[0].parent / "both"
    with pytest.raises(ArchitectureError, match="in the same folder"):
        combine(list(two), out / "deeper")
    card = read_card(two[1])
    write_card(two[1], replace(card, temperature=None))
    with pytest.raises(ArchitectureError, match="Calibrate"):
        combine(list(two), out)
    write_card(two[1], replace(card, preprocessing=replace(card.preprocessing, crop_margin=2.0)))
    with pytest.raises(ArchitectureError, match="crop"):
        combine(list(two), out)
    assert not out.exists()


def test_folder_of_another_model_is_not_overwritten(two: tuple[Path, Path], both: Path) -> None:
    before = [(folder / CARD).read_bytes() for folder in two]
    shutil.copytree(two[0], two[0].parent / "third")
    for models, out in ((two, two[0]), ((two[0], both), two[1]), (two, two[0].parent / "third")):
        with pytest.raises(ArchitectureError, match="another model"):
            combine(list(models), out)
    assert [(folder / CARD).read_bytes() for folder in two] == before
    combine(list(two), both)  # its own card may be overwritten


@pytest.mark.parametrize("count", [1, 2, 5])
def test_one_model_repeated_models_and_too_many_models_are_refused(two: tuple[Path, Path], count: int) -> None:
    models = [shutil.copytree(two[0], two[0].parent / f"copy{number}") for number in range(count)]
    with pytest.raises(ArchitectureError, match="2 to 4 different models"):
        combine([models[0]] * 2 if count == 2 else models, two[0].parent / "both")
    assert not (two[0].parent / "both").exists()


def test_licences_and_data_of_all_parts_are_in_the_card(two: tuple[Path, Path]) -> None:
    for folder, licence in zip(two, ("Research.", "No sale."), strict=True):
        write_card(folder, replace(read_card(folder), licence=licence, training={"data": ["old"]}))
    combine(list(two), two[0].parent / "both")
    card = read_card(two[0].parent / "both")
    assert card.licence == "Research. No sale." and list(card.training["data"]) == ["old"]


def test_models_with_another_split_are_refused(two: tuple[Path, Path]) -> None:
    (two[1] / SPLIT).write_text("path,split\n")
    with pytest.raises(ArchitectureError, match=re.escape(SPLIT)):
        combine(list(two), two[0].parent / "both")


def test_folder_can_be_the_working_directory_or_a_link(
    two: tuple[Path, Path], both: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to(both)
    monkeypatch.chdir(both)
    for folder in (Path(), elsewhere / "link"):
        assert Detector(folder).has_files
    combine([Path("../one"), Path("../other")], Path())


def test_key_of_a_result_depends_on_the_weights_of_the_parts(both: Path) -> None:
    """Cached results and resumed jobs must not mix two combinations of the same networks."""
    card = read_card(both)
    reweighted = replace(card, parts=tuple(replace(part, weight=2 * part.weight) for part in card.parts))
    assert key_of("photo", Settings(), card) != key_of("photo", Settings(), reweighted)


def test_evaluation_uses_the_same_crops_as_the_product(
    both: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Callable[..., Pixels]
) -> None:
    """Each part resizes a crop to its own input, so a crop must not be resized before."""
    detector, given = Detector(both), []
    monkeypatch.setattr(detector, "probabilities", lambda crops: given.append(crops) or np.full((len(crops), 2), 0.5))
    assert cv2.imwrite(str(tmp_path / "a.png"), picture(1, 60))
    judge(detector, tmp_path, [Example("a.png", "set", "test", "Fake", (10.0, 10.0, 30.0, 30.0), ())])
    assert [crops.shape for crops in given] == [(1, CROP_SIZE, CROP_SIZE, 3)]


def test_compressing_a_combined_model_is_refused(both: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="both"):
        compress(both, tmp_path / "nowhere", tmp_path / "out")


def test_page_and_commands_open_a_combined_model_by_its_folder(both: Path) -> None:
    found = available_models(both)[0]
    assert found.path == both.resolve() and open_model(found).card.parts
    (both / CARD).write_text(json.dumps({"labels": ["Fake", "Real"]}))
    with pytest.raises(ArtifactError, match=re.escape(TFLITE)):
        available_models(both)
