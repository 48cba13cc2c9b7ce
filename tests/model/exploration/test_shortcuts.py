"""Tests whether a trivial feature separates the classes of a data set, on tables made for it."""

from __future__ import annotations

import numpy as np
import pandas
import pytest

from model.data.layout import Example
from model.evaluation.bootstrap import Estimate
from model.exploration import shortcuts
from model.exploration.shortcuts import (
    ALARM,
    FEATURES,
    FEWEST,
    LOSSLESS,
    TOGETHER,
    Finding,
    feature_table,
    find_shortcuts,
    summarise,
)


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer trees and draws, where the classes differ so much that they suffice."""
    monkeypatch.setattr(shortcuts, "TREES", 20)
    monkeypatch.setattr(shortcuts, "ROUNDS", 50)


def random_table(count: int = 120, dataset: str = "set", seed: int = 0) -> pandas.DataFrame:
    """The same number of fakes and reals, with all features from one distribution."""
    rng = np.random.default_rng(seed)
    table = pandas.DataFrame(rng.normal(100, 10, (2 * count, len(FEATURES))), columns=list(FEATURES))
    table["dataset"], table["split"], table["label"] = dataset, "train", ["Fake"] * count + ["Real"] * count
    table["family"] = [f"{dataset}{row}" for row in range(2 * count)]
    return table


def by_column(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.column: finding for finding in findings}


# find_shortcuts


@pytest.mark.slow
def test_similar_classes_give_no_warning() -> None:
    findings = find_shortcuts(random_table(400))
    assert set(by_column(findings)) == {*FEATURES, TOGETHER}
    assert not any(finding.alarming for finding in findings)
    assert all(0.4 < finding.estimate.value < 0.58 for finding in findings)
    (sentence,) = summarise(findings)
    assert sentence.startswith("set: no trivial feature separates the classes. The best one is")


@pytest.mark.slow
@pytest.mark.usefixtures("few_draws")
@pytest.mark.parametrize(
    ("column", "shift", "higher"), [*((name, 25, "Fake") for name in FEATURES), ("width", -25, "Real")]
)
def test_difference_in_each_feature_is_found_in_either_direction(column: str, shift: float, higher: str) -> None:
    table = random_table(60)
    table.loc[table["label"] == "Fake", column] += shift
    findings = find_shortcuts(table)
    found = by_column(findings)[column]
    assert {finding.column for finding in findings if finding.alarming} == {column, TOGETHER}
    assert found.higher == higher and found.estimate.value > 0.9
    assert found.fake - found.real == pytest.approx(shift, abs=5)
    sentence = f"WARNING set: the {FEATURES[column].name} alone separates Real from Fake with AUC ."
    assert sentence in summarise(findings)[0]


@pytest.mark.slow
def test_difference_in_a_combination_of_features_is_found() -> None:
    """Brightness and contrast correlate in fakes and anticorrelate in reals: neither separates the classes alone."""
    table = random_table(400)
    side = np.where(table["label"] == "Fake", 1, -1)
    table["contrast"] = 100 + side * (table["brightness"] - 100)
    findings = by_column(find_shortcuts(table))
    assert not findings["contrast"].alarming and not findings["brightness"].alarming
    assert findings[TOGETHER].alarming and findings[TOGETHER].estimate.value > 0.9


@pytest.mark.slow
def test_twins_are_held_out_together() -> None:
    """A fake with the statistics of its twin reveals the class of the twin to the trees, unless both are held out."""
    table = random_table(150)
    half = len(table) // 2
    table.loc[half:, list(FEATURES)] = table.loc[: half - 1, list(FEATURES)].to_numpy()
    table.loc[half:, "family"] = table.loc[: half - 1, "family"].to_numpy()
    together = by_column(find_shortcuts(table))[TOGETHER]
    assert together.estimate.value == pytest.approx(0.5, abs=0.02)


@pytest.mark.slow
@pytest.mark.usefixtures("few_draws")
def test_sets_are_not_pooled() -> None:
    """With a set of mostly bright reals and one of mostly dark fakes, brightness reveals the set, not the class."""
    bright, dark = random_table(300, "bright"), random_table(300, "dark", seed=1)
    bright["brightness"] += 100
    table = pandas.concat([bright.drop(bright.index[:200]), dark.drop(dark.index[-200:])])
    findings = find_shortcuts(table)
    assert {finding.dataset for finding in findings} == {"bright", "dark"}
    assert not any(finding.alarming for finding in findings)


def test_sets_too_small_or_of_one_class_are_not_judged() -> None:
    assert find_shortcuts(random_table(FEWEST - 1)) == []
    one_class = random_table(60)
    assert find_shortcuts(one_class[one_class["label"] == "Real"]) == []


@pytest.mark.slow
@pytest.mark.usefixtures("few_draws")
def test_features_without_values_are_left_out() -> None:
    table = random_table(60)
    table["framing"] = np.nan
    assert "framing" not in by_column(find_shortcuts(table))


@pytest.mark.slow
@pytest.mark.usefixtures("few_draws")
def test_findings_depend_on_the_seed() -> None:
    table = random_table(40)
    first, again, different = ([f.estimate for f in find_shortcuts(table, seed)] for seed in (1, 1, 2))
    assert first == again and first != different


# Finding


@pytest.mark.parametrize(
    ("value", "low", "alarming"),
    [(0.8, ALARM + 0.01, True), (0.8, ALARM, False), (0.8, 0.55, False), (ALARM, 0.55, False), (0.8, 0.49, False)],
)
def test_alarm_needs_an_interval_above_the_threshold(value: float, low: float, alarming: bool) -> None:
    assert Finding("set", "width", Estimate(value, low, 0.9), "Fake", 2, 1).alarming == alarming


def test_sentence_names_values_and_remedy() -> None:
    found = Finding("set", "jpeg_quality", Estimate(0.93, 0.9, 0.95), "Fake", 95, 75)
    assert found.sentence == (
        "set: the JPEG quality alone separates Real from Fake with AUC .930 (.900 to .950): a network will learn that "
        "instead of the forgery. It is higher in Fake: median 95 in Fake, 75 in Real. What helps: first save both "
        "classes in the same way, with one JPEG quality and one quantisation table."
    )
    harmless = Finding("set", "width", Estimate(0.5, 0.5, 0.5), "Fake", 64, 64)
    assert "a network" not in harmless.sentence and "What helps" not in harmless.sentence


@pytest.mark.slow
@pytest.mark.usefixtures("few_draws")
def test_sentence_on_all_features_together_comes_last() -> None:
    table = random_table(60)
    table.loc[table["label"] == "Fake", "width"] += 15
    sentences = summarise(find_shortcuts(table))
    assert "the width alone" in sentences[0] and "together" in sentences[-1] and len(sentences) == 2


def test_value_just_below_the_threshold_is_reported_as_close_to_a_warning() -> None:
    nearly = Finding("set", "framing", Estimate(0.646, 0.62, 0.67), "Real", 0.73, 0.76)
    (sentence,) = summarise([nearly])
    assert sentence.startswith("set: the framing alone separates Real from Fake with AUC .646 (.620 to .670).")
    assert sentence.endswith("This is close to a warning, which needs the whole interval above .650.")


@pytest.mark.parametrize("low", [0.4, 0.6])
def test_high_value_with_a_wide_interval_is_reported_as_close_to_a_warning(low: float) -> None:
    (sentence,) = summarise([Finding("set", "framing", Estimate(0.72, low, 0.8), "Real", 0.73, 0.76)])
    assert "WARNING" not in sentence and "nothing trivial" not in sentence and "close to a warning" in sentence


# feature_table


def test_features_are_taken_from_measurements_and_faces() -> None:
    measured = [name for name in FEATURES if name not in {"framing", "colour_cast"}]
    rows = pandas.DataFrame(1.0, index=["a", "b", "c"], columns=[*measured, "red", "blue"])
    rows["width"], rows["height"], rows["red"] = 80, 40, 9.0
    rows.loc["b", "jpeg_quality"] = np.nan
    examples = [
        Example("b", "set", "val", "Fake", (0, 0, 20, 30), (), twin="a"),
        Example("a", "set", "val", "Real", None, ()),
        Example("unreadable", "set", "val", "Real", None, ()),
    ]
    table = feature_table(rows, examples)
    assert list(table.index) == ["b", "a"]
    assert table["framing"].tolist()[0] == 30 / 40 and np.isnan(table["framing"].iloc[1])
    assert table["jpeg_quality"].tolist() == [LOSSLESS, 1]
    assert table["colour_cast"].tolist() == [8, 8]
    assert table["family"].tolist() == ["a", "a"] and table["label"].tolist() == ["Fake", "Real"]
