"""Tests of the sentence of a what-if, word for word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from explain.probes.what_if import WhatIf
from explain.wording.what_if import what_if_sentence
from model.i18n.catalogue import use_language

CROP = np.zeros((24, 24, 3), np.uint8)
WHAT_IF = WhatIf((4, 2), 0.38, 0.94, CROP, ("mouth", "left cheek"), True, "Inconclusive", "Fake")


def sentence_for(**changes: Any) -> str:
    return what_if_sentence(replace(WHAT_IF, **changes), "Fake")


def test_sentence_states_the_hidden_regions_and_the_result() -> None:
    assert sentence_for() == (
        "With the mouth and the left cheek hidden, Fake falls from 94% to 38%: the model would then say Inconclusive."
    )


def test_sentence_states_an_unchanged_verdict() -> None:
    sentence = sentence_for(verdict_before="Inconclusive", before=0.51, probability=0.49)
    assert "from 51% to 49%: the model would still say Inconclusive." in sentence


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [(0.2, 0.6, "rises from 20% to 60%:"), (0.501, 0.499, "stays at 50%:")],
)
def test_the_sentence_follows_the_numbers(before: float, now: float, change: str) -> None:
    assert f"left cheek hidden, Fake {change}" in sentence_for(before=before, probability=now)


@pytest.mark.parametrize(
    ("names", "still_visible", "words"),
    [
        ("hair mouth hair hair", (), "3 patches of hair and the mouth"),
        ("hair mouth", ("hair",), "1 patch of hair and the mouth"),
        ("chin nose chin", ("chin",), "2 patches of the chin and the nose"),
        ("nose chin mouth hair", (), "the nose, the chin, the mouth and the hair"),
        ("nose chin mouth hair forehead", (), "the nose, the chin, the mouth, the hair and 1 more patch"),
        (
            "hair nose hair chin mouth forehead forehead",
            (),
            "2 patches of hair, the nose, the chin, the mouth and 2 more patches",
        ),
    ],
)
def test_the_sentence_lists_names_in_english(names: str, still_visible: tuple[str, ...], words: str) -> None:
    parts = tuple(names.split())
    sentence = sentence_for(hidden=tuple(range(len(parts))), names=parts, still_visible=frozenset(still_visible))
    assert sentence.startswith(f"With {words} hidden, Fake falls ")


@pytest.mark.parametrize("names", [(), None])
def test_sentence_without_hidden_regions_states_no_change(names: tuple[str, ...] | None) -> None:
    sentence = sentence_for(hidden=(), names=names, before=0.94, probability=0.94, verdict="Fake")
    assert sentence.startswith("With nothing hidden, Fake stays at 94%: the model would still say Fake.")


def test_the_sentence_counts_regions_without_names() -> None:
    assert sentence_for(hidden=(3,), names=None).startswith("With 1 region hidden, ")
    assert sentence_for(hidden=(3, 0, 1), names=None).startswith("With 3 regions hidden, ")


def test_a_region_of_two_parts_is_named_with_both() -> None:
    both = "left eye + left eyebrow"
    assert sentence_for(names=(both, "nose")).startswith("With the left eye and left eyebrow and the nose hidden")
    assert sentence_for(names=(both, both)).startswith("With 2 patches of the left eye and the left eyebrow hidden")
    with use_language("tr"):
        assert sentence_for(names=(both, both)).startswith("Görüntüde sol gözden ve sol kaştan 2 bölge gizlenince")
