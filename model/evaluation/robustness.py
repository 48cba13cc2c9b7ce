"""Measures how much a model loses under each corruption, as tables, curves and figures for the card."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from model.data.layout import SPLITS, UNSPLIT, Example
from model.data.split import draw
from model.detector.detector import Detector
from model.evaluation.bootstrap import Measure, Scores, Truth, bootstrap
from model.evaluation.files import ROBUSTNESS, ROBUSTNESS_TABLE
from model.evaluation.measuring import judge, truth_of
from model.evaluation.metrics import accuracy, auc, false_accusation_rate, miss_rate
from model.evaluation.plots import robustness_curves
from model.evaluation.reports import save
from model.photos.corruptions import CLEAN, conditions

ROUNDS = 300  # bootstrap resamples, fewer than usual because there are many figures
MEASURED: dict[str, Measure] = {
    "false_accusation_rate": false_accusation_rate,
    "miss_rate": miss_rate,
    "accuracy": accuracy,
    "auc": auc,
}
Figures = dict[str, dict[str, Any]]  # by condition and measure


def sample(examples: Sequence[Example], limit: int, seed: int) -> list[Example]:
    """At most ``limit`` pictures of each class, split and data set, drawn with ``seed``; all if ``limit`` is 0."""
    return draw(examples, dict.fromkeys((*SPLITS, UNSPLIT), limit), seed) if limit else list(examples)


def condition_figures(clean: Scores, corrupted: Scores, is_fake: Truth) -> dict[str, Any]:
    """Figures of one condition, with the loss compared with the same pictures uncorrupted.

    ``accuracy_loss`` and ``auc_loss`` use the same resamples for both, which removes the variation between pictures.
    Pictures without a corrupted score (nan) are left out; the result is empty if none is left.

    Args:
        clean: P(Fake) of the uncorrupted pictures, ``(N,)``.
        corrupted: P(Fake) of the corrupted pictures, ``(N,)``.
        is_fake: the truth, ``(N,) bool``.
    """
    scored = np.isfinite(corrupted)
    clean, corrupted, is_fake = clean[scored], corrupted[scored], is_fake[scored]
    if not len(is_fake):
        return {}
    figures: dict[str, Any] = {"real": int((~is_fake).sum()), "fake": int(is_fake.sum())}
    both = np.stack([clean, corrupted], axis=1)
    for name, function in MEASURED.items():
        estimate = bootstrap(function, corrupted, is_fake, ROUNDS, is_share=True)
        if np.isfinite(estimate.value):
            figures[name] = estimate.rounded()
            if name in ("accuracy", "auc"):
                figures[f"{name}_loss"] = bootstrap(_loss_of(function), both, is_fake, ROUNDS).rounded()
    return figures


def _loss_of(measure: Measure) -> Measure:
    return lambda both, truth: measure(both[:, 0], truth) - measure(both[:, 1], truth)


def measure_robustness(
    detector: Detector,
    data: Path,
    members: Mapping[str, Sequence[Example]],
    folder: Path,
    limit: int,
    seed: int,
) -> dict[str, Figures]:
    """Measure every data set under every condition, and write tables and curves into ``folder``.

    Args:
        detector: the model.
        data: the data folder.
        members: the pictures, by data set.
        folder: folder for the files; created if missing.
        limit: maximum number of pictures of each class, split and set; 0 takes all.
        seed: decides which pictures are drawn, and the noise.

    Returns:
        Figures by data set, condition and measure.
    """
    done: dict[str, Figures] = {}
    for name, examples in members.items():
        drawn, names = sample(examples, limit, seed), conditions()
        with tqdm(total=len(drawn) * len(names), desc=f"{name}, corrupted", unit="picture") as bar:
            scores = judge(detector, data, drawn, names, seed, bar.update)
        is_fake = truth_of(drawn)
        figures = {condition: condition_figures(scores[CLEAN], p_fake, is_fake) for condition, p_fake in scores.items()}
        done[name] = {condition: values for condition, values in figures.items() if values}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ROBUSTNESS).write_text(json.dumps(done, indent=1) + "\n")
    write_table(done, folder / ROBUSTNESS_TABLE)
    for measure in MEASURED:
        if any(measure in figures.get(CLEAN, {}) for figures in done.values()):
            save(robustness_curves(done, measure), folder / f"robustness_{measure}.png")
    return done


def write_table(figures: Mapping[str, Figures], path: Path) -> None:
    """Write one row per data set and condition, three columns per measure; cells that were not measured are empty."""
    names = [*MEASURED, "accuracy_loss", "auc_loss"]
    columns = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["dataset", "condition", "real", "fake", *columns])
        for dataset, by_condition in figures.items():
            for condition, values in by_condition.items():
                cells = [values.get(name, {}).get(key, "") for name in names for key in ("value", "low", "high")]
                writer.writerow([dataset, condition, values["real"], values["fake"], *cells])


def for_card(figures: Mapping[str, Figures]) -> dict[str, Figures]:
    """The figures for a model's card, which must stay small: only ``auc_loss`` keeps its interval."""

    def short(values: Mapping[str, Any]) -> dict[str, Any]:
        counts = {key: values[key] for key in ("real", "fake")}
        rates = {key: values[key]["value"] for key in MEASURED if key in values}
        return {**counts, **rates, **({"auc_loss": values["auc_loss"]} if "auc_loss" in values else {})}

    return {name: {condition: short(values) for condition, values in found.items()} for name, found in figures.items()}
