"""Tests of HTML fragments: they state the right numbers, and escape every text."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explain.examples import Example
from explain.html import fragments
from explain.maps.attribution import Attribution
from explain.maps.registry import METHODS
from explain.result import Analysis
from explain.settings import Settings
from explain.wording import summary
from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from model.detector.detector import Prediction
from model.photos.faces import Face
from model.photos.photo import Photo
from tests.support.html import read, text

SCRIPT = "<script>alert(1)</script>"
SIDE = 16
CROP = np.zeros((SIDE, SIDE, 3), np.uint8)
FACE = Face((0, 0, SIDE, SIDE), 1.0, np.zeros((5, 2), np.float32), CROP, (0.0, 0.0, float(SIDE)))


FAKE_EXAMPLE = Example(Path("fake.jpg"), "Public domain", Path("mask.png"), Path("original.jpg"), has_face=True)
CARD = Card("lite_attention", Preprocessing(128), ("Fake", "Real"), temperature=1.2, inconclusive_band=(0.31, 0.72))


def prediction(p_fake: float = 0.93, verdict: str = "Fake", calibrated: bool = True) -> Prediction:
    return Prediction({"Fake": p_fake, "Real": 1 - p_fake}, verdict, calibrated, None)


def lime(samples: int, complete: bool = False) -> Attribution:
    evidence = {"samples": samples, "complete": complete}
    return Attribution("lime", "Fake", np.eye(SIDE, dtype=np.float32), (SIDE, SIDE), None, None, evidence)


def analysis(**changes: Any) -> Analysis:
    """An analysis of one face before the verdict, with ``changes``."""
    found = Analysis(Photo(CROP, (), "0" * 64), (FACE,), FACE, Settings(samples=1200), {})
    return replace(found, **changes)


# Escaping


@pytest.mark.parametrize(
    "fragment",
    [
        pytest.param(fragments.notice(SCRIPT), id="notice"),
        pytest.param(fragments.notice(SCRIPT, "error"), id="error"),
        pytest.param(
            fragments.notice(" ".join(summary.first_sentences(analysis(photo=Photo(CROP, (SCRIPT,), "")), None))),
            id="note on a photo",
        ),
    ],
)
def test_text_from_outside_is_escaped(fragment: str) -> None:
    reader = read(fragment)
    assert "script" not in reader.tags
    assert SCRIPT in reader.words, "the text itself must be there to read"


@pytest.mark.parametrize(
    "fragment",
    [
        fragments.header(),
        fragments.what_if_help(),
        fragments.no_flip(),
        fragments.placeholder(),
        fragments.looking(),
        fragments.notice("A sentence."),
        fragments.verdict_card(prediction(), CARD),
        fragments.progress(analysis(), 0.0),
        fragments.stopped(None),
    ],
)
def test_every_fragment_closes_its_tags(fragment: str) -> None:
    assert read(fragment).words.strip()


# Notices


def test_only_errors_interrupt_a_screen_reader() -> None:
    assert 'role="alert"' in fragments.notice("Wrong.", "error")
    assert 'class="notice error"' in fragments.notice("Wrong.", "error")
    assert 'role="status"' in fragments.notice("Good to know.")
    assert 'role="alert"' not in fragments.notice("Good to know.")


# The verdict


@pytest.mark.parametrize(
    ("p_fake", "verdict", "headline"),
    [(0.934, "Fake", "Looks fake"), (0.118, "Real", "Looks real"), (0.503, "Inconclusive", "Inconclusive")],
)
def test_verdict_states_its_probability_and_band(p_fake: float, verdict: str, headline: str) -> None:
    fragment = fragments.verdict_card(prediction(p_fake, verdict), CARD)
    words = text(fragment)
    assert headline in words
    assert f"Fake {p_fake:.0%}" in words and f"Real {1 - p_fake:.0%}" in words
    assert f"Fake {p_fake:.0%}; between 31% and 72% the verdict is Inconclusive" in fragment
    assert f"about {round(100 * p_fake)} were fake" in words
    assert f'class="verdict {verdict.lower()}"' in fragment


def test_bar_puts_the_marker_and_the_band_in_their_places() -> None:
    fragment = fragments.verdict_card(prediction(0.934), CARD)
    assert 'class="marker" style="left:93.4%"' in fragment
    assert 'class="band" style="left:31%;width:41%"' in fragment
    label = re.search(r'role="img" aria-label="([^"]*)"', fragment)
    assert label and all(number in label[1] for number in ("93%", "31%", "72%"))


def test_inconclusive_says_why_there_is_no_verdict() -> None:
    words = text(fragments.verdict_card(prediction(0.5, "Inconclusive"), CARD))
    assert "Between 31% and 72%" in words
    assert "Looks" not in words


def test_uncalibrated_probability_is_labelled() -> None:
    words = text(fragments.verdict_card(prediction(calibrated=False), CARD))
    assert "uncalibrated" in words
    assert "of 100" not in words
    assert "uncalibrated" not in text(fragments.verdict_card(prediction(calibrated=True), CARD))


@pytest.mark.parametrize("calibrated", [True, False])
def test_only_what_is_not_calibrated_is_said_without_a_click(calibrated: bool) -> None:
    card = fragments.verdict_card(prediction(calibrated=calibrated), CARD)
    assert ("<details open>" in card) is not calibrated


@pytest.mark.parametrize(("real", "fake", "few"), [(7, 300, True), (300, 99, True), (100, 100, False)])
def test_calibration_on_few_pictures_is_stated(real: int, fake: int, few: bool) -> None:
    card = replace(CARD, training={"calibration": {"real": real, "fake": fake}})
    words = text(fragments.verdict_card(prediction(), card))
    assert (f"on only {real + fake} pictures" in words) is few and "of 100" in words
    assert "on only" not in text(fragments.verdict_card(prediction(calibrated=False), replace(card, temperature=None)))


def test_default_band_is_not_called_measured() -> None:
    unsure = prediction(0.5, "Inconclusive", calibrated=False)
    assert "not measured" in text(fragments.verdict_card(unsure, replace(CARD, temperature=None)))
    assert "wrong too often" in text(fragments.verdict_card(unsure, CARD))


def test_face_without_a_verdict_because_of_its_size_is_not_said_to_be_between_the_limits() -> None:
    said = text(fragments.verdict_card(prediction(0.2, "Inconclusive"), CARD))
    assert "too small" in said and "wrong too often" not in said


def test_whole_picture_gets_no_frequency() -> None:
    words = text(fragments.verdict_card(prediction(0.58), CARD, is_face=False))
    assert "of 100" not in words
    assert "uncalibrated score" in words


# Sentences before the verdict


def test_one_face_needs_no_sentence() -> None:
    assert summary.first_sentences(analysis(), None) == []


def test_no_face_means_no_score() -> None:
    (sentence,) = summary.first_sentences(analysis(faces=(), chosen=None), None)
    assert "No face was found" in sentence
    assert "no score" in sentence


def test_sentence_says_that_a_whole_picture_has_no_face() -> None:
    (sentence,) = summary.first_sentences(analysis(faces=()), None)
    assert "No face was found" in sentence
    assert "as you requested" in sentence


def test_number_of_faces_is_stated() -> None:
    (sentence,) = summary.first_sentences(analysis(faces=(FACE,) * 37), None)
    assert "37 faces" in sentence
    assert "click" in sentence


def test_untouched_example_names_a_possible_mistake() -> None:
    (sentence,) = summary.first_sentences(analysis(), replace(FAKE_EXAMPLE, mask=None))
    assert "untouched" in sentence
    assert "mistake" in sentence


def test_notes_on_the_photo_come_first() -> None:
    photo = Photo(CROP, ("Only its first frame.", "Filled with white."), "")
    first, second, third = summary.first_sentences(analysis(photo=photo), FAKE_EXAMPLE)
    assert (first, second) == photo.notes
    assert "We made this fake" in third


# Progress


def progress_at(stage: str, progress: float | None = None, **changes: Any) -> str:
    """The progress fragment during a stage."""
    return fragments.progress(analysis(prediction=prediction(), stage=stage, progress=progress, **changes), 0.0)


def test_progress_counts_samples() -> None:
    fragment = progress_at("lime", 640 / 1200, attributions={"lime": lime(samples=640)})
    assert "LIME: 640 of at most 1,200 samples" in text(fragment)
    assert '<progress value="0.53" max="1">' in fragment
    assert 'role="status"' in fragment


def test_progress_starts_at_zero() -> None:
    assert "Looking at the face" in text(fragments.progress(analysis(stage="faces"), 0.0))
    assert "LIME: 0 of at most 1,200 samples" in text(progress_at("lime"))


def test_bar_without_a_known_share_has_no_value() -> None:
    assert '<progress max="1">' in progress_at("lime", None)
    assert '<progress value="0.00" max="1">' in progress_at("trust", 0.0)


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("occlusion", "Occlusion"),
        ("gradcam", "Grad-CAM (the first time, TensorFlow is loaded)"),
        ("what_if", "without the hidden regions"),
        ("flip", "smallest set that flips the verdict"),
        ("trust", "how far the maps can be trusted"),
    ],
)
def test_each_stage_says_what_is_done_now(stage: str, words: str) -> None:
    found = text(progress_at(stage, attributions={"lime": lime(samples=640)}))
    assert words in found
    assert "samples" not in found, "LIME has finished"


@pytest.mark.parametrize("name", METHODS)
def test_only_methods_that_load_tensorflow_announce_it(name: str) -> None:
    assert ("TensorFlow" in text(progress_at(name))) is METHODS[name].needs_gradients


def test_done_states_the_waiting_time_and_not_the_computing_time() -> None:
    done = analysis(prediction=prediction(), complete=True, seconds={"faces": 0.2, "lime": 75.9})
    fragment = fragments.progress(done, 0.42)
    assert "Done in 0.4 s" in text(fragment)
    assert "<progress " not in fragment


def test_without_a_face_there_is_no_progress() -> None:
    assert fragments.progress(analysis(faces=(), chosen=None, complete=True), 0.1) == ""


def test_stopped_states_the_samples_reached() -> None:
    found = analysis(prediction=prediction(), attributions={"lime": lime(samples=1280)})
    assert "Stopped after 1,280 LIME samples" in text(fragments.stopped(found))
    found = analysis(prediction=prediction(), attributions={"lime": lime(samples=1280, complete=True)})
    assert "1,280" not in text(fragments.stopped(found)), "the map was complete"


@pytest.mark.parametrize("found", [None, analysis()])
def test_stopped_before_lime_names_no_number(found: Analysis | None) -> None:
    words = text(fragments.stopped(found))
    assert words.startswith("Stopped")
    assert not re.search(r"\d", words)
