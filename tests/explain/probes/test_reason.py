"""Tests of the reason for a verdict with a known answer, and of its sentence in both languages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from explain.maps.attribution import Attribution
from explain.maps.subject import Subject
from explain.probes.reason import reason_of
from explain.result import Analysis
from explain.settings import Settings
from explain.wording.reason import reason_sentence
from model.i18n.catalogue import use_language
from model.photos.photo import Photo
from tests.support.worlds import World, noise, of_lit_regions, squares

SIDE = 24
SEGMENTS = squares(SIDE, 3)
CROP = noise(SIDE, darkest=1)
# What each region adds to P(Fake); the model says Fake with all of them visible, 0.8.
WEIGHTS = np.array([0.05, 0.25, 0.1, 0.2, 0.15, -0.1, 0.0, 0.0, 0.05], np.float32)
NAMES = ("hair", "mouth", "nose", "left eye", "chin", "forehead", "hair", "background", "hair")


def subject(weights: Any = WEIGHTS, base: float = 0.1, target: str = "Fake") -> Subject:
    """A face with P(Fake) = the base + the weights of the visible regions."""
    world: Any = World(of_lit_regions(lambda visible: base + visible @ np.float64(weights), SEGMENTS))
    return Subject(CROP, SEGMENTS, target, world, "black", names=NAMES)


def lime(weights: Any = WEIGHTS, reach: Any = 0.01, target: str = "Fake", **evidence: Any) -> Attribution:
    """A map of these weights; ``reach`` is half the width of their intervals."""
    found = np.array(weights, np.float32)
    bounds = np.stack([found - reach, found + reach], axis=1).astype(np.float32)
    answer = {"complete": True, **evidence}
    return Attribution("lime", target, found[SEGMENTS], (SIDE, SIDE), SEGMENTS, found, answer, bounds, NAMES)


def sentence(face: Subject, found: Attribution, language: str = "en", **changes: Any) -> str:
    settings = Settings(target=face.target)
    analysis = Analysis(Photo(CROP, (), ""), (), None, settings, {}, subject=face, attributions={"lime": found})
    with use_language(language):
        return reason_sentence(replace(analysis, **{"reason": reason_of(face, found), **changes}))


def test_reason_hides_the_three_strongest_regions() -> None:
    reason = reason_of(subject(), lime())
    assert reason is not None and reason.hidden == (1, 3, 4)
    assert (reason.before, reason.probability) == pytest.approx((0.8, 0.2), abs=1e-6)
    assert (reason.verdict_before, reason.verdict) == ("Fake", "Real")


def test_doubtful_regions_and_those_against_the_class_are_left_out() -> None:
    doubtful = np.where(np.arange(9) == 1, 0.3, 0.01)
    reason = reason_of(subject(), lime(WEIGHTS - [0, 0, 0, 0.9, 0, 0, 0, 0, 0], doubtful))
    assert reason is not None and reason.hidden == (4, 2, 0)


def test_nothing_is_predicted_if_no_region_speaks_clearly() -> None:
    face = subject()
    assert reason_of(face, lime(-abs(WEIGHTS))) is reason_of(face, lime(reach=1.0)) is None
    assert face.detector.sizes == []  # type: ignore[attr-defined]


SENTENCES = [
    (
        "Mostly the mouth, the left eye and the chin: with these 3 regions hidden, Fake falls from 80% to 20%.",
        "En çok ağız, sol göz ve çene: bu 3 bölge gizlenince Sahte olasılığı %80 düzeyinden %20 düzeyine düşüyor.",
        (subject(), lime()),
    ),
    (
        "Mostly the mouth: with this region hidden, Fake falls from 80% to 55%.",
        "En çok ağız: bu bölge gizlenince Sahte olasılığı %80 düzeyinden %55 düzeyine düşüyor.",
        (subject(), lime(np.eye(9)[1])),
    ),
    (
        "Mostly the mouth: with this region hidden, Fake rises from 10% to 35%.",
        "En çok ağız: bu bölge gizlenince Sahte olasılığı %10 düzeyinden %35 düzeyine çıkıyor.",
        (subject(-WEIGHTS, 0.8, "Real"), lime(np.eye(9)[1], target="Real")),
    ),
    (
        "No small region decides: with the chin hidden, Fake only moves from 60% to 52%.",
        "Kararı küçük bir bölge belirlemiyor: çene gizlenince Sahte olasılığı yalnızca %60 düzeyinden %52 düzeyine "
        "geçiyor.",
        (subject(np.eye(9)[4] * 0.08, 0.52), lime(np.eye(9)[4])),
    ),
    (
        "No small region decides: with the chin hidden, Fake moves the other way, from 60% to 90%.",
        "Kararı küçük bir bölge belirlemiyor: çene gizlenince Sahte olasılığı ters yönde, %60 düzeyinden %90 düzeyine "
        "geçiyor.",
        (subject(np.eye(9)[4] * -0.3, 0.9), lime(np.eye(9)[4])),
    ),
    (
        "No region clearly speaks for Fake.",
        "Hiçbir bölge açıkça Sahte kararını desteklemiyor.",
        (subject(), lime(reach=1.0)),
    ),
]


@pytest.mark.parametrize(("english", "turkish", "case"), SENTENCES)
def test_the_sentence_follows_the_numbers_in_both_languages(
    english: str, turkish: str, case: tuple[Subject, Attribution]
) -> None:
    assert sentence(*case) == english
    assert sentence(*case, language="tr") == turkish


def test_there_is_no_sentence_before_the_map_and_the_reason_are_complete() -> None:
    assert sentence(subject(), lime(complete=False)) == ""
    assert sentence(subject(), lime(), reason=None) == "", (
        "a missing reason does not mean that no region speaks for the class"
    )
    assert sentence(subject(), lime(), attributions={}) == ""


def test_a_model_that_hidden_parts_hardly_change_has_no_reason() -> None:
    assert sentence(subject(), lime(lowest=0.8, highest=0.8)).startswith("Hiding parts of the picture hardly changes")
