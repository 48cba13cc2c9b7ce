"""What the page says of a model: its scope, its measured failures and its card."""

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
    said = text(fragments.scope(CARD))
    assert "35% of 497 real faces" in said
    assert "46% of 239 expert composites" in said


def test_scope_without_figures_claims_none() -> None:
    said = text(fragments.scope(UNMEASURED))
    assert "not known here" in said
    assert "trained on face swaps" not in said
    assert not re.search(r"\d", said)


def test_scope_pools_the_pages_verdicts_on_unseen_sources() -> None:
    def of(pictures: int, **shares: float) -> dict[str, Any]:
        return {"pictures": pictures, **{name: {"value": value} for name, value in shares.items()}}

    unseen = {
        "reals": {"a": of(300, looks_fake=0.02, inconclusive=0.2), "b": of(100, looks_fake=0.1, inconclusive=0.6)},
        "fakes": {"c": of(50, looks_real=0.3, inconclusive=0.3)},
    }
    card = replace(CARD, metrics={**METRICS, "unseen": unseen})
    said = text(fragments.scope(card))
    assert "of 400 real faces it calls 4% fake (2% to 10% by source) and gives 30% no verdict" in said
    assert "of 50 fakes it finds 40% (40% by source) and calls 30% real" in said
    assert "expert composites" not in said
    assert "it calls 2% to 10% of real faces fake, finds 40% of fakes" in text(fragments.scope_line(card))


def test_scope_names_what_was_learnt_and_nothing_else() -> None:
    learnt = replace(CARD, training={"data": {"dfdc": "research", "my <set>": "mine"}})
    said = text(fragments.scope(learnt))
    assert "DFDC face swaps, my <set>" in said and "StyleGAN" not in said
    assert "<set>" not in fragments.scope(learnt)
    assert "training data are not known" in text(fragments.scope(CARD))


def test_card_is_told_whole_with_its_tables() -> None:
    fragment = fragments.model_card(CARD)
    said = text(fragment)
    for section in facts(CARD):
        assert section.title in said
        assert all(sentence in said for sentence in section.sentences)
        for row in section.table.rows if section.table else ():
            assert all(cell in said for cell in row)
    assert "0.899 (0.888–0.911)" in said
    assert "Research only." in said


def test_every_cell_names_its_column_for_narrow_screens() -> None:
    fragment = fragments.model_card(CARD)
    row = fragment[fragment.index("UTKFace real faces</th>") :].split("</tr>")[0]
    assert re.findall(r'<td data-label="([^"]+)"><span>([^<]+)</span></td>', row)[1] == (
        "Real called fake",
        "0.350 (0.339–0.362)",
    )


def test_model_without_figures_says_so() -> None:
    said = text(fragments.model_card(UNMEASURED))
    assert "not measured" in said
    assert "AUC 0." not in said
