"""Writes and reads the results on unseen sources: figures, predictions, a summary and a picture."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.artifact.facts import readable
from model.errors import DatasetError
from model.evaluation.reports import markdown, save, with_interval
from model.unseen.figures import SourceScores

if TYPE_CHECKING:
    from model.unseen.ridgelines import Ridge

FIGURES, PREDICTIONS, SUMMARY, PICTURE = "unseen.json", "predictions.csv", "summary.md", "ridgelines.png"
SUBJECTS = ("source", "generator", "edit", "by", "group")  # columns that identify a row of the summary
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Earlier:
    """The results of an earlier run: its figures, and P(Fake) by path."""

    figures: Figures
    p_fake: Mapping[str, float]


def read_earlier(folder: Path) -> Earlier:
    """Read the results of an earlier run.

    Raises:
        DatasetError: if the folder does not contain them.
    """
    import pandas

    try:
        figures = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
        table = pandas.read_csv(folder / PREDICTIONS)
        return Earlier(figures, dict(zip(table["path"], table["p_fake"].astype(float), strict=True)))
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(
            f"{folder} holds no results of model unseen: name the --out folder of such a run."
        ) from error


def write_results(
    folder: Path, name: str, figures: Figures, sources: Sequence[SourceScores], earlier: Earlier | None = None
) -> None:
    """Write ``unseen.json``, ``predictions.csv``, ``summary.md`` and ``ridgelines.png`` into a folder.

    Args:
        folder: made if missing.
        name: the model's.
        figures: see ``model.unseen.unseen.measure_unseen``.
        sources: the scores of each source and class, reals first.
        earlier: another model's results, shown beside these.
    """
    import pandas

    from model.unseen.ridgelines import ridgelines

    folder.mkdir(parents=True, exist_ok=True)
    (folder / FIGURES).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    rows = [
        {"path": example.path, "source": scores.source, "label": scores.label, "p_fake": round(float(p_fake), 6)}
        for scores in sources
        for example, p_fake in zip(scores.examples, scores.p_fake, strict=True)
    ]
    pandas.DataFrame(rows).to_csv(folder / PREDICTIONS, index=False)
    (folder / SUMMARY).write_text(summary(name, figures, earlier.figures if earlier else None), encoding="utf-8")
    before = str(earlier.figures["model"]) if earlier else None
    fakes, reals = ({scores.source for scores in sources if scores.label == label} for label in ("Fake", "Real"))
    ridges = [_ridge(scores, earlier, scores.source in fakes & reals) for scores in sources]
    save(ridgelines(ridges, tuple(figures["band"]), (name, before)), folder / PICTURE)


def _ridge(scores: SourceScores, earlier: Earlier | None, name_class: bool) -> "Ridge":
    from model.unseen.ridgelines import Ridge

    earlier_p_fake = [earlier.p_fake[e.path] for e in scores.examples if e.path in earlier.p_fake] if earlier else []
    name = f"{readable(scores.source)}, {scores.label.lower()}" if name_class else readable(scores.source)
    return Ridge(name, scores.label == "Fake", scores.p_fake, np.array(earlier_p_fake) if earlier_p_fake else None)


def summary(name: str, figures: Figures, earlier: Figures | None = None) -> str:
    """The figures as Markdown tables, beside those of an earlier model if given."""
    low, high = figures["band"]
    parts = [
        f"# {name} on sources that it was not trained on",
        "",
        f"In brackets 95% bootstrap intervals. The page withholds its verdict for P(Fake) between {low} and {high}.",
    ]
    if lost := {source: count for source, count in figures["without_face"].items() if count}:
        named = ", ".join(f"{source} {count}" for source, count in lost.items())
        parts.append(f"Left out because no face was found: {named}.")
    for title, rows in tables(figures).items():
        if not rows:
            continue
        if earlier:
            _add_before(rows, tables(earlier)[title])
        parts += ["", f"## {title}", "", markdown(rows).strip()]
    return "\n".join(parts) + "\n"


def _add_before(rows: list[dict[str, str]], earlier: Sequence[Mapping[str, str]]) -> None:
    """Put an earlier model's value before each measured value of the row with the same subject."""
    earlier_rows = {_subject(row): row for row in earlier}
    for row in rows:
        old = earlier_rows.get(_subject(row), {})
        for key, value in row.items():
            before = old.get(key, "–")
            if key not in SUBJECTS and (before != value or " (" in value):
                row[key] = f"{before} → {value}"


def _subject(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[key] for key in SUBJECTS if key in row)


def tables(figures: Figures) -> dict[str, list[dict[str, str]]]:
    """The figures as tables by title: one mapping per row, cells as text."""
    return {
        "Real faces": [
            {"source": name, "pictures": str(values["pictures"]),
             **_cells(values, "called_fake", "looks_fake", "inconclusive")}
            for name, values in figures["reals"].items()
        ],
        "Fakes": [
            {"source": name, "pictures": str(values["pictures"]),
             **_cells(values, "recall", "looks_real", "inconclusive")}
            for name, values in figures["fakes"].items()
        ],
        "Fakes against their real twins": [
            {"source": name, "real / fake": f"{values['real']} / {values['fake']}", **_cells(values, "auc")}
            for name, values in figures["twins"].items()
        ],
        "Generators against real faces": [
            {"generator": name, "real / fake": f"{values['real']} / {values['fake']}",
             **_cells(values, "auc_alike", "auc")}
            for name, values in figures["generators"].items()
        ],
        "Attention peak inside the change, of fakes called fake": [
            {"source": name, "fakes": str(values["fakes"]), **_cells(values, "attention", "centre")}
            for name, values in figures["peaks"].items()
        ],
        "Real faces of the training's sources called fake": [
            {
                "source": name,
                "seen / new": f"{values['seen']} / {values['new']}",
                "seen": f"{values['seen_called_fake']:.3f}",
                "new": f"{values['new_called_fake']:.3f}",
                **_cells(values, "difference"),
            }
            for name, values in figures["learnt_by_heart"].items()
        ],
        "Verdicts changed by a mild edit": [
            {"edit": name, **_cells(values, "changed"), "mean move of P(Fake)": _number(values["mean_move"]),
             "face lost": f"{values['lost']:.3f}"}
            for name, values in figures["edits"].items()
            if name != "faces"
        ],
        "Calibration error, reals and fakes counting half each": [
            {"real / fake": f"{values['real']} / {values['fake']}", **_cells(values, "error")}
            for values in [figures["calibration"]]
            if "error" in values
        ],
        "Real faces called fake, by group": [
            {"source": name, "by": kind, "group": group, "pictures": str(values["real"]),
             **_cells(values, "false_accusation_rate")}
            for name, source in figures["reals"].items()
            for kind, groups in source["groups"].items()
            for group, values in groups.items()
        ],
    }  # fmt: skip


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _cells(figures: Figures, *names: str) -> dict[str, str]:
    return {name.replace("_", " "): with_interval(figures[name]) for name in names if name in figures}
