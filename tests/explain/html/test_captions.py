"""Tests of captions: they state the numbers of their maps, and claim nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from explain.drawing import palette
from explain.html import captions
from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from explain.maps.registry import METHODS
from model.artifact.parts import Part
from model.i18n.catalogue import translate
from tests.explain.html.known_maps import CARD, SIDE, UNMEASURED, caption_text, lime, superpixels
from tests.support.html import read

SCRIPT = "<script>alert(1)</script>"


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


# Escaping


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


# The explained class


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
    assert "whatever the verdict" in caption_text(ATTENTION)


@pytest.mark.parametrize("target", ["Fake", "Real"])
@pytest.mark.parametrize("found", [found for found in EVERY_MAP if found is not ATTENTION])
def test_every_signed_map_says_which_colour_speaks_for_its_class(found: Attribution, target: str) -> None:
    words = caption_text(replace(found, target=target))
    assert f"speaks for {target}" in words
    assert f"speaks against {target}" in words


@pytest.mark.parametrize("found", [found for found in EVERY_MAP if found is not ATTENTION])
def test_legend_has_the_colours_and_the_outlines_of_the_picture(found: Attribution) -> None:
    fragment = captions.caption(found, CARD, 8)
    colours = re.findall(r"background:(#[0-9a-f]{6})", fragment)
    assert colours == [palette.hex_colour(palette.SUPPORTS), palette.hex_colour(palette.OPPOSES)]
    has_outlines = found.weights is not None
    assert ("blue, solid" in fragment) is ("orange, dashed" in fragment) is has_outlines


# The other maps


def test_attention_caption_states_grid_and_contrast() -> None:
    mask = np.full((4, 8), 0.2, np.float32)
    mask[1, 2] = 0.95
    words = caption_text(attention_map(mask, SIDE))
    assert "4 × 8" in words
    assert "0.20 to 0.95" in words
    assert "contrast 0.75" in words
    assert "flat" not in words


def test_caption_of_a_combined_model_says_that_the_mask_is_of_one_network() -> None:
    combined = replace(CARD, parts=(Part("one", 0.5, ""), Part("other", 0.8, "")))
    sentence = translate("method.attention.of_a_part")
    assert sentence in caption_text(ATTENTION, card=combined) and sentence not in caption_text(ATTENTION)


def test_caption_warns_of_a_flat_mask() -> None:
    words = caption_text(attention_map(np.full((4, 4), 0.4, np.float32), SIDE))
    assert "The mask is flat" in words
    assert "contrast 0.00" in words


def test_attention_caption_says_how_often_it_was_right() -> None:
    words = caption_text(ATTENTION)
    assert all(number in words for number in ("543", "87%", "85%"))
    unmeasured = caption_text(ATTENTION, card=UNMEASURED)
    assert "not measured" in unmeasured
    assert "%" not in unmeasured


def test_occlusion_caption_counts_the_regions_drawn() -> None:
    words = caption_text(superpixels("occlusion"), shown=3)
    assert "3 of 16 superpixels are shown, each hidden alone." in words
    assert "The strongest counts for 0.500 of P(Fake)." in words


@pytest.mark.parametrize(("largest", "written"), [(0.213, "0.213"), (-0.213, "−0.213")])
def test_rise_caption_states_its_strongest_place_with_its_sign(largest: float, written: str) -> None:
    words = caption_text(signed("rise", largest, grid=7, samples=1024))
    assert "Native grid 7 × 7" in words
    assert "1,024 pictures" in words
    assert f"counts for {written} of P(Fake)" in words


def test_gradcam_caption_states_its_grid_and_no_share_of_the_probability() -> None:
    words = caption_text(GRADCAM)
    assert "Native grid 4 × 4" in words
    assert "P(Fake)" not in words, "its map is a share of its own maximum"


def test_integrated_gradients_caption_states_the_gap_of_its_sum() -> None:
    words = caption_text(INTEGRATED)
    for number in ("changes by 0.412", "add up to 0.408", "gap of −0.004", "(64 steps)"):
        assert number in words


@pytest.mark.parametrize("found", [found for found in EVERY_MAP if found not in (EVERY_MAP[0], ATTENTION)])
def test_caption_of_a_map_of_zeros_says_so_and_has_no_legend(found: Attribution) -> None:
    weights = None if found.weights is None else np.zeros_like(found.weights)
    fragment = captions.caption(replace(found, map=np.zeros_like(found.map), weights=weights), CARD, 8)
    assert "zero everywhere" in fragment
    assert "nothing on this face speaks for Fake" in fragment
    assert "legend" not in fragment


def test_small_values_in_a_large_crop_are_not_called_zero() -> None:
    """Integrated gradients spread one change over all pixels, so that each of them is tiny."""
    words = caption_text(signed("integrated_gradients", 1e-8, **GRADIENTS))
    assert "zero everywhere" not in words
    assert "0.412" in words


# Where the face was changed


@pytest.mark.parametrize("found", [lime(), RISE, GRADCAM, superpixels("occlusion")], ids=lambda found: found.method)
def test_caption_says_how_often_the_method_finds_the_changed_part(found: Attribution) -> None:
    figures = {"fakes": 160, "inside": 0.914, "centre": 0.881}
    text = caption_text(found, card=replace(UNMEASURED, metrics={"localisation": {"dfdc": {found.method: figures}}}))
    assert "On 160 test face swaps" in text and "91% of the time (the centre of the face: 88%)" in text
    assert "not where a face was changed" not in text


@pytest.mark.parametrize("inside", [0.25, 0.881])
def test_caption_of_a_method_no_better_than_the_centre_says_so_first(inside: float) -> None:
    figures = {"fakes": 160, "inside": inside, "centre": 0.881}
    text = caption_text(GRADCAM, card=replace(UNMEASURED, metrics={"localisation": {"dfdc": {"gradcam": figures}}}))
    assert "It shows what moves the model, not where a face was changed" in text
    assert "face was changed" not in caption_text(GRADCAM)
