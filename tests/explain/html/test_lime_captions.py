"""Tests of the captions of LIME's maps: the samples, the regions drawn, and the certainty of the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from explain.html import captions
from tests.explain.html.known_maps import CARD, SIDE, WEIGHTS, caption_text, lime, superpixels
from tests.support.html import text

UNCONVERGED = {"converged": False, "samples": 1200, "halves_rank_correlation": 0.816, "halves_same_top": 0.9}


# LIME


def test_lime_caption_states_its_evidence() -> None:
    words = caption_text(lime(samples=1280))
    assert "8 of 16 superpixels" in words
    assert "1,280 pictures" in words
    assert "(seed 4)" in words
    assert "62%" in words
    assert "LIME's linear model says 0.87 and the network 0.93" in words
    assert "with everything hidden, the linear model says 0.12" in words


def test_lime_caption_claims_no_more_regions_than_are_drawn() -> None:
    assert "15 of 16" in caption_text(lime(), shown=50), "one of them has a weight of zero"
    assert "16 of 16" in caption_text(lime(WEIGHTS + 1), shown=50)


def test_a_map_without_weights_names_no_strongest_region() -> None:
    words = caption_text(lime(np.zeros(SIDE, np.float32), reach=0.0))
    assert "None of 16 superpixels has a weight" in words
    assert "strongest" not in words and "faint" not in words


def test_largest_weight_is_stated_with_its_interval() -> None:
    assert "The strongest counts for 0.500 of P(Fake)." in caption_text(lime())
    assert "The strongest counts for 0.500 of P(Fake) (95% interval 0.400 to 0.600)." in caption_text(lime(reach=0.1))
    assert "The strongest counts for −0.500 of P(Fake)" in caption_text(lime(-WEIGHTS)), "the sign does not matter"


def test_largest_weight_has_the_name_of_its_region() -> None:
    named = replace(lime(), names=("hair",) * (SIDE - 1) + ("left eye",))
    assert "The strongest (left eye) counts for 0.500" in caption_text(named)
    assert "The strongest (left eye) counts for 0.500 of P(Fake) (95% interval" in caption_text(
        replace(lime(reach=0.1), names=named.names)
    )


@pytest.mark.parametrize(("r2", "warned"), [(0.9, False), (0.31, False), (0.29, True), (0.0, True), (-0.2, True)])
def test_caption_warns_of_a_poor_fit(r2: float, warned: bool) -> None:
    words = caption_text(lime(r2=r2))
    assert ("does not fit the network well" in words) is warned
    assert f"{max(r2, 0):.0%}" in words


def test_only_a_map_fitted_to_the_regions_has_the_note_on_them() -> None:
    note = "4 regions were found in place of the 30 requested."
    assert note in text(captions.caption(lime(), CARD, 8, note=note))
    assert note not in text(captions.caption(superpixels("occlusion"), CARD, 8, note=note))


def test_faint_regions_are_counted_among_those_shown() -> None:
    found = lime(reach=0.22)  # by strength the weights are 0.50, 0.45 … 0.25, -0.25, 0.20, -0.20 …
    assert "faint" not in caption_text(lime(), shown=9), "without intervals no region is faint"
    assert "faint" not in caption_text(found, shown=7)
    assert "1 of these is faint: its 95% interval holds zero" in caption_text(found, shown=8)
    assert "2 of these are faint: their 95% intervals hold zero" in caption_text(found, shown=9)


def test_only_a_converged_map_claims_that_its_halves_agree() -> None:
    agree = "halves of them give nearly the same map"
    assert f"converged after 640 pictures: {agree}" in caption_text(lime())
    for changes in (UNCONVERGED, {"converged": False, "complete": False}):
        assert agree not in caption_text(lime(**changes))


def test_a_map_that_is_not_complete_does_not_say_that_it_ended() -> None:
    words = caption_text(lime(converged=False, complete=False, samples=128))
    assert "so far from 128 pictures, not yet converged" in words
    assert "budget" not in words
    assert "growing" not in words, "this caption stays when the run is stopped"


@pytest.mark.parametrize(
    ("rank", "same_top", "expected", "absent"),
    [
        (0.816, 0.9, "would be 0.89 (required: 0.90)", "strongest regions"),  # 2r / (1 + r) is 0.8987
        (0.95, 0.796, "share 79% of their 5 strongest regions (required: 80%)", "alike"),
    ],
)
def test_a_map_at_the_end_of_its_budget_states_only_the_criterion_missed(
    rank: float, same_top: float, expected: str, absent: str
) -> None:
    words = caption_text(lime(**UNCONVERGED | {"halves_rank_correlation": rank, "halves_same_top": same_top}))
    assert "not converged after 1,200 pictures, where its budget ends" in words
    assert expected in words, "the number is rounded down: rounded up, it would look high enough"
    assert absent not in words.split("where its budget ends")[1].split("(seed")[0]
    assert "needs at least" not in words


def test_a_map_at_the_end_of_its_budget_states_both_criteria_missed() -> None:
    words = caption_text(lime(**UNCONVERGED | {"halves_same_top": 0.6}))
    assert "would be 0.89 (required: 0.90); halves of them share 60% of their 5" in words


def test_a_budget_too_small_to_converge_says_so() -> None:
    words = caption_text(lime(converged=False, samples=100, halves_rank_correlation=0.97))
    assert "not converged after 100 pictures" in words
    assert "it needs at least 160, 10 for each superpixel" in words
