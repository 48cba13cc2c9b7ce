"""Tests of the sentences of the model card: they depend on the figures, and state missing measurements."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from model.artifact.card import Card
from model.i18n.catalogue import use_language
from model.model_card.document import facts, markdown
from model.model_card.robustness import words_for
from model.paired.train import DATA_LICENCES, LICENCE
from model.photos.corruptions import CLEAN, CORRUPTIONS, conditions
from tests.model.model_card.cards import BARE, CARD, METRICS, card_text, condition, estimate, group, section, with_test

# Sentences depend on the figures


def test_headline_states_the_range_of_the_error_rates() -> None:
    assert "It is wrong often" in card_text(CARD, "what")
    assert "calls 18% to 28% of real photos fake and takes 13% to 46% of fakes for real" in card_text(CARD, "what")

    def improve(metrics: dict[str, Any]) -> None:
        for values in metrics["test"].values():
            for name in {"false_accusation_rate", "miss_rate"} & set(values):
                values[name] = estimate(0.04, 0.01)

    better = card_text(with_test(improve), "what")
    assert "It is sometimes wrong" in better and "calls 4% of real photos fake" in better


def test_best_and_worst_set_are_named() -> None:
    assert "best among DFDC face swaps (AUC 0.918)" in card_text(CARD, "figures")
    assert "worst among CIPLAB expert composites (AUC 0.705" in card_text(CARD, "figures")
    swapped = with_test(lambda metrics: metrics["test"]["ciplab"].update(auc=estimate(0.95)))
    assert "best among CIPLAB expert composites (AUC 0.950)" in card_text(swapped, "figures")


def test_figures_are_in_the_table_with_their_intervals() -> None:
    table = section(CARD, "figures").table
    assert table is not None
    row = next(row for row in table.rows if row[0] == "DFDC face swaps")
    assert row[1:5] == ("100 / 90", "0.180 (0.160–0.200)", "0.130 (0.110–0.150)", "0.918 (0.898–0.938)")
    reals = next(row for row in table.rows if row[0] == "UTKFace real faces")
    assert reals[1] == "495 / 0" and reals[3:6] == ("–", "–", "–")
    assert all(len(row) == len(table.head) for row in table.rows)


def test_texts_of_the_shipped_training_are_translated_and_others_kept() -> None:
    others = {name: f"other terms of {name}" for name in DATA_LICENCES}
    for terms, licence, kept in ((DATA_LICENCES, LICENCE, False), (others, "another licence", True)):
        card = replace(CARD, training={**CARD.training, "data": terms}, licence=licence)
        with use_language("tr"):
            sections = {each.key: each for each in facts(card)}
        table = sections["training"].table
        assert table is not None and [row[1] == terms[row[0]] for row in table.rows] == [kept] * len(terms)
        assert (sections["licence"].sentences == (licence,)) is kept


def test_shares_of_wrong_and_missing_verdicts_are_stated() -> None:
    assert "9% to 12% of real photos get the verdict Looks fake" in card_text(CARD, "verdicts")
    assert "40% of pictures get no verdict" in card_text(CARD, "verdicts")


@pytest.mark.parametrize(("error", "judged"), [(0.02, "close to true frequencies"), (0.08, "not to be taken for")])
def test_calibration_is_judged_by_its_error(error: float, judged: str) -> None:
    def change(metrics: dict[str, Any]) -> None:
        for name in ("dfdc", "ciplab"):
            metrics["test"][name]["expected_calibration_error"] = estimate(error)

    assert judged in card_text(with_test(change), "calibration")
    assert "divided by 1.80 and Fake's is shifted by −0.36" in card_text(CARD, "calibration")
    assert "never calibrated" in card_text(replace(CARD, temperature=None), "calibration")


def test_unseen_sets_and_transfer_are_stated() -> None:
    assert "UTKFace real faces: Real called fake 0.280 (0.260–0.300)." in card_text(CARD, "cross_set")
    assert "an AUC of 0.530 to 0.610 on it" in card_text(CARD, "cross_set")
    table = section(CARD, "cross_set").table
    assert table is not None
    assert [row[3] for row in table.rows] == ["yes", "no", "no", "yes"]
    trained = replace(
        CARD, training={"data": {name: "" for name in METRICS["test"]}}, metrics={"test": METRICS["test"]}
    )
    assert card_text(trained, "cross_set").startswith("Not measured")
    assert "Tested, but never trained on: UTKFace real faces." in card_text(CARD, "training")
    assert "never trained on" not in card_text(trained, "training")


def test_robustness_names_jpeg_and_the_hardest_condition() -> None:
    text = card_text(CARD, "robustness")
    assert "It is robust to JPEG: at quality 50 it loses at most 0.020 AUC (on DFDC face swaps)." in text
    assert "The hardest condition is blur of 4 pixels in 256: AUC on DFDC face swaps falls by 0.220 to 0.700." in text
    assert "70% of those in DFDC face swaps are then called fake, instead of 18%." in text
    assert "on up to 50 pictures" in text
    table = section(CARD, "robustness").table
    assert table is not None
    assert [row[0] for row in table.rows] == [
        "untouched",
        "JPEG quality 50",
        "JPEG quality 20",
        "blur of 4 pixels in 256",
    ]
    assert table.rows[1][1:] == ("0.900, loss 0.020 (0.000 to 0.040)", "31%") and table.rows[2][2] == "–"


def test_harm_by_jpeg_is_stated() -> None:
    def change(metrics: dict[str, Any]) -> None:
        metrics["test_corruptions"]["dfdc"]["jpeg 50"] = condition(0.8, 0.12, 0.2)

    assert "JPEG harms it: at quality 50 it loses at most 0.120 AUC" in card_text(with_test(change), "robustness")
    kept = with_test(
        lambda metrics: metrics["test_corruptions"]["dfdc"].update({"jpeg 50": condition(0.93, -0.01, 0.2)})
    )
    assert "loses no AUC on any test set" in card_text(kept, "robustness")


@pytest.mark.parametrize(
    ("loss", "spread", "verdict"),
    [
        (0.02, 0.03, "It is robust to JPEG"),
        (0.02, 0.031, "Whether JPEG harms it is not clear"),
        (-0.01, 0.02, "loses no AUC on any test set"),
        (-0.01, 0.2, "Whether JPEG harms it is not clear"),
        (0.06, 0.05, "JPEG harms it"),
        (0.06, 0.07, "Whether JPEG harms it is not clear"),
    ],
)
def test_jpeg_is_judged_by_the_interval(loss: float, spread: float, verdict: str) -> None:
    def change(metrics: dict[str, Any]) -> None:
        figures = {**condition(0.9, loss, 0.2), "auc_loss": estimate(loss, spread)}
        metrics["test_corruptions"]["dfdc"]["jpeg 50"] = figures

    sentences = [sentence for sentence in section(with_test(change), "robustness").sentences if verdict in sentence]
    assert len(sentences) == 1
    if "not clear" in verdict:
        assert f"{loss - spread:.3f} to {loss + spread:.3f}".replace("-", "−") in sentences[0]


def test_loss_of_one_uncertain_set_is_stated() -> None:
    def change(metrics: dict[str, Any]) -> None:
        small = {**condition(0.9, 0.0, 0.2), "auc_loss": estimate(0.0, 0.3)}
        metrics["test_corruptions"]["ciplab"] = {CLEAN: condition(0.9, 0.0, 0.2), "jpeg 50": small}

    assert "it loses 0.000 AUC on CIPLAB expert composites" in card_text(with_test(change), "robustness")


def calibrated_on(**record: Any) -> Card:
    return replace(CARD, training={**CARD.training, "calibration": {"real": 500, "fake": 400, **record}})


def test_calibration_on_few_pictures_is_stated() -> None:
    assert "on only 412 pictures (12 real, 400 fake)" in card_text(calibrated_on(real=12), "calibration")
    assert "on only" not in card_text(calibrated_on(), "calibration") + card_text(CARD, "calibration")
    assert "on only" not in card_text(replace(calibrated_on(real=12), temperature=None), "calibration")


def test_sources_that_the_band_was_chosen_on_are_stated() -> None:
    source = {"real": 400, "accused": 0.01, "accused_at_most": 0.027, "inconclusive": 0.2}
    with_one = card_text(calibrated_on(band_chosen_on={"real_lfw": source}), "calibration")
    assert (
        "1 source that the model was not trained on (LFW press faces): 1% of them" in with_one
        and "at most 2.7%" in with_one
    )
    assert "Fitted again" not in with_one
    left_out = {**source, "left_out_accused": 0.04}
    with_two = card_text(
        calibrated_on(band_chosen_on={"real_lfw": source, "real_ytf": {**left_out, "accused": 0.02}}), "calibration"
    )
    assert "2 sources" in with_two and "1% to 2% of each" in with_two and "for 4% of its real photos" in with_two
    assert "sources that the model was trained on" in card_text(calibrated_on(band_chosen_on={}), "calibration")
    assert "band was chosen" not in card_text(CARD, "calibration"), "a card without the record says nothing"


def test_every_condition_has_words() -> None:
    words = {words_for(name) for name in conditions() if name != CLEAN}
    assert len(words) == sum(len(c.levels) for c in CORRUPTIONS.values())
    assert not any("{" in text for text in words)
    assert words_for("rain 3") == "rain 3", "a newer card may have conditions that this version does not know"


def test_groups_with_the_most_errors_are_named_and_small_groups_are_not() -> None:
    text = card_text(CARD, "failures")
    assert "Real faces are called fake most often in UTKFace real faces: 28%." in text
    assert "Fakes are taken for real most often in CIPLAB expert composites: 46%." in text
    assert "labelled 0 to 9 are called fake most often (40%), 20 to 39 least (20%): more than chance explains" in text
    assert "90 and over" not in text
    table = section(CARD, "failures").table
    assert table is not None and any(row[2] == "90 and over" for row in table.rows)

    def closer(metrics: dict[str, Any]) -> None:
        metrics["test"]["utkface"]["groups"]["age"]["0 to 9"] = group(0.25)

    assert "it may be chance" in card_text(with_test(closer), "failures")


def test_attention_is_stated_if_it_was_measured() -> None:
    assert "Among the 555 DFDC face swaps" in card_text(CARD, "attention") and "93.0%" in card_text(CARD, "attention")


def test_facts_are_in_the_current_language() -> None:
    """Only texts of the card itself are not translated: its licence, and the terms of its data sets."""
    english = {sentence for section in facts(CARD) for sentence in (section.title, *section.sentences)}
    with use_language("tr"):
        turkish = {sentence for section in facts(CARD) for sentence in (section.title, *section.sentences)}
        assert "−0,36" in card_text(CARD, "calibration") and "P(Sahte)" in card_text(CARD, "calibration")
        assert "%9–%12" in card_text(CARD, "verdicts") and "JPEG kalitesi 50" in str(section(CARD, "robustness").table)
        assert "0,180 (0,160–0,200)" in str(section(CARD, "figures").table)
        assert "90 and over" in str(section(CARD, "failures").table), "a group that the catalogue does not know"
    assert english & turkish == {CARD.licence}


# Missing measurements


def test_card_without_figures_says_that_nothing_was_measured() -> None:
    for key in ("figures", "verdicts", "robustness", "failures", "attention"):
        assert "not measured" in card_text(BARE, key), key
    assert "Its mistakes were not measured" in card_text(BARE, "what")
    assert "never calibrated" in card_text(BARE, "calibration")
    assert "does not say what it was trained on" in card_text(BARE, "training")
    assert all(section.table is None for section in facts(BARE))
    assert not re.search(r"\d%|nan|None", markdown(BARE))


@pytest.mark.parametrize(
    "missing", ["auc", "miss_rate", "false_accusation_rate", "expected_calibration_error", "groups"]
)
def test_single_missing_measure_is_stated_or_left_out(missing: str) -> None:
    def drop(metrics: dict[str, Any]) -> None:
        for values in metrics["test"].values():
            values.pop(missing, None)

    card = with_test(drop)
    text = markdown(card)
    assert "None" not in text and "nan" not in text
    expected = {
        "auc": ("figures", "AUC was not measured"),
        "miss_rate": ("failures", "How often fakes are taken for real was not measured"),
        "false_accusation_rate": ("failures", "How often real faces are called fake was not measured"),
        "expected_calibration_error": ("calibration", "not measured"),
        "groups": ("failures", "groups of people more than others was not measured"),
    }
    key, words = expected[missing]
    assert words in card_text(card, key)


@pytest.mark.parametrize(
    "metrics", [{"test": {"new set": {}}}, {"test_corruptions": {"new set": {}}}, {"transfer": {"a": {}}}]
)
def test_card_with_few_figures_is_written(metrics: dict[str, Any]) -> None:
    assert "# Model card" in markdown(replace(BARE, metrics=metrics))
