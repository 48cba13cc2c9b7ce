"""Tests of charts and plots: they show the correct numbers, and pictures are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model.errors import DatasetError
from model.evaluation.bootstrap import Estimate
from model.evaluation.charts import CHARTS, chart, charts_for, overview, save_charts
from model.evaluation.metrics import SetScores, auc, expected_calibration_error, risk_coverage
from model.evaluation.plots import read_history, robustness_curves, training_curves, transfer_matrix
from model.evaluation.reports import FAKE, REAL, save, styled
from model.photos.corruptions import CLEAN, CORRUPTIONS, conditions

IS_FAKE = np.array([True] * 30 + [False] * 50)
P_FAKE = np.round(np.clip(np.random.default_rng(0).normal(0.35 + 0.3 * IS_FAKE, 0.2), 0, 1), 3)
SWAPS = SetScores("swaps", P_FAKE, IS_FAKE, (0.4, 0.6))
REALS = SetScores("reals", P_FAKE[30:], IS_FAKE[30:], (0.4, 0.6))


def texts(figure: Figure) -> list[str]:
    """All texts of a figure, including legends and titles."""
    found = [figure.get_suptitle()]
    for axes in figure.axes:
        found += [axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()]
        found += [text.get_text() for text in axes.texts]
        legend = axes.get_legend()
        found += [text.get_text() for text in legend.get_texts()] if legend else []
    return found


def lines(axes: Axes) -> dict[str, np.ndarray]:
    """Points ``(n, 2)`` of each line by its label."""
    return {str(line.get_label()): np.asarray(line.get_xydata()) for line in axes.get_lines()}


# Charts of a data set


def test_confusion_matrix_counts_all_four_outcomes() -> None:
    found = texts(chart("confusion", SWAPS))
    called = P_FAKE >= 0.5
    for is_fake, called_fake in ((True, True), (True, False), (False, True), (False, False)):
        assert str(int(np.sum((is_fake == IS_FAKE) & (called == called_fake)))) in found
    missed = np.mean(~called[IS_FAKE])
    assert f"{missed:.1%} missed" in found and any("falsely accused" in text for text in found)


def test_confusion_matrix_of_one_class_marks_the_missing_class() -> None:
    found = texts(chart("confusion", REALS))
    assert found.count("none in this set") == 2
    assert not any("nan" in text or "missed" in text for text in found)


def test_class_colours_are_those_of_the_page() -> None:
    (axes,) = chart("confusion", SWAPS).axes
    colours = {patch.get_facecolor()[:3] for patch in axes.patches}
    assert len(colours) == 2
    assert (REAL, FAKE) == ("#0072B2", "#D55E00")


@pytest.mark.slow
def test_roc_names_the_auc_and_marks_the_threshold() -> None:
    figure = chart("roc", SWAPS)
    assert any(text.startswith(f"AUC {auc(P_FAKE, IS_FAKE):.3f} (") for text in texts(figure))
    (point,) = lines(figure.axes[0])["at P(Fake) = 0.5"]
    assert point == pytest.approx([np.mean(P_FAKE[~IS_FAKE] >= 0.5), np.mean(P_FAKE[IS_FAKE] >= 0.5)])
    curve = lines(figure.axes[0])["this model"]
    assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(auc(P_FAKE, IS_FAKE))


@pytest.mark.slow
def test_precision_and_recall_are_marked_at_the_threshold() -> None:
    figure = chart("precision_recall", SWAPS)
    (point,) = lines(figure.axes[0])["at P(Fake) = 0.5"]
    assert point == pytest.approx([np.mean(P_FAKE[IS_FAKE] >= 0.5), np.mean(IS_FAKE[P_FAKE >= 0.5])])
    assert "calling all fake (38%)" in texts(figure)


def test_reliability_shows_every_bin_with_its_count() -> None:
    figure = chart("reliability", SWAPS)
    counts = [int(text) for text in texts(figure) if text.isdigit()]
    assert sum(counts) == len(P_FAKE)
    assert any(f"{expected_calibration_error(P_FAKE, IS_FAKE):.3f}" in text for text in texts(figure))


def test_risk_curve_ends_at_the_error_rate_and_marks_the_band() -> None:
    figure = chart("risk_coverage", SWAPS)
    decided = (P_FAKE <= 0.4) | (P_FAKE >= 0.6)
    wrong = np.mean((P_FAKE >= 0.5)[decided] != IS_FAKE[decided])
    assert f"page's verdicts ({decided.mean():.0%} judged, {wrong:.1%} wrong)" in texts(figure)
    curves = [points for points in lines(figure.axes[0]).values() if len(points) > 2]
    assert curves[0][-1] == pytest.approx([1, risk_coverage(P_FAKE, IS_FAKE)[1][-1]])


def test_scores_show_the_inconclusive_share() -> None:
    share = np.mean((P_FAKE > 0.4) & (P_FAKE < 0.6))
    assert f"{share:.1%} inconclusive" in texts(chart("scores", SWAPS))
    assert "Fake (30)" in texts(chart("scores", SWAPS)) and "Fake (0)" not in texts(chart("scores", REALS))


@pytest.mark.slow
def test_one_class_gets_only_charts_that_need_one_class() -> None:
    assert charts_for(SWAPS) == list(CHARTS)
    assert charts_for(REALS) == ["confusion", "scores", "risk_coverage"]
    both = overview(SWAPS)
    assert len(overview(REALS).axes) == 3 and len(both.axes) == len(CHARTS)
    assert both.get_suptitle() == "swaps: 50 real, 30 fake"


@pytest.mark.slow
@pytest.mark.parametrize(("p_fake", "is_fake"), [([0.5, 0.5], [True, False]), ([0.1, 0.2, 0.3], [True, True, False])])
def test_tiny_sets_are_drawn_too(p_fake: list[float], is_fake: list[bool]) -> None:
    scores = SetScores("tiny", np.array(p_fake), np.array(is_fake))
    for name in charts_for(scores):
        assert chart(name, scores).axes


@pytest.mark.slow
def test_charts_are_written_as_pictures_that_are_not_blank(tmp_path: Path) -> None:
    paths = save_charts(REALS, tmp_path / "new" / "reals")
    assert sorted(path.stem for path in paths) == ["confusion", "overview", "risk_coverage", "scores"]
    for path in paths:
        pixels = cv2.imread(str(path))
        assert pixels is not None and min(pixels.shape[:2]) >= 500
        assert (pixels[:4] == 255).all() and np.ptp(pixels) > 100


def test_matplotlib_style_is_restored() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    with styled():
        assert matplotlib.rcParams["axes.titlelocation"] == "left"
    chart("scores", SWAPS)
    assert dict(matplotlib.rcParams) == before


# Training curves


def test_history_has_a_panel_per_measure(tmp_path: Path) -> None:
    table = tmp_path / "history.csv"
    table.write_text(
        "epoch,loss,auc,val_loss,val_auc,note\n0,0.7,0.5,0.6,0.6,a\n1,0.5,0.7,0.4,0.8,b\n2,0.3,0.9,0.5,0.7,c\n"
    )
    history = read_history(table)
    assert history["val_loss"] == [0.6, 0.4, 0.5] and "note" not in history
    figure = training_curves(history, "lite")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Loss", "AUC"]
    drawn = lines(figure.axes[1])
    assert drawn["training"][:, 1].tolist() == [0.5, 0.7, 0.9] and drawn["validation"][:, 0].tolist() == [1, 2, 3]
    assert drawn["least validation loss"].tolist() == [[2, 0.8]]
    assert "validation 0.800 at epoch 2" in texts(figure)


def test_history_may_have_only_training_or_only_validation(tmp_path: Path) -> None:
    assert [a.get_title(loc="left") for a in training_curves({"loss": [2.0, 1.0]}).axes] == ["Loss"]
    (alone,) = training_curves({"val_auc": [0.5, 0.6], "epoch": [0, 1]}).axes
    assert list(lines(alone)) == ["validation"]


def test_validation_measure_without_a_training_measure_has_its_own_panel() -> None:
    loss, auc_of_set = training_curves({"loss": [2.0, 1.0], "val_swaps_auc": [0.5, 0.6]}).axes
    assert list(lines(loss)) == ["training"] and list(lines(auc_of_set)) == ["validation"]
    assert lines(auc_of_set)["validation"][:, 1].tolist() == [0.5, 0.6]


@pytest.mark.parametrize("text", ["", "epoch,loss\n", None])
def test_history_without_epochs_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "history.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DatasetError, match=r"history\.csv"):
        read_history(path)


# Robustness and transfer


def robustness(value: float) -> dict[str, Any]:
    estimate = {"value": value, "low": value - 0.05, "high": value + 0.05}
    return {name: {"auc": dict(estimate)} for name in conditions()}


@pytest.mark.slow
def test_robustness_has_a_panel_per_corruption_and_a_line_per_set() -> None:
    figures = {"one": robustness(0.9), "two": robustness(0.7), "reals": {CLEAN: {"accuracy": {}}}}
    figures["one"]["jpeg 20"]["auc"]["value"] = 0.55
    figure = robustness_curves(figures, "auc")
    assert sum(axes.get_visible() for axes in figure.axes) == len(CORRUPTIONS), (
        "empty panels at the end of the last row are hidden"
    )
    assert "not measured" not in texts(figure)
    jpeg = lines(figure.axes[list(CORRUPTIONS).index("jpeg")])
    assert jpeg["one"][:, 1].tolist() == [0.9] * 6 + [0.55] and jpeg["two"][0].tolist() == [0, 0.7]
    assert "reals" not in jpeg
    ticks = [tick.get_text() for tick in figure.axes[list(CORRUPTIONS).index("contrast")].get_xticklabels()]
    assert ticks.index("original") == 2 and len(ticks) == 5


@pytest.mark.slow
def test_robustness_leaves_out_conditions_that_were_not_measured() -> None:
    figures = {"one": {key: value for key, value in robustness(0.9).items() if not key.startswith("eyes")}}
    figure = robustness_curves(figures, "auc")
    assert lines(figure.axes[list(CORRUPTIONS).index("eyes")])["one"].tolist() == [[0, 0.9]]
    assert texts(figure).count("not measured") == 1
    figure.draw_without_rendering()  # tests of the commands replace this figure by an empty one


def test_matrix_shows_value_and_interval_and_frames_the_training_sets() -> None:
    estimates = {
        "a": {"dfdc": Estimate(0.9, 0.88, 0.92), "ffhq": Estimate(float("nan"), 0, 0)},
        "b": {"dfdc": Estimate(0.5, 0.4, 0.6)},
    }
    figure = transfer_matrix(estimates, {"a": ["dfdc"]})
    found = texts(figure)
    assert {"0.900", "0.880 to 0.920", "0.500"} <= set(found) and found.count("not measured") == 2
    frames = [patch for patch in figure.axes[0].patches if not patch.get_fill()]
    assert len(frames) == 1
    tints = [patch.get_alpha() for patch in figure.axes[0].patches if patch.get_fill()]
    assert tints[0] > tints[2], "a better figure is a darker cell"


def test_saving_creates_the_folder(tmp_path: Path) -> None:
    assert save(training_curves({"loss": [1.0]}), tmp_path / "a" / "b.png").stat().st_size > 1000
