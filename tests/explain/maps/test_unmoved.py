"""Tests of a model that hardly depends on the picture: it gets one sentence, no colours and no green tick."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.analysis import analyze
from explain.drawing import palette
from explain.html import captions
from explain.maps.unmoved import hardly_moves
from explain.page.view import View
from explain.report.files import report_pictures
from explain.report.origin import Origin
from explain.report.page import report_html
from explain.result import Analysis, is_unmoved
from explain.settings import Settings
from explain.trust.curves import ORDERS, Band, Curves
from explain.trust.measure import Trust
from explain.wording.summary import map_in_words, plain_text, strongest_regions
from explain.wording.trust import trust_sentence
from tests.support.html import text
from tests.support.worlds import FormulaDetector

PHOTO = Path(__file__).resolve().parents[3] / "examples" / "astronaut.jpg"
QUICK = Settings(superpixels=10, samples=100, methods=("attention", "lime", "occlusion"), robustness=False)
SENTENCE = "Hiding parts of the picture hardly changes this model's answer"
Answer = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def detector_of(log_odds: Answer) -> FormulaDetector:
    """A detector that computes the log-odds of Fake from a crop's contrast."""
    return FormulaDetector(lambda crops: 1 / (1 + np.exp(-log_odds(crops.std((1, 2, 3)) / 255))))


def constant(contrast: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.full(len(contrast), 1.3)


def faint(contrast: NDArray[np.float64]) -> NDArray[np.float64]:
    """Like random weights: every region has a weight and the curves have an order, but the answer hardly changes."""
    return 0.02 * contrast


def moving(contrast: NDArray[np.float64]) -> NDArray[np.float64]:
    return 40 * (contrast - 0.25)


def certain(contrast: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(Fake) of .9999 and more, whatever is hidden: hardly a change in probability, a large one in odds."""
    return 10 + 40 * contrast


def analysed(log_odds: Answer, settings: Settings = QUICK) -> Analysis:
    *_, analysis = analyze(PHOTO, settings, detector_of(log_odds))
    return analysis


@pytest.fixture(scope="module", params=[constant, faint])
def unmoved(request: pytest.FixtureRequest) -> Analysis:
    return analysed(request.param, Settings(**{**vars(QUICK), "trust": True}))


@pytest.fixture(scope="module")
def moved() -> Analysis:
    return analysed(moving)


@pytest.mark.parametrize(
    ("lowest", "highest", "expected"),
    [
        (0.5, 0.5, True),
        (0.49, 0.51, True),
        (0.48, 0.52, False),
        (0.999, 0.9999, False),  # ten times the odds
        (0.0, 0.0, True),
        (1.0, 1.0, True),
        (0.0, 1.0, False),
    ],
)
def test_only_a_change_of_the_odds_counts(lowest: float, highest: float, expected: bool) -> None:
    assert hardly_moves(lowest, highest) is expected
    assert hardly_moves(1 - highest, 1 - lowest) is expected, "either class may be explained"


def test_lime_keeps_the_range_of_the_answers(moved: Analysis) -> None:
    assert moved.subject is not None
    evidence = moved.attributions["lime"].evidence
    assert 0 <= evidence["lowest"] <= evidence["model_prediction"] <= evidence["highest"] <= 1
    assert evidence["highest"] - evidence["lowest"] > 0.1


@pytest.mark.slow
def test_models_that_depend_on_the_picture_are_explained_as_usual(moved: Analysis) -> None:
    found = moved.attributions["lime"]
    assert not is_unmoved(moved) and not found.unmoved and not is_unmoved(analysed(certain))
    assert SENTENCE not in text(captions.caption(found, detector_of(moving).card, 8))
    drawn = View(moved, None, 1.0).pictures(8)
    assert moved.chosen is not None
    assert not np.array_equal(drawn["lime"], palette.enlarge(moved.chosen.crop))


@pytest.mark.slow
@pytest.mark.parametrize("log_odds", [constant, moving])
def test_rise_alone_detects_whether_the_answer_changes(log_odds: Answer) -> None:
    found = analysed(log_odds, Settings(superpixels=10, methods=("rise",), robustness=False))
    assert is_unmoved(found) is (log_odds is constant)


@pytest.mark.slow
def test_only_the_attention_mask_is_coloured(unmoved: Analysis) -> None:
    assert is_unmoved(unmoved) and unmoved.chosen is not None
    face = palette.enlarge(unmoved.chosen.crop)
    for drawn in (View(unmoved, None, 1.0).pictures(8), report_pictures(unmoved, 8)):
        for name in ("lime", "occlusion"):
            np.testing.assert_array_equal(drawn[name], face)
        assert not np.array_equal(drawn["attention"], face)


@pytest.mark.slow
def test_captions_state_only_that_sentence(unmoved: Analysis) -> None:
    card = detector_of(constant).card
    for name, found in unmoved.attributions.items():
        caption = captions.caption(found, card, 8, unmoved.trusts[name], still=True)
        assert text(caption).count(SENTENCE) == 1
        assert "✓" not in caption and "legend" not in caption
    lime = unmoved.attributions["lime"]
    words = text(captions.caption(lime, card, 8, still=True))
    assert f"over {lime.evidence['samples']} pictures" in words and f"{float(lime.evidence['highest']):.3f}" in words


@pytest.mark.slow
def test_no_map_is_better_or_worse_than_chance(unmoved: Analysis) -> None:
    assert unmoved.trusts
    for trust in unmoved.trusts.values():
        assert trust.unmoved and not trust.better_than_chance and not trust.worse_than_chance
        assert SENTENCE in trust_sentence(trust) and "✓" not in captions.trust_paragraph(trust)


@pytest.mark.parametrize(("size", "better"), [(0.2, True), (1e-3, False)])
def test_a_good_order_of_tiny_changes_gives_no_trust(size: float, better: bool) -> None:
    """A map that beats every random order, by large or by tiny changes."""
    areas = 0.5 + size * (np.arange(ORDERS) + 1) / ORDERS
    band = Band(np.stack([areas, areas], axis=1), np.array([0.0, 1.0]))
    trust = Trust("lime", "Fake", (Curves("mean", np.full(2, 0.5), np.full(2, 0.5), band),), False)
    assert trust.percentile == 1
    assert trust.better_than_chance is better and trust.unmoved is not better


@pytest.mark.slow
def test_texts_name_no_region(unmoved: Analysis) -> None:
    assert unmoved.subject is not None
    card = detector_of(constant).card
    assert strongest_regions(unmoved.attributions["lime"], unmoved.subject, 8) == []
    assert SENTENCE in map_in_words(unmoved.attributions["occlusion"], unmoved.subject, 8, is_unmoved=True)
    printed = plain_text(unmoved, card, "face.jpg")
    assert printed.count(f"\n  {SENTENCE}") == 1 and "weights for" not in printed and "strongest for" not in printed


@pytest.mark.slow
def test_report_states_that_sentence_too(unmoved: Analysis) -> None:
    files = {name: palette.png(picture) for name, picture in report_pictures(unmoved, 8).items()}
    page = report_html(unmoved, detector_of(constant).card, files, 8, Origin())
    assert SENTENCE in unescape(page) and "✓" not in page and 'class="legend"' not in page
    assert 'class="regions"' not in page
