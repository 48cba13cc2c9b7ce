"""Tests of the shipped analyses of the examples: they belong to the shipped model, and answer nothing else."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from examples.results import compared
from explain.examples import Example, examples, planted_in
from explain.page.components.controls import AT_FIRST, settings_from
from explain.service import shipped
from explain.service.shipped import (
    RESULTS,
    SETTINGS,
    key_of,
    opening_example,
    result_file,
    shipped_analysis,
)
from explain.service.stored import ARRAYS, read_stored
from explain.settings import Settings
from explain.trust.localisation import localise
from model.artifact.card import Card, read_card
from model.artifact.views import View
from model.detector.detector import Detector
from model.paths import SHIPPED
from model.photos.photo import Photo, open_photo

MOST_BYTES = 300_000  # of an example's files
MAKE = "run: python -m examples.results"
CARD = read_card(SHIPPED)
FAKE = next(example for example in examples() if example.mask)


def name(example: Example) -> str:
    return example.path.stem


@pytest.fixture(scope="module")
def photo() -> Photo:
    return open_photo(FAKE.path)


# What is shipped


@pytest.mark.parametrize("example", examples(), ids=name)
def test_each_result_belongs_to_the_shipped_weights_and_calibration(example: Example) -> None:
    assert read_stored(result_file(example)).key == key_of(open_photo(example.path).sha256, SETTINGS, CARD), MAKE


@pytest.mark.parametrize("example", examples(), ids=name)
def test_each_example_is_answered_with_the_initial_settings_of_the_page(example: Example, detector: Detector) -> None:
    photo = open_photo(example.path)
    found = shipped_analysis(photo, settings_from(AT_FIRST), detector)
    assert found is not None and found.complete, MAKE
    assert found.photo.pixels is photo.pixels and not found.photo.file, "an analysis does not keep the file"
    assert (found.chosen is not None) is example.has_face
    if found.prediction is not None:
        assert found.subject is not None and found.subject.detector is detector
        assert found.attributions.keys() == set(Settings.methods)


def test_results_are_small_and_their_folder_holds_nothing_else() -> None:
    files = [file for example in examples() for file in _files_of(example)]
    assert set(RESULTS.iterdir()) == set(files)
    assert max(sum(file.stat().st_size for file in _files_of(example)) for example in examples()) < MOST_BYTES


@pytest.mark.slow
def test_a_shipped_result_equals_a_new_run(detector: Detector) -> None:
    """Without trust, which takes most of the time; ``python -m examples.results --check`` compares all results."""
    assert compared(FAKE, detector, replace(SETTINGS, trust=False)) == [], MAKE


def _files_of(example: Example) -> list[Path]:
    """The numbers, and the arrays of an example with a face."""
    file = result_file(example)
    return [file, *([file.with_suffix(ARRAYS)] if example.has_face else [])]


# Which requests a result answers


@pytest.mark.parametrize(("trust", "robustness"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_result_answers_without_trust_and_robustness_as_well(
    photo: Photo, detector: Detector, trust: bool, robustness: bool
) -> None:
    settings = replace(SETTINGS, trust=trust, robustness=robustness)
    found = shipped_analysis(photo, settings, detector)
    assert found is not None and found.attributions
    assert (found.settings.trust, found.settings.robustness) == (trust, robustness)
    assert (bool(found.trusts), found.agreement is not None) == (trust, trust)
    assert (found.robustness is not None) is robustness


@pytest.mark.parametrize(
    "settings",
    [replace(SETTINGS, **change) for change in ({"seed": 1}, {"flip": True}, {"target": "Real"}, {"superpixels": 31})],
)
def test_other_settings_are_not_answered(photo: Photo, detector: Detector, settings: Settings) -> None:
    assert shipped_analysis(photo, settings, detector) is None


@pytest.mark.parametrize(
    "card",
    [
        replace(CARD, sha256={**CARD.sha256, "model.tflite": "0" * 64}),
        replace(CARD, temperature=9.0),
        replace(CARD, inconclusive_band=(0.1, 0.9)),
        replace(CARD, views=(View(mirrored=True),)),
    ],
    ids=["weights", "temperature", "band", "views"],
)
def test_other_weights_and_another_calibration_are_not_answered(photo: Photo, card: Card) -> None:
    detector = Detector()
    detector.card = card
    assert shipped_analysis(photo, SETTINGS, detector) is None


def test_regions_of_another_face_parser_are_not_answered(
    photo: Photo, detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    another_parser = tmp_path / "model.tflite"
    another_parser.write_bytes(b"other weights")
    monkeypatch.setattr(shipped, "FACE_PARSER", another_parser)
    assert shipped_analysis(photo, SETTINGS, detector) is None


def test_the_file_of_a_result_is_read_once(photo: Photo, detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    read, text_of = [], Path.read_text

    def counting(self: Path, *arguments: Any, **options: Any) -> str:
        read.append(self)
        return text_of(self, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", counting)
    assert shipped_analysis(photo, SETTINGS, detector) is not None
    assert read == [result_file(FAKE)]


def test_other_photos_are_not_answered(photo: Photo, detector: Detector) -> None:
    assert shipped_analysis(replace(photo, sha256="0" * 64), SETTINGS, detector) is None


@pytest.mark.parametrize("suffix", [".json", ARRAYS])
def test_damaged_results_are_named_in_the_log(
    photo: Photo, detector: Detector, tmp_path: Path, caplog: pytest.LogCaptureFixture, suffix: str
) -> None:
    folder = tmp_path / "results"
    shutil.copytree(RESULTS, folder)
    result_file(FAKE, folder).with_suffix(suffix).write_bytes(b"{}")
    with caplog.at_level(logging.WARNING):
        assert shipped_analysis(photo, SETTINGS, detector, folder) is None
    assert result_file(FAKE).name in caplog.text


# The opening example


def test_page_opens_with_a_detected_fake_and_maps_that_find_its_change(detector: Detector) -> None:
    example = opening_example(detector)
    assert example is not None
    found = shipped_analysis(open_photo(example.path), SETTINGS, detector)
    assert found is not None and found.prediction is not None
    assert found.prediction.verdict == "Fake" and found.trusts
    changed = planted_in(found.photo.sha256, found.chosen)
    assert changed is not None, "it is one of our fakes"
    located = localise(found.attributions, changed > 127)
    assert located.inside and located.peak_inside and located.above_chance > 1


def test_page_opens_without_an_example_if_the_model_has_no_results() -> None:
    detector = Detector()
    detector.card = replace(CARD, temperature=9.0)
    assert opening_example(detector) is None
