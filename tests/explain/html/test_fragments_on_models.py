"""Tests of the page's texts on a model: its scope, its measured failures and its card."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from explain.html import fragments
from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from model.model_card.document import facts
from tests.support.html import read, text

SCRIPT = "<script>alert(1)</script>"


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.011, "high": value + 0.012}


METRICS = {
    "test": {
        "dfdc": {
            "real": 643,
            "fake": 641,
            "auc": estimate(0.899),
            "accuracy": estimate(0.818),
            "false_accusation_rate": estimate(0.207),
            "miss_rate": estimate(0.158),
            "expected_calibration_error": estimate(0.075),
            "attention_peak_inside": {"attention": 0.87, "centre": 0.85, "fakes": 543},
        },
        "utkface": {"real": 497, "fake": 0, "false_accusation_rate": estimate(0.35)},
        "ciplab": {"real": 262, "fake": 239, "miss_rate": estimate(0.46)},
    }
}
CARD = Card(
    "lite_attention",
    Preprocessing(128),
    ("Fake", "Real"),
    temperature=1.2,
    inconclusive_band=(0.31, 0.72),
    licence="Research only.",
    metrics=METRICS,
)
UNMEASURED = replace(CARD, metrics={})


@pytest.mark.parametrize(
    "fragment",
    [
        pytest.param(fragments.model_card(replace(CARD, licence=SCRIPT)), id="licence"),
        pytest.param(fragments.model_card(replace(UNMEASURED, licence=SCRIPT)), id="licence without figures"),
        pytest.param(
            fragments.model_card(replace(CARD, metrics={"test": {SCRIPT: METRICS["test"]["dfdc"]}})), id="name of a set"
        ),
    ],
)
def test_text_from_outside_is_escaped(fragment: str) -> None:
    reader = read(fragment)
    assert "script" not in reader.tags
    assert SCRIPT in reader.words, "the text itself must be there to read"


def test_scope_names_the_worst_failures() -> None:
    words = text(fragments.scope(CARD))
    assert "35% of 497 real faces" in words
    assert "46% of 239 expert composites" in words


def test_scope_without_figures_claims_none() -> None:
    words = text(fragments.scope(UNMEASURED))
    assert "not known here" in words
    assert "trained on face swaps" not in words
    assert not re.search(r"\d", words)


def test_scope_pools_the_pages_verdicts_on_unseen_sources() -> None:
    def source(pictures: int, **shares: float) -> dict[str, Any]:
        return {"pictures": pictures, **{name: {"value": value} for name, value in shares.items()}}

    unseen = {
        "reals": {
            "a": source(300, looks_fake=0.02, inconclusive=0.2),
            "b": source(100, looks_fake=0.1, inconclusive=0.6),
        },
        "fakes": {"c": source(50, looks_real=0.3, inconclusive=0.3)},
    }
    card = replace(CARD, metrics={**METRICS, "unseen": unseen})
    words = text(fragments.scope(card))
    assert "of 400 real faces it calls 4% fake (2% to 10% by source) and gives 30% no verdict" in words
    assert "of 50 fakes it finds 40% (40% by source) and calls 30% real" in words
    assert "expert composites" not in words
    assert "it calls 2% to 10% of real faces fake, finds 40% of fakes" in text(fragments.scope_line(card))


def test_scope_names_only_the_training_data() -> None:
    trained = replace(CARD, training={"data": {"dfdc": "research", "my <set>": "mine"}})
    words = text(fragments.scope(trained))
    assert "DFDC face swaps, my <set>" in words and "StyleGAN" not in words
    assert "<set>" not in fragments.scope(trained)
    assert "training data are not known" in text(fragments.scope(CARD))


def test_card_is_shown_completely_with_its_tables() -> None:
    fragment = fragments.model_card(CARD)
    words = text(fragment)
    for section in facts(CARD):
        assert section.title in words
        assert all(sentence in words for sentence in section.sentences)
        for row in section.table.rows if section.table else ():
            assert all(cell in words for cell in row)
    assert "0.899 (0.888–0.911)" in words
    assert "Research only." in words


def test_every_cell_names_its_column_for_narrow_screens() -> None:
    fragment = fragments.model_card(CARD)
    row = fragment[fragment.index("UTKFace real faces</th>") :].split("</tr>")[0]
    assert re.findall(r'<td data-label="([^"]+)"><span>([^<]+)</span></td>', row)[1] == (
        "Real called fake",
        "0.350 (0.339–0.362)",
    )


def test_model_without_figures_says_so() -> None:
    words = text(fragments.model_card(UNMEASURED))
    assert "not measured" in words
    assert "AUC 0." not in words
