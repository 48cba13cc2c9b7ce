"""Tests of the charts of a model: they show the figures of its card, and nothing else."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from explain.drawing.chart import Chart
from explain.drawing.model_card import reliability_charts, robustness_charts
from explain.html.model_card import model_charts
from model.artifact.card import Card, read_card
from model.artifact.preprocessing import Preprocessing
from model.i18n.catalogue import use_language
from model.paths import SHIPPED
from model.photos.corruptions import CLEAN, CORRUPTIONS

BARE = Card("cnn", Preprocessing(128), ("Fake", "Real"))


def one_bin(low: float, count: int, stated: float, observed: float) -> dict[str, Any]:
    interval = [max(0.0, observed - 0.1), min(1.0, observed + 0.1)]
    return {
        "low": low,
        "high": low + 0.1,
        "count": count,
        "stated": stated,
        "observed": observed,
        "interval": interval,
    }


def condition(auc: float, accused: float, clean: float = 0.9) -> dict[str, Any]:
    loss = clean - auc
    return {
        "real": 40,
        "fake": 50,
        "auc": auc,
        "false_accusation_rate": accused,
        "auc_loss": {"value": loss, "low": loss - 0.02, "high": loss + 0.02},
    }


ERROR = {"value": 0.05, "low": 0.04, "high": 0.06}
METRICS: dict[str, Any] = {
    "test": {
        "dfdc": {
            "reliability": [one_bin(0.0, 1500, 0.08, 0.02), one_bin(0.9, 300, 0.97, 0.95)],
            "expected_calibration_error": ERROR,
        },
        "utkface": {"false_accusation_rate": {"value": 0.3, "low": 0.2, "high": 0.4}},
    },
    "test_corruptions": {
        "dfdc": {
            CLEAN: condition(0.9, 0.1),
            "jpeg 95": condition(0.8, 0.05),
            "jpeg 50": condition(0.6, 0.7),
            "brightness 0.4": condition(0.7, 0.1),
            "brightness 2": condition(0.9, 0.02),
        },
        "utkface": {CLEAN: {"false_accusation_rate": 0.3}, "jpeg 50": {"false_accusation_rate": 0.4}},
        "old": {"jpeg 50": condition(0.6, 0.7)},
    },
}


def chart_of(title: str, up: str = "AUC") -> Chart:
    (found,) = [chart for chart in robustness_charts(METRICS) if (chart.title, chart.up) == (title, up)]
    return found


def values(chart: Chart) -> dict[str, list[float]]:
    return {line.name: [point.y for point in line.points] for line in chart.lines if line.name}


# Reliability


def test_each_set_with_known_bins_has_a_diagram() -> None:
    (chart,) = reliability_charts(METRICS)
    assert chart.title == "DFDC face swaps"
    assert chart.label == (
        "Reliability diagram, DFDC face swaps: stated 8%, true 2% of 1,500; stated 97%, true 95% of 300."
    )
    low, high = chart.lines[1].points
    assert (low.x, low.y, high.x, high.y) == (0.08, 0.02, 0.97, 0.95)
    assert low.reach == (0.0, pytest.approx(0.12)) and low.label == "stated 8%, true 2% of 1,500"
    assert low.radius > high.radius > 0, "a dot grows with its number of pictures"


# Robustness


def test_charts_for_each_corruption_that_was_measured() -> None:
    charts = [(chart.title, chart.up) for chart in robustness_charts(METRICS)]
    measures = ("AUC", "Real called fake")
    assert charts == [(title, up) for title in ("JPEG quality", "Brightness") for up in measures]


def test_the_level_with_the_worst_figure_is_described() -> None:
    assert chart_of("JPEG quality").label == "JPEG quality. DFDC face swaps: AUC 0.90, at worst 0.60 (50)."
    assert chart_of("JPEG quality", "Real called fake").label == (
        "JPEG quality. DFDC face swaps: real called fake 10%, at worst 70% (50); "
        "UTKFace real faces: real called fake 30%, at worst 40% (50)."
    )
    accused = chart_of("Brightness", "Real called fake")
    assert accused.label == "Brightness. DFDC face swaps: real called fake 10%, nowhere more."


def test_lines_are_the_figures_in_the_order_of_the_levels() -> None:
    chart = chart_of("JPEG quality")
    assert values(chart) == {"DFDC face swaps": [0.9, 0.8, 0.6]}
    assert [text for _, text in chart.x_ticks] == ["as is", "95", "80", "65", "50", "35", "20"]
    assert chart.lines[-1].points[-1].label == "DFDC face swaps, 50: 0.60"
    (area,) = chart.areas
    assert area.low == pytest.approx([0.88, 0.78, 0.58]) and area.high == pytest.approx([0.92, 0.82, 0.62])


def test_a_set_has_the_same_colour_in_every_chart() -> None:
    kinds = {(line.name, line.kind) for chart in robustness_charts(METRICS) for line in chart.lines if line.name}
    assert len(kinds) == len({name for name, _ in kinds}) == len({kind for _, kind in kinds}) == 2


def test_low_values_stay_on_the_scale() -> None:
    bad = {"test_corruptions": {"dfdc": {CLEAN: condition(0.3, 0.1), "jpeg 95": condition(0.2, 0.1)}}}
    assert robustness_charts(bad)[0].low == 0.2


def test_a_set_of_one_class_has_no_chart_of_the_auc() -> None:
    reals = {"test_corruptions": {"utkface": METRICS["test_corruptions"]["utkface"]}}
    assert [chart.up for chart in robustness_charts(reals)] == ["Real called fake"]


# The section of the page


def labels_in(html: str) -> list[str]:
    return [unescape(text) for text in re.findall(r'aria-label="([^"]*)"', html)]


def test_shipped_model_has_every_chart_with_its_text() -> None:
    card = read_card(SHIPPED)
    html = model_charts(card)
    labels = labels_in(html)
    dfdc = card.metrics["test_corruptions"]["dfdc"]
    measured = {condition.split(" ")[0] for condition in dfdc} & CORRUPTIONS.keys()
    assert len(labels) == 3 + 2 * len(measured) and len(set(labels)) == len(labels)
    missing = [corruption.title for name, corruption in CORRUPTIONS.items() if name not in measured]
    assert missing == [] or f"Not measured for this model: {', '.join(missing)}." in html
    blurred = {key: figures["auc"] for key, figures in dfdc.items() if key.startswith("blur ")}
    worst = min(blurred, key=lambda key: blurred[key])
    level = worst.removeprefix("blur ")
    expected = f"DFDC face swaps: AUC {dfdc['none']['auc']:.2f}, at worst {blurred[worst]:.2f} ({level})"
    assert expected in labels[5], "blur follows JPEG"
    most = max(
        figures["none"].get(label, 0)
        for figures in card.metrics["test_corruptions"].values()
        for label in ("real", "fake")
    )
    assert f"up to {most} of each class and set" in html
    assert "<img" not in html and len(html) < 150_000, "it is sent to phones"


@pytest.mark.parametrize("metrics", [{}, {"test": {"dfdc": {"auc": {"value": 0.9}}}}])
def test_missing_measurements_are_stated_and_not_drawn(metrics: dict[str, Any]) -> None:
    html = model_charts(Card("cnn", Preprocessing(128), ("Fake", "Real"), metrics=metrics))
    assert "<svg" not in html
    assert "Whether its probabilities match frequencies was not measured" in html
    assert "Its stability under JPEG, blur, noise or hidden parts of the face was not measured." in html


def test_charts_are_in_turkish_with_its_number_format() -> None:
    with use_language("tr"):
        jpeg = chart_of("JPEG kalitesi")
        assert "AUC 0,90, en kötü 0,60 (50)" in jpeg.label
        assert "bildirilen %8, gerçek %2" in reliability_charts(METRICS)[0].label
        assert "ölçülmediğinden" in model_charts(BARE)
