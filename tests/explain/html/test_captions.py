"""Captions that hold the numbers of their maps, and claim nothing that these do not show."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.drawing import palette
from explain.html import captions
from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from explain.maps.registry import METHODS
from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from tests.html import read, text

SCRIPT = "<script>alert(1)</script>"
SIDE = 16
SEGMENTS = np.arange(SIDE).repeat(SIDE).reshape(SIDE, SIDE).astype(np.int32)  # 16 rows
WEIGHTS = np.linspace(-0.25, 0.5, SIDE, dtype=np.float32)  # 0 at row 5; the last one is the strongest
FIGURES = {"attention": 0.87, "centre": 0.85, "fakes": 543}
UNMEASURED = Card("lite_attention", Preprocessing(128), ("Fake", "Real"))
CARD = replace(UNMEASURED, metrics={"test": {"dfdc": {"attention_peak_inside": FIGURES}}})
EVIDENCE: dict[str, float | int | str | bool] = {
    "samples": 640,
    "budget": 1200,
    "complete": True,
    "converged": True,
    "halves_rank_correlation": 0.95,
    "halves_same_top": 1.0,
    "seed": 4,
    "r2": 0.624,
    "intercept": 0.118,
    "local_prediction": 0.874,
    "model_prediction": 0.931,
}
UNCONVERGED = {"converged": False, "samples": 1200, "halves_rank_correlation": 0.816, "halves_same_top": 0.9}


def superpixels(method: str, weights: NDArray[np.float32] = WEIGHTS, **changes: Any) -> Attribution:
    """A map of 16 superpixels."""
    found = Attribution(method, "Fake", weights[SEGMENTS], (SIDE, SIDE), SEGMENTS, weights, {"samples": 17})
    return replace(found, **changes)


def lime(weights: NDArray[np.float32] = WEIGHTS, reach: float | None = None, **evidence: Any) -> Attribution:
    """A map of LIME; ``reach`` is how far each interval reaches to either side of its weight."""
    found = superpixels("lime", weights, evidence=EVIDENCE | evidence)
    intervals = None if reach is None else np.stack([weights - reach, weights + reach], axis=1)
    return replace(found, intervals=intervals)


def signed(method: str, largest: float = 0.2, grid: int = SIDE, **evidence: Any) -> Attribution:
    """A map without superpixels that is ``largest`` at one place, and half as much the other way at another."""
    values = np.zeros((SIDE, SIDE), np.float32)
    values[2, 3], values[9, 9] = largest, -largest / 2
    return Attribution(method, "Fake", values, (grid, grid), None, None, evidence)


RISE = signed("rise", grid=7, samples=1024)
GRADCAM = signed("gradcam", grid=4)
GRADIENTS = {"steps": 64, "samples": 96, "change": 0.412, "sum": 0.408, "completeness_gap": -0.004}
INTEGRATED = signed("integrated_gradients", **GRADIENTS)
ATTENTION = attention_map(np.eye(4, dtype=np.float32), SIDE)
EVERY_MAP = [lime(), ATTENTION, superpixels("occlusion"), RISE, GRADCAM, INTEGRATED]


def said(found: Attribution, shown: int = 8, card: Card = CARD) -> str:
    """The words of a caption."""
    return text(captions.caption(found, card, shown))


# Nothing that a browser would run


@pytest.mark.parametrize(
    "fragment",
    [
        pytest.param(captions.heading(SCRIPT, "line"), id="heading"),
        pytest.param(captions.heading("name", SCRIPT), id="line under a heading"),
    ],
)
def test_text_from_outside_is_escaped(fragment: str) -> None:
    reader = read(fragment)
    assert "script" not in reader.tags
    assert SCRIPT in reader.words, "the text itself must be there to read"


@pytest.mark.parametrize(
    "fragment",
    [
        *(captions.caption(found, CARD, 8) for found in EVERY_MAP),
        *(captions.title(name, "Real") for name in METHODS),
    ],
)
def test_every_fragment_closes_its_tags(fragment: str) -> None:
    assert read(fragment).words.strip()


# The class, always


@pytest.mark.parametrize("target", ["Fake", "Real"])
@pytest.mark.parametrize("name", [name for name in METHODS if name != "attention"])
def test_every_title_names_the_class_that_is_explained(name: str, target: str) -> None:
    title = read(captions.title(name, target)).words
    assert f"Why {target}: {METHODS[name].title}" in title
    assert METHODS[name].description in title


@pytest.mark.parametrize("target", ["Fake", "Real"])
def test_attention_explains_neither_class(target: str) -> None:
    title = read(captions.title("attention", target)).words
    assert title.startswith("Where it looked")
    assert target not in title
    assert "whatever the verdict" in said(ATTENTION)


@pytest.mark.parametrize("target", ["Fake", "Real"])
@pytest.mark.parametrize("found", [found for found in EVERY_MAP if found is not ATTENTION])
def test_every_signed_map_says_which_colour_speaks_for_its_class(found: Attribution, target: str) -> None:
    words = said(replace(found, target=target))
    assert f"speaks for {target}" in words
    assert f"speaks against {target}" in words


@pytest.mark.parametrize("found", [found for found in EVERY_MAP if found is not ATTENTION])
def test_legend_has_the_colours_and_the_outlines_of_the_picture(found: Attribution) -> None:
    fragment = captions.caption(found, CARD, 8)
    colours = re.findall(r"background:(#[0-9a-f]{6})", fragment)
    assert colours == [palette.hex_colour(palette.SUPPORTS), palette.hex_colour(palette.OPPOSES)]
    has_outlines = found.weights is not None
    assert ("blue, solid" in fragment) is ("orange, dashed" in fragment) is has_outlines


# LIME


def test_lime_caption_states_its_evidence() -> None:
    words = said(lime(samples=1280))
    assert "8 strongest of 16 superpixels" in words
    assert "1,280 pictures" in words
    assert "(seed 4)" in words
    assert "62%" in words
    assert "LIME's line says 0.87, the model 0.93" in words
    assert "with everything hidden the line says 0.12" in words


def test_lime_caption_claims_no_more_regions_than_are_drawn() -> None:
    assert "15 strongest of 16" in said(lime(), shown=50), "one of them weighs nothing"
    assert "16 strongest of 16" in said(lime(WEIGHTS + 1), shown=50)


def test_a_map_without_weights_names_no_strongest() -> None:
    words = said(lime(np.zeros(SIDE, np.float32), reach=0.0))
    assert "None of 16 superpixels has a weight" in words
    assert "strongest" not in words and "faint" not in words


def test_largest_weight_is_told_with_its_interval() -> None:
    assert "The strongest counts for 0.500 of P(Fake)." in said(lime())
    assert "The strongest counts for 0.500 of P(Fake) (95% interval 0.400 to 0.600)." in said(lime(reach=0.1))
    assert "The strongest counts for −0.500 of P(Fake)" in said(lime(-WEIGHTS)), "strongest, whichever its sign"


def test_largest_weight_has_a_name_where_there_are_names() -> None:
    named = replace(lime(), names=("hair",) * (SIDE - 1) + ("left eye",))
    assert "The strongest (left eye) counts for 0.500" in said(named)
    assert "The strongest (left eye) counts for 0.500 of P(Fake) (95% interval" in said(
        replace(lime(reach=0.1), names=named.names)
    )


@pytest.mark.parametrize(("r2", "warned"), [(0.9, False), (0.31, False), (0.29, True), (0.0, True), (-0.2, True)])
def test_poor_fit_is_warned_of(r2: float, warned: bool) -> None:
    words = said(lime(r2=r2))
    assert ("read it with care" in words) is warned
    assert f"{max(r2, 0):.0%}" in words


def test_note_on_the_regions_belongs_to_the_map_that_is_fitted_to_them() -> None:
    note = "4 regions came out of the 30 asked for."
    assert note in text(captions.caption(lime(), CARD, 8, note=note))
    assert note not in text(captions.caption(superpixels("occlusion"), CARD, 8, note=note))


def test_faint_regions_are_counted_among_those_shown() -> None:
    found = lime(reach=0.22)  # by strength the weights are 0.50, 0.45 … 0.25, -0.25, 0.20, -0.20 …
    assert "faint" not in said(lime(), shown=9), "without intervals nobody knows"
    assert "faint" not in said(found, shown=7)
    assert "1 of these is faint: its 95% interval holds zero" in said(found, shown=8)
    assert "2 of these are faint: their 95% intervals hold zero" in said(found, shown=9)


def test_only_a_converged_map_claims_that_its_halves_agree() -> None:
    agree = "halves of them give nearly the same map"
    assert f"converged after 640 pictures: {agree}" in said(lime())
    for changes in (UNCONVERGED, {"converged": False, "complete": False}):
        assert agree not in said(lime(**changes))


def test_a_map_that_is_not_complete_does_not_say_that_it_ended() -> None:
    words = said(lime(converged=False, complete=False, samples=128))
    assert "so far from 128 pictures, not yet converged" in words
    assert "budget" not in words
    assert "growing" not in words, "this caption stays when the run is stopped"


@pytest.mark.parametrize(
    ("rank", "same_top", "told", "not_told"),
    [
        (0.816, 0.9, "would be 0.89 (required: 0.90)", "strongest regions"),  # 2r / (1 + r) is 0.8987
        (0.95, 0.796, "share 79% of their 5 strongest regions (required: 80%)", "alike"),
    ],
)
def test_a_budget_that_ended_tells_only_the_criterion_missed(
    rank: float, same_top: float, told: str, not_told: str
) -> None:
    words = said(lime(**UNCONVERGED | {"halves_rank_correlation": rank, "halves_same_top": same_top}))
    assert "not converged after 1,200 pictures, where its budget ends" in words
    assert told in words, "the number is rounded down: rounded up, it would look high enough"
    assert not_told not in words.split("where its budget ends")[1].split("(seed")[0]
    assert "needs at least" not in words


def test_a_budget_that_ended_tells_both_criteria_missed() -> None:
    words = said(lime(**UNCONVERGED | {"halves_same_top": 0.6}))
    assert "would be 0.89 (required: 0.90); halves of them share 60% of their 5" in words


def test_a_budget_too_small_to_converge_says_so() -> None:
    words = said(lime(converged=False, samples=100, halves_rank_correlation=0.97))
    assert "not converged after 100 pictures" in words
    assert "it needs at least 160, 10 for each superpixel" in words


# The other maps


def test_attention_caption_states_grid_and_contrast() -> None:
    mask = np.full((4, 8), 0.2, np.float32)
    mask[1, 2] = 0.95
    words = said(attention_map(mask, SIDE))
    assert "4 × 8" in words
    assert "0.20 to 0.95" in words
    assert "contrast 0.75" in words
    assert "flat" not in words


def test_flat_mask_is_warned_of() -> None:
    words = said(attention_map(np.full((4, 4), 0.4, np.float32), SIDE))
    assert "The mask is flat" in words
    assert "contrast 0.00" in words


def test_attention_caption_says_how_often_it_was_right() -> None:
    words = said(ATTENTION)
    assert all(number in words for number in ("543", "87%", "85%"))
    unmeasured = said(ATTENTION, card=UNMEASURED)
    assert "not measured" in unmeasured
    assert "%" not in unmeasured


def test_occlusion_caption_counts_what_is_drawn() -> None:
    words = said(superpixels("occlusion"), shown=3)
    assert "The 3 strongest of 16 superpixels, each hidden alone." in words
    assert "The strongest counts for 0.500 of P(Fake)." in words


@pytest.mark.parametrize(("largest", "written"), [(0.213, "0.213"), (-0.213, "−0.213")])
def test_rise_caption_tells_its_strongest_place_with_its_sign(largest: float, written: str) -> None:
    words = said(signed("rise", largest, grid=7, samples=1024))
    assert "Native grid 7 × 7" in words
    assert "1,024 pictures" in words
    assert f"counts for {written} of P(Fake)" in words


def test_gradcam_caption_states_its_grid_and_no_share_of_the_probability() -> None:
    words = said(GRADCAM)
    assert "Native grid 4 × 4" in words
    assert "P(Fake)" not in words, "its map is a share of its own maximum"


def test_integrated_gradients_caption_tells_what_its_sum_misses() -> None:
    words = said(INTEGRATED)
    for number in ("changes by 0.412", "add up to 0.408", "gap of −0.004", "(64 steps)"):
        assert number in words


@pytest.mark.parametrize("found", [found for found in EVERY_MAP if found not in (EVERY_MAP[0], ATTENTION)])
def test_a_map_of_zeros_says_so_and_has_no_legend(found: Attribution) -> None:
    weights = None if found.weights is None else np.zeros_like(found.weights)
    fragment = captions.caption(replace(found, map=np.zeros_like(found.map), weights=weights), CARD, 8)
    assert "zero everywhere" in fragment
    assert "nothing on this face speaks for Fake" in fragment
    assert "legend" not in fragment


def test_small_pixels_of_a_large_crop_are_not_called_zero() -> None:
    """Integrated gradients spread one change over all pixels, so that each of them is tiny."""
    words = said(signed("integrated_gradients", 1e-8, **GRADIENTS))
    assert "zero everywhere" not in words
    assert "0.412" in words


# Where the face was changed


@pytest.mark.parametrize("found", [lime(), RISE, GRADCAM, superpixels("occlusion")], ids=lambda found: found.method)
def test_map_says_how_often_its_kind_finds_what_was_changed(found: Attribution) -> None:
    figures = {"fakes": 160, "inside": 0.914, "centre": 0.881}
    told = said(found, card=replace(UNMEASURED, metrics={"localisation": {"dfdc": {found.method: figures}}}))
    assert "On 160 test face swaps" in told and "91% of the time (the centre of the face: 88%)" in told
    assert "not where a face was changed" not in told


@pytest.mark.parametrize("inside", [0.25, 0.881])
def test_map_that_finds_it_no_better_than_the_centre_says_so_first(inside: float) -> None:
    figures = {"fakes": 160, "inside": inside, "centre": 0.881}
    told = said(GRADCAM, card=replace(UNMEASURED, metrics={"localisation": {"dfdc": {"gradcam": figures}}}))
    assert "It shows what moves the model, not where a face was changed" in told
    assert "face was changed" not in said(GRADCAM)
