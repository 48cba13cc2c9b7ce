"""Measures a model on corrupted pictures: what each corruption costs, as tables, curves and figures for the card."""

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
from model.evaluation.measuring import judge, truth_of
from model.evaluation.metrics import accuracy, auc, false_accusation_rate, miss_rate
from model.evaluation.plots import robustness_curves
from model.evaluation.reports import save
from model.photos.corruptions import CLEAN, conditions

ROUNDS = 300  # bootstrap resamples of each of the many figures
MEASURED: dict[str, Measure] = {
    "false_accusation_rate": false_accusation_rate,
    "miss_rate": miss_rate,
    "accuracy": accuracy,
    "auc": auc,
}
JSON = "robustness.json"
Figures = dict[str, dict[str, Any]]  # by condition and measure


def sample(examples: Sequence[Example], limit: int, seed: int) -> list[Example]:
    """At most ``limit`` pictures of each class of each split, drawn by ``seed``; all where ``limit`` is 0."""
    return draw(examples, dict.fromkeys((*SPLITS, UNSPLIT), limit), seed) if limit else list(examples)


def condition_figures(clean: Scores, corrupted: Scores, is_fake: Truth) -> dict[str, Any]:
    """Figures of one condition, with what it costs against the same pictures uncorrupted.

    ``accuracy_loss`` and ``auc_loss`` come from resamples that both share, so that the pictures' own spread is out.
    Pictures without a corrupted score (nan) are left out; empty where none is left.
    """
    known = np.isfinite(corrupted)
    clean, corrupted, is_fake = clean[known], corrupted[known], is_fake[known]
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
    """Measure every data set under every condition, write tables and curves into ``folder``.

    Data sets that ``robustness.json`` in the folder already holds are taken from there.

    Args:
        detector: the model.
        data: the folder that the examples' paths start from.
        members: the pictures, by data set.
        folder: where files go, and where what was done before lies.
        limit: pictures of each class, split and set to draw; 0 takes all.
        seed: decides draw and noise.

    Returns:
        By data set, condition and measure.
    """
    done: dict[str, Figures] = json.loads((folder / JSON).read_text()) if (folder / JSON).exists() else {}
    for name, examples in members.items():
        if name in done:
            continue
        drawn, names = sample(examples, limit, seed), conditions()
        with tqdm(total=len(drawn) * len(names), desc=f"{name}, corrupted", unit="picture") as bar:
            said = judge(detector, data, drawn, names, seed, bar.update)
        is_fake = truth_of(drawn)
        figures = {condition: condition_figures(said[CLEAN], p_fake, is_fake) for condition, p_fake in said.items()}
        done[name] = {condition: values for condition, values in figures.items() if values}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / JSON).write_text(json.dumps(done, indent=1) + "\n")
    done = {name: done[name] for name in members}
    write_table(done, folder / "robustness.csv")
    for measure in MEASURED:
        if any(measure in figures.get(CLEAN, {}) for figures in done.values()):
            save(robustness_curves(done, measure), folder / f"robustness_{measure}.png")
    return done


def write_table(figures: Mapping[str, Figures], path: Path) -> None:
    """One row per data set and condition, three columns per measure; empty where it was not measured."""
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
    """The same for a model's card, which has little room: intervals are kept for the loss of AUC alone."""

    def short(values: Mapping[str, Any]) -> dict[str, Any]:
        counts = {key: values[key] for key in ("real", "fake")}
        rates = {key: values[key]["value"] for key in MEASURED if key in values}
        return {**counts, **rates, **({"auc_loss": values["auc_loss"]} if "auc_loss" in values else {})}

    return {name: {condition: short(values) for condition, values in of.items()} for name, of in figures.items()}
