"""Tests of the texts on trust under and beside the maps, and of the table of agreement."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from explain.html import captions
from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from explain.maps.registry import METHODS
from explain.trust.agreement import Agreement
from explain.trust.curves import ORDERS, Band, Curves
from explain.trust.measure import Trust
from explain.trust.stability import Stability
from explain.wording.trust import trust_sentence
from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from tests.support.html import read, text

CARD = Card("lite_attention", Preprocessing(128), ("Fake", "Real"))
RISE = Attribution("rise", "Fake", np.eye(16, dtype=np.float32), (7, 7), None, None, {"samples": 1024})
ATTENTION = attention_map(np.eye(4, dtype=np.float32), 16)


def trust(percentile: float, method: str = "lime", **changes: Any) -> Trust:
    """Trust in a map that beats the given share of random orders."""
    areas = (np.arange(ORDERS) + 0.5) / ORDERS
    band = Band(np.stack([areas, areas], axis=1), np.array([0.0, 1.0]))
    curves = Curves("mean", np.full(2, 1 - percentile), np.full(2, 0.5), band)
    return replace(Trust(method, "Fake", (curves,), False), **changes)


@pytest.mark.parametrize(
    "fragment",
    [
        captions.trust_paragraph(trust(0.98)),
        captions.trust_details({"lime": trust(0.98), "rise": trust(0.2)}),
        captions.agreement_table(Agreement(("lime", "rise"), np.eye(2))),
    ],
)
def test_every_fragment_closes_its_tags(fragment: str) -> None:
    assert read(fragment).words.strip()


def test_trust_follows_the_caption_once_it_is_measured() -> None:
    for found in (RISE, ATTENTION):
        without, measured = text(captions.caption(found, CARD, 8)), text(captions.caption(found, CARD, 8, trust(0.98)))
        assert measured == f"{without}✓{trust_sentence(trust(0.98))}"
        assert "98% of random orders" in measured


def test_only_trust_better_than_chance_gets_a_tick() -> None:
    good, bad = captions.trust_paragraph(trust(0.98)), captions.trust_paragraph(trust(0.5))
    assert ('class="trust better"' in good, "✓" in good) == (True, True)
    assert ('class="trust chance"' in bad, "✓" in bad) == (True, False)
    assert 'class="trust chance"' in captions.trust_paragraph(trust(0.01)), "worse than chance counts as chance"
    assert captions.trust_paragraph(None) == ""


def test_details_name_each_map_with_its_numbers() -> None:
    steady = Stability("seed", 3, 14 / 15, 0.89, 0.93)
    words = text(captions.trust_details({"lime": trust(0.98, stability=steady), "rise": trust(0.2)}))
    lime_part, rise_part = words.split(METHODS["rise"].title)
    assert METHODS["lime"].title in lime_part
    assert "lower than 98% of 50 random orders" in lime_part
    assert "rank correlation 0.93" in lime_part
    assert "lower than 20% of 50 random orders" in rise_part
    assert captions.trust_details({}) == ""


def test_agreement_is_a_table_with_every_pair() -> None:
    matrix = np.array([[1.0, 0.61, -0.25], [0.61, 1.0, 0.07], [-0.25, 0.07, 1.0]])
    fragment = captions.agreement_table(Agreement(("lime", "attention", "rise"), matrix))
    titles = [METHODS[name].title for name in ("lime", "attention", "rise")]
    for scope in ("col", "row"):
        assert re.findall(rf'<th scope="{scope}">([^<]+)', fragment) == titles
    cells = re.findall(r'<td data-label="([^"]+)"><span>([^<]+)', fragment)
    assert [title for title, _ in cells] == 3 * titles
    assert [value for _, value in cells] == ["1.00", "0.61", "−0.25", "0.61", "1.00", "0.07", "−0.25", "0.07", "1.00"]


def test_table_mentions_the_attention_mask_only_if_it_is_compared() -> None:
    assert "attention mask has no sign" in captions.agreement_table(Agreement(("lime", "attention"), np.eye(2)))
    assert "attention" not in captions.agreement_table(Agreement(("lime", "rise"), np.eye(2)))


@pytest.mark.parametrize("found", [None, Agreement(("lime",), np.eye(1))])
def test_fewer_than_two_maps_give_no_table_of_agreement(found: Agreement | None) -> None:
    assert captions.agreement_table(found) == ""
