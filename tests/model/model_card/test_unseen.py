"""Tests of the model card's sections on unseen sources: the sentences depend on the figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from model.i18n.catalogue import use_language
from model.model_card.document import facts, markdown
from model.model_card.figures import failures
from model.model_card.unseen import edits, unseen


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": round(value - 0.02, 4), "high": round(value + 0.02, 4)}


def accused(called: float, page: float) -> dict[str, Any]:
    sizes = {"64 to 128 pixels": 0.4, "above 128 pixels": 0.1}
    groups = {name: {"real": 50, "fake": 0, "false_accusation_rate": estimate(rate)} for name, rate in sizes.items()}
    shares = {"called_fake": estimate(called), "looks_fake": estimate(page), "inconclusive": estimate(0.3)}
    return {"pictures": 100, **shares, "groups": {"face size": groups}}


def found(recall: float, page: float) -> dict[str, Any]:
    shares = {"recall": estimate(recall), "looks_real": estimate(page), "inconclusive": estimate(0.25)}
    return {"pictures": 60, **shares}


def changed(share: float) -> dict[str, Any]:
    return {"changed": estimate(share), "mean_move": 0.041, "lost": 0.0}


METRICS: dict[str, Any] = {
    "reals": {"unseen_fairface": accused(0.12, 0.03), "elsewhere": accused(0.24, 0.07)},
    "fakes": {"unseen_inswapper": found(0.5, 0.11), "unseen_flux_dev": found(0.8, 0.05)},
    "twins": {"unseen_inswapper": {"real": 60, "fake": 60, "auc": estimate(0.81)}},
    "generators": {"unseen_flux_dev": {"real": 100, "fake": 60, "auc_alike": estimate(0.77), "auc": estimate(0.9)}},
    "peaks": {"unseen_inswapper": {"fakes": 31, "attention": estimate(0.9), "centre": estimate(0.6)}},
    "learnt_by_heart": {
        name: {"seen": 50, "new": 50, "seen_called_fake": 0.01, "new_called_fake": 0.1, "difference": estimate(gap)}
        for name, gap in (("dfdc", 0.12), ("ciplab", 0.03))
    },
    "calibration": {"real": 200, "fake": 120, "error": estimate(0.064)},
    "edits": {"faces": 200, "mirrored": changed(0.185), "jpeg 85": changed(0.085)},
}
CARD = Card("cnn", Preprocessing(128), ("Fake", "Real"), metrics={"unseen": METRICS})
BARE = replace(CARD, metrics={})


def section_text(section: Any) -> str:
    return " ".join(section.sentences)


def test_ranges_errors_and_gaps_are_stated() -> None:
    words = section_text(unseen(CARD))
    assert "Of real faces from 2 such sources, 12% to 24% are called fake" in words
    assert "for 3% to 7% the page's verdict is" in words
    assert "Of fakes from 2 such sources, 50% to 80% are called fake" in words
    assert "most so in DFDC face swaps: by 0.120" in words
    assert "calibration error is 0.064 (0.044 to 0.084)" in words
    assert "Among the 31 inswapper that it called fake" in words and "90.0% of the time" in words


def test_memorised_sources_are_not_mentioned_without_a_gap() -> None:
    gaps = {"dfdc": {"difference": estimate(-0.01)}}
    assert "training source" not in section_text(
        unseen(replace(CARD, metrics={"unseen": {**METRICS, "learnt_by_heart": gaps}}))
    )


def test_each_source_and_class_has_a_row_with_its_auc() -> None:
    table = unseen(CARD).table
    assert table is not None
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["FairFace"][:3] == ("real", "100", "0.120 (0.100–0.140)") and rows["FairFace"][-1] == "–"
    assert rows["inswapper"][-1] == "0.810 (0.790–0.830)"
    assert rows["FLUX.1 dev"][-1] == "0.770 (0.750–0.790)", "the AUC after the same processing of all pictures"
    assert all(len(row) == len(table.head) for row in table.rows)


def test_edit_that_changes_the_most_verdicts_is_named() -> None:
    section = edits(CARD)
    assert "about 200 real faces" in section_text(section) and "mirrored, 18.5% of faces" in section_text(section)
    assert section.table is not None
    assert section.table.rows[1] == ("JPEG of quality 85", "0.085 (0.065–0.105)", "0.041")


def test_groups_of_unseen_faces_are_in_the_section_on_failures() -> None:
    section = failures(CARD)
    assert section.table is not None
    assert ("FairFace", "face size in the photo", "64 to 128 pixels", "50", "0.400 (0.380–0.420)") in section.table.rows
    assert "more than chance" in section_text(section)


@pytest.mark.parametrize("metrics", [{}, {"unseen": {}}, {"unseen": {"edits": {"faces": 0}}}])
def test_missing_measurements_are_stated(metrics: dict[str, Any]) -> None:
    card = replace(CARD, metrics=metrics)
    assert "not measured" in section_text(unseen(card)) and unseen(card).table is None
    assert "not measured" in section_text(edits(card)) and edits(card).table is None


@pytest.mark.parametrize("part", METRICS)
def test_card_with_a_missing_part_is_written(part: str) -> None:
    some = {name: figures for name, figures in METRICS.items() if name != part}
    assert "## Sources and generators" in markdown(replace(CARD, metrics={"unseen": some}))


def test_sections_are_translated_into_turkish() -> None:
    with use_language("tr"):
        words = " ".join(sentence for section in facts(CARD) for sentence in section.sentences)
        assert "Böyle 2 kaynaktan" in words and "aynalanmış" in words
