"""Writes what was measured on unseen sources: figures, predictions, a summary and a picture, and reads them again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.artifact.facts import readable
from model.errors import DatasetError
from model.evaluation.reports import markdown, save
from model.unseen.figures import Said

if TYPE_CHECKING:
    from model.unseen.ridgelines import Ridge

FIGURES, PREDICTIONS, SUMMARY, PICTURE = "unseen.json", "predictions.csv", "summary.md", "ridgelines.png"
SUBJECTS = ("source", "generator", "edit", "by", "group")  # columns that say what a row of the summary is about
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Earlier:
    """What an earlier run wrote into its folder: its figures, and P(Fake) by path."""

    figures: Figures
    p_fake: Mapping[str, float]


def read_earlier(folder: Path) -> Earlier:
    """Read the results of an earlier run.

    Raises:
        DatasetError: if the folder does not hold them.
    """
    import pandas

    try:
        figures = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
        table = pandas.read_csv(folder / PREDICTIONS)
        return Earlier(figures, dict(zip(table["path"], table["p_fake"].astype(float), strict=True)))
    except (OSError, KeyError, ValueError) as error:
        raise DatasetError(f"{folder} holds no results of model unseen: name the --out folder of one.") from error


def write_results(
    folder: Path, name: str, figures: Figures, said: Sequence[Said], earlier: Earlier | None = None
) -> None:
    """Write ``unseen.json``, ``predictions.csv``, ``summary.md`` and ``ridgelines.png`` into a folder.

    Args:
        folder: made if missing.
        name: of the model.
        figures: see ``model.unseen.unseen.measure_unseen``.
        said: of each source and class, reals first.
        earlier: another model's results, to stand beside these.
    """
    import pandas

    from model.unseen.ridgelines import ridgelines

    folder.mkdir(parents=True, exist_ok=True)
    (folder / FIGURES).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    rows = [
        {"path": example.path, "source": of.source, "label": of.label, "p_fake": round(float(p_fake), 6)}
        for of in said
        for example, p_fake in zip(of.examples, of.p_fake, strict=True)
    ]
    pandas.DataFrame(rows).to_csv(folder / PREDICTIONS, index=False)
    (folder / SUMMARY).write_text(summary(name, figures, earlier.figures if earlier else None), encoding="utf-8")
    before = str(earlier.figures["model"]) if earlier else None
    several = {of.source for of in said if of.label == "Fake"} & {of.source for of in said if of.label == "Real"}
    picture = ridgelines(
        [_ridge(of, earlier, of.source in several) for of in said], tuple(figures["band"]), (name, before)
    )
    save(picture, folder / PICTURE)


def _ridge(said: Said, earlier: Earlier | None, name_class: bool) -> "Ridge":
    from model.unseen.ridgelines import Ridge

    known = [earlier.p_fake[e.path] for e in said.examples if e.path in earlier.p_fake] if earlier else []
    name = f"{readable(said.source)}, {said.label.lower()}" if name_class else readable(said.source)
    return Ridge(name, said.label == "Fake", said.p_fake, np.array(known) if known else None)


def summary(name: str, figures: Figures, earlier: Figures | None = None) -> str:
    """The figures as Markdown tables, beside those of an earlier model where given."""
    low, high = figures["band"]
    parts = [
        f"# {name} on sources that it never saw",
        "",
        f"In brackets 95 % bootstrap intervals. The page withholds its verdict for P(Fake) between {low} and {high}.",
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
    """Put an earlier model's value before each measured value of the row that speaks of the same."""
    known = {_subject(row): row for row in earlier}
    for row in rows:
        old = known.get(_subject(row), {})
        for key, value in row.items():
            before = old.get(key, "–")
            if key not in SUBJECTS and (before != value or " (" in value):
                row[key] = f"{before} → {value}"


def _subject(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[key] for key in SUBJECTS if key in row)


def tables(figures: Figures) -> dict[str, list[dict[str, str]]]:
    """The figures as tables by title: one mapping per row, cells ready to read."""
    return {
        "Real faces": [
            {"source": name, "pictures": str(of["pictures"]), **_cells(of, "called_fake", "looks_fake", "inconclusive")}
            for name, of in figures["reals"].items()
        ],
        "Fakes": [
            {"source": name, "pictures": str(of["pictures"]), **_cells(of, "recall", "looks_real", "inconclusive")}
            for name, of in figures["fakes"].items()
        ],
        "Fakes against their real twins": [
            {"source": name, "real / fake": f"{of['real']} / {of['fake']}", **_cells(of, "auc")}
            for name, of in figures["twins"].items()
        ],
        "Generators against real faces": [
            {"generator": name, "real / fake": f"{of['real']} / {of['fake']}", **_cells(of, "auc_alike", "auc")}
            for name, of in figures["generators"].items()
        ],
        "Attention peak inside the change, of fakes called fake": [
            {"source": name, "fakes": str(of["fakes"]), **_cells(of, "attention", "centre")}
            for name, of in figures["peaks"].items()
        ],
        "Learnt by heart: real faces called fake": [
            {
                "source": name,
                "seen / new": f"{of['seen']} / {of['new']}",
                "seen": f"{of['seen_called_fake']:.3f}",
                "new": f"{of['new_called_fake']:.3f}",
                **_cells(of, "difference"),
            }
            for name, of in figures["learnt_by_heart"].items()
        ],
        "Verdicts changed by a mild edit": [
            {"edit": name, **_cells(of, "changed"), "mean move of P(Fake)": _number(of["mean_move"]),
             "face lost": f"{of['lost']:.3f}"}
            for name, of in figures["edits"].items()
            if name != "faces"
        ],
        "Calibration error, reals and fakes counting half each": [
            {"real / fake": f"{of['real']} / {of['fake']}", **_cells(of, "error")}
            for of in [figures["calibration"]]
            if "error" in of
        ],
        "Real faces called fake, by group": [
            {"source": name, "by": kind, "group": group, "pictures": str(of["real"]),
             **_cells(of, "false_accusation_rate")}
            for name, values in figures["reals"].items()
            for kind, groups in values["groups"].items()
            for group, of in groups.items()
        ],
    }  # fmt: skip


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _cells(figures: Figures, *names: str) -> dict[str, str]:
    return {name.replace("_", " "): _cell(figures[name]) for name in names if name in figures}


def _cell(estimate: Mapping[str, float]) -> str:
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}–{estimate['high']:.3f})"
