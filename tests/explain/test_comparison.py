"""Tests of two models side by side, on detectors with known reasons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.comparison import Comparison, compare, settings_of_second
from explain.result import Analysis
from explain.wording.comparison import comparison_sentence
from model.artifact.card import TFLITE
from model.i18n.catalogue import translate, use_language
from tests.explain.two_models import ORDER, SETTINGS, UNRELATED, analysed, beside, right_half, weighing


@pytest.fixture(scope="module")
def real() -> Analysis:
    """An analysis with a map that LIME made."""
    return analysed(right_half)


@pytest.fixture
def first(real: Analysis) -> Analysis:
    return weighing(real, ORDER)


def compared(first: Analysis, weights: NDArray[np.floating], verdict: str = "Fake") -> Comparison:
    found = beside(first, weights, verdict).comparison
    assert found is not None and found.regions == tuple(range(10))
    return found


def test_models_with_equal_weights_agree(first: Analysis) -> None:
    found = compared(first, ORDER)
    assert found.correlation == 1 and found.same_verdict
    assert found.shared == (9, 8, 7, 6, 5) and found.only_first == found.only_second == ()
    assert found.to_dict()["correlation"] == 1 and found.first_values == pytest.approx(found.second_values)


def test_models_with_opposite_weights_disagree(first: Analysis) -> None:
    found = compared(first, -ORDER, "Real")
    assert found.correlation == -1 and not found.same_verdict
    assert found.shared == () and found.only_second == (), "nothing speaks for Fake in the second model"
    turned = compared(first, ORDER[::-1])
    assert turned.correlation == -1 and turned.only_second == (0, 1, 2, 3, 4) and turned.same_verdict


def test_models_with_unrelated_weights_are_not_correlated(first: Analysis) -> None:
    assert abs(np.corrcoef(ORDER, UNRELATED)[0, 1]) < 0.01
    found = compared(first, UNRELATED)
    assert abs(found.correlation) < 0.01
    assert (found.shared, found.only_first, found.only_second) == ((9, 7, 5), (8, 6), (3, 1))


@pytest.mark.slow
def test_maps_of_lime_agree_for_equal_models_and_not_for_opposite_ones(real: Analysis) -> None:
    same = compare(real, analysed(right_half))
    assert same is not None and same.correlation == 1 and same.shared
    opposite = compare(real, analysed(lambda crops: 1 - right_half(crops)))
    assert opposite is not None and opposite.correlation < -0.9
    assert opposite.shared == () and not opposite.same_verdict


def test_models_with_different_crops_are_compared_where_the_crops_overlap(first: Analysis) -> None:
    assert first.chosen is not None
    x, y, side = first.chosen.square
    second = weighing(first, np.roll(ORDER, -5))  # its first column is the sixth column of the first model
    found = compare(first, replace(second, chosen=replace(first.chosen, square=(x + side / 2, y, side))))
    assert found is not None and found.regions == (5, 6, 7, 8, 9) and found.correlation == 1
    corner = replace(second, chosen=replace(first.chosen, square=(x + 0.8 * side, y, side)))
    assert compare(first, corner) is None, "the crops overlap too little"


def test_analyses_that_do_not_match_are_not_compared(first: Analysis) -> None:
    bare = replace(first, attributions={})
    assert compare(first, bare) is None and compare(bare, first) is None
    lime = first.attributions["lime"]
    still = {**lime.evidence, "lowest": 0.5, "highest": 0.5}
    for changed in (replace(lime, target="Real"), replace(lime, evidence=still)):
        assert compare(first, replace(first, attributions={"lime": changed})) is None
    assert compare(first, replace(first, photo=replace(first.photo, turns=1))) is None


def test_second_model_explains_the_class_of_the_first(first: Analysis) -> None:
    settings = settings_of_second(first, replace(SETTINGS, target=None))
    assert settings == replace(SETTINGS, target="Fake")


@pytest.mark.parametrize("language", ["en", "tr"])
def test_sentence_states_verdicts_correlation_and_regions(first: Analysis, language: str) -> None:
    second = beside(first, UNRELATED, "Real")
    with use_language(language):
        sentence = comparison_sentence(first, second)
        agreeing = comparison_sentence(first, beside(first, ORDER))
        alone = comparison_sentence(first, replace(second, comparison=None))
        no_face = comparison_sentence(replace(first, prediction=None), second)
        fake, real = translate("class.Fake"), translate("class.Real")
    assert sentence.endswith(".") and sentence.count(". ") == 0, "one sentence"
    for part in ("one", "other", fake, real, "10", "0.01" if language == "en" else "0,01"):
        assert part in sentence
    places = [sentence.index(str(region)) for region in (9, 7, 5, 8, 6, 3)]
    assert places == sorted(places), "of both, only of the first one, only of the second one"
    assert "1.00" in agreeing.replace(",", ".") and real not in agreeing
    assert alone.startswith(sentence.split(";")[0]) and "one" in no_face and "other" in no_face


def test_regions_with_the_same_name_are_distinguished(first: Analysis) -> None:
    names = ("nose",) * 6 + ("chin",) + ("hair",) * 2 + ("mouth",)
    second = beside(first, UNRELATED)
    assert first.subject is not None and second.comparison is not None
    named = replace(first, subject=replace(first.subject, names=names))
    sentence = comparison_sentence(named, replace(second, comparison=replace(second.comparison, first=named)))
    assert "in both: mouth, hair (region 7), nose (region 5);" in sentence
    assert "only in one: hair (region 8), chin;" in sentence


def test_sentence_says_when_two_models_share_a_network(first: Analysis) -> None:
    second = beside(first, ORDER)
    alone = {"name": "one", TFLITE: "ab"}
    for model, shared in (({f"one/{TFLITE}": "ab", f"two/{TFLITE}": "cd"}, True), ({TFLITE: "ef"}, False)):
        changed = replace(second, analysis=replace(second.analysis, model={"name": "other", **model}))
        sentence = comparison_sentence(replace(first, model=alone), changed)
        assert sentence.endswith(translate("second.shared")) == shared
