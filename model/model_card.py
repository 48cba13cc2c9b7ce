"""Writes the model card from card.json: ``python -m model.model_card model/weights/lite_attention``."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from model.artifact import SHIPPED, Card, read_card
from model.card_figures import attention, calibration, cross_set, failures, figures, verdicts
from model.card_parts import WHOLE, Section, Table, by_value, name_of, readable, span, tested, trained_on
from model.card_robustness import robustness
from model.cli import run

MEANT_FOR_NOTHING_ELSE = (
    "Not for proof, for decisions about a person, for sorting content by machine, or for pictures without a face.",
    "Not for commercial use, unless the licence below allows it.",
)
OFTEN = 0.1  # rate of mistakes from which they are called frequent
NOT_TOLD = {"data", "out", "faces", "backbone", "split"}  # names of files on the machine that trained, digests
REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENT = Path("docs/model_card.md")  # the shipped model's


def what_it_is(card: Card) -> Section:
    """Architecture, input and output."""
    size = card.preprocessing.input_size
    low, high = card.inconclusive_band
    return Section(
        "what",
        "What it is",
        (
            f"{name_of(card)} judges one face: it takes a square crop, shrunk to {size} × {size} pixels, and says "
            "how likely it is that the face was generated or manipulated.",
            f"From P(Fake) {high:.2f} on the page says Looks fake, up to {low:.2f} Looks real; in between it says "
            "Inconclusive and gives no verdict.",
            _headline(card),
        ),
    )


def _headline(card: Card) -> str:
    accused, missed = by_value(card, "false_accusation_rate"), by_value(card, "miss_rate")
    if not accused and not missed:
        return "Its mistakes were not measured: trust none of its verdicts."
    worst = max([value for value, _ in accused[-1:]] + [value for value, _ in missed[-1:]])
    parts = []
    if accused:
        parts.append(f"calls {span(accused)} of real photos fake")
    if missed:
        parts.append(f"takes {span(missed)} of fakes for real")
    often = "It is wrong often" if worst >= OFTEN else "It is sometimes wrong"
    return f"{often}: at P(Fake) = 0.5, depending on the test set, it {' and '.join(parts)}."


def intended_use(card: Card) -> Section:
    """What it is for, and what it is not for."""
    sets = ", ".join(readable(name) for name in tested(card))
    known = (
        f"It was measured on these pictures only: {sets}. What it does on others, by newer generators above all, "
        "is not known."
        if sets
        else "It was not measured on any pictures, so nothing is known of where it holds."
    )
    purpose = (
        "An aid for looking closer at a portrait, for research, teaching and demonstration. A person decides, with "
        "other evidence: where the picture comes from, what its file says, who has it first."
    )
    return Section("use", "Intended use", (purpose, *MEANT_FOR_NOTHING_ELSE, known))


def training_data(card: Card) -> Section:
    """What it learnt from, and under which terms."""
    data = trained_on(card)
    if not data:
        return Section("training", "Training data", ("The card does not say what it was trained on.",))
    unseen = [readable(name) for name in tested(card) if name not in data]
    sentences = [f"Trained on {len(data)} source{'s' if len(data) > 1 else ''} of pictures."]
    if unseen:
        sentences.append(f"Tested, but never trained on: {', '.join(unseen)}.")
    rows = tuple((name, str(words)) for name, words in data.items())
    head = ("Data set", "What it is, and its terms")
    return Section("training", "Training data", tuple(sentences), Table(head, rows))


def robustness_section(card: Card) -> Section:
    """How it bears corrupted pictures."""
    sentences, head, rows = robustness(card.metrics.get("test_corruptions", {}), readable)
    return Section("robustness", "Corrupted pictures", sentences, Table(head, rows) if rows else None)


def licence(card: Card) -> Section:
    """Under which terms the weights may be used."""
    return Section("licence", "Licence of the weights", (card.licence,))


BUILDERS: tuple[Callable[[Card], Section], ...] = (
    what_it_is,
    intended_use,
    training_data,
    figures,
    verdicts,
    calibration,
    cross_set,
    robustness_section,
    failures,
    attention,
    licence,
)


def facts(card: Card) -> tuple[Section, ...]:
    """Everything that a model's card tells its readers, matter by matter.

    Built from the card alone: other numbers give other sentences, and what was not measured is said to be so.
    """
    return tuple(build(card) for build in BUILDERS)


def markdown(card: Card, folder: Path = SHIPPED) -> str:
    """The model card as Markdown, from the card alone but for the ``folder`` that its commands name."""
    parts = [
        f"# Model card: {name_of(card)}",
        "",
        "Written by `python -m model.model_card` from the model's `card.json`; every sentence follows the numbers",
        "there. Do not edit it: measure anew, and write it anew.",
    ]
    for section in facts(card):
        parts += ["", *_section(section)]
    parts += ["", *_reproduction(card, folder)]
    return "\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    lines = [f"## {section.title}", "", *(f"- {sentence}" for sentence in section.sentences)]
    if section.table is not None:
        rule = "|" + "---|" * len(section.table.head)
        rows = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in section.table.rows]
        lines += ["", f"| {' | '.join(section.table.head)} |", rule, *rows]
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _is_shipped(folder: Path) -> bool:
    return folder.resolve() == SHIPPED.resolve()


def _reproduction(card: Card, folder: Path) -> list[str]:
    inside = folder.resolve()
    named = inside.relative_to(REPOSITORY) if inside.is_relative_to(REPOSITORY) else folder
    name, out = shlex.quote(named.as_posix()), f" --out {DOCUMENT}" if _is_shipped(folder) else ""
    whole = " --whole-pictures" if card.training.get("pictures") == WHOLE else ""
    lines = [
        "## How to measure it again",
        "",
        "```",
        f"python -m model.evaluate {name} DATA{whole} --corruptions --write",
        f"python -m model.model_card {name}{out}",
        "```",
        "",
    ]
    arguments = {key: value for key, value in card.training.get("arguments", {}).items() if key not in NOT_TOLD}
    if arguments:
        told = ", ".join(f"{key.replace('_', ' ')} {_told(value)}" for key, value in arguments.items())
        lines.append(f"- Trained with: {told}.")
    if card.versions:
        lines.append(f"- Written with: {', '.join(f'{name} {number}' for name, number in card.versions.items())}.")
    lines += [f"- SHA-256 of `{name}`: `{digest}`" for name, digest in card.sha256.items()]
    return lines if lines[-1] else lines[:-1]


def _told(value: object) -> str:
    """An argument's value in words."""
    if isinstance(value, dict):
        return " and ".join(f"{part} of {key}" for key, part in value.items())
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return str(value)


def write_model_card(
    artifact: Annotated[Path, typer.Argument(help="Model folder; only its card.json is read.")] = SHIPPED,
    out: Annotated[
        Path | None,
        typer.Option(help="Markdown file to write.", show_default="docs/model_card.md, or FOLDER/model_card.md"),
    ] = None,
) -> None:
    """Write what the model is, what it was trained on, what was measured of it and whom it fails most."""
    text = markdown(read_card(artifact), artifact)
    if out is None:  # the document in the repository is the shipped model's
        out = DOCUMENT if _is_shipped(artifact) else artifact / DOCUMENT.name
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    print(f"Wrote {out}.")


if __name__ == "__main__":
    run(write_model_card)
