"""Writes the model card from card.json: ``python -m model model_card model/weights/lite_attention``."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from model.artifact.card import FACE, LEGACY, LICENCE, NO_LICENCE, Card, named_after, read_card
from model.artifact.facts import WHOLE, assumed_labels, name_of, readable, tested, trained_on, translated_text
from model.cli import print_report_path
from model.detector.detector import VERDICTS
from model.i18n.catalogue import translate
from model.model_card.figures import attention, calibration, cross_set, failures, figures, verdicts
from model.model_card.parts import Section, Table, by_value, span
from model.model_card.robustness import robustness
from model.model_card.unseen import edits, unseen, unseen_of
from model.paths import ROOT, SHIPPED

OFTEN = 0.1  # rate from which mistakes are called frequent
HIDDEN_ARGUMENTS = {"artifact", "data", "out", "faces", "backbone", "split"}  # local paths and digests
REPOSITORY = ROOT.resolve()
DOCUMENT = Path("docs/model_card.md")  # the shipped model's


def what_it_is(card: Card) -> Section:
    """Architecture, input and output."""
    low, high = card.inconclusive_band
    verdicts = {name.lower(): translate(f"verdict.{name}") for name in VERDICTS}
    return Section(
        "what",
        translate("card.what.title"),
        (
            _judges(card),
            translate("card.what.band", low=low, high=high, **verdicts),
            *filter(None, (assumed_labels(card),)),
            _headline(card),
        ),
    )


def _judges(card: Card) -> str:
    if card.parts:
        names = ", ".join(part.name for part in card.parts)
        return translate("card.what.combined", count=len(card.parts), names=names)
    key = "card.what.judges" if card.sees == FACE else "card.what.sees"
    return translate(key, name=name_of(card), size=card.preprocessing.input_size)


def _headline(card: Card) -> str:
    accused, missed = by_value(card, "false_accusation_rate"), by_value(card, "miss_rate")
    if not accused and not missed:
        return translate("card.wrong.unmeasured")
    worst = max([value for value, _ in accused[-1:]] + [value for value, _ in missed[-1:]])
    accuses = translate("card.wrong.accuses", share=span(accused)) if accused else ""
    misses = translate("card.wrong.misses", share=span(missed)) if missed else ""
    both = accuses and misses and translate("card.wrong.both", accuses=accuses, misses=misses)
    return translate(
        "card.wrong.often" if worst >= OFTEN else "card.wrong.sometimes", mistakes=both or accuses or misses
    )


def intended_use(card: Card) -> Section:
    """Its intended and unintended uses."""
    figures = unseen_of(card)
    names = dict.fromkeys([*tested(card), *figures.get("reals", ()), *figures.get("fakes", ())])
    sets = ", ".join(map(readable, names))
    measured = translate("card.use.measured_on", sets=sets) if sets else translate("card.use.unmeasured")
    no_proof = translate("card.use.no_proof" if card.sees == FACE else "card.use.no_proof_of_pictures")
    not_for = (no_proof, translate("card.use.not_commercial"))
    return Section("use", translate("card.use.title"), (translate("card.use.purpose"), *not_for, measured))


def training_data(card: Card) -> Section:
    """Its training data and their terms of use."""
    title, data = translate("card.training.title"), trained_on(card)
    if not data:
        return Section("training", title, (translate("card.training.unknown"),))
    unseen = [readable(name) for name in tested(card) if name not in data]
    sentences = [translate("card.training.sources", count=len(data))]
    if unseen:
        sentences.append(translate("card.training.unseen", sets=", ".join(unseen)))
    rows = tuple((name, translated_text(f"terms.{name}", str(words))) for name, words in data.items())
    head = (translate("card.column.data_set"), translate("card.training.terms"))
    return Section("training", title, tuple(sentences), Table(head, rows))


def robustness_section(card: Card) -> Section:
    """How stable it is under corruptions."""
    sentences, head, rows = robustness(card.metrics.get("test_corruptions", {}), readable)
    return Section("robustness", translate("card.robustness.title"), sentences, Table(head, rows) if rows else None)


def licence(card: Card) -> Section:
    """The terms of use of the weights."""
    texts = {LICENCE: translate("card.licence.owners"), NO_LICENCE: translate("card.licence.unknown")}
    return Section(
        "licence",
        translate("card.licence.title"),
        (texts.get(card.licence, translated_text("card.licence.research", card.licence)),),
    )


BUILDERS: tuple[Callable[[Card], Section], ...] = (
    what_it_is,
    intended_use,
    training_data,
    figures,
    verdicts,
    calibration,
    cross_set,
    unseen,
    robustness_section,
    edits,
    failures,
    attention,
    licence,
)


def facts(card: Card) -> tuple[Section, ...]:
    """All sections of a model card.

    They follow only from the card: other numbers give other sentences, and missing measurements are stated.
    """
    return tuple(build(card) for build in BUILDERS)


def markdown(card: Card, folder: Path = SHIPPED) -> str:
    """The model card as Markdown; ``folder`` is the model folder that its commands name."""
    parts = [
        f"# Model card: {name_of(card) if card.architecture == LEGACY else named_after(folder).name}",
        "",
        "Written by `python -m model model_card` from the model's `card.json`; every sentence follows the numbers",
        "there. Do not edit it: measure again and write it again.",
    ]
    for section in facts(card):
        parts += ["", *_section(section)]
    parts += ["", *_reproduction(card, folder)]
    # With a hyphen, a text search for a negative number finds it.
    return "\n".join(parts).replace("−", "-") + "\n"


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
        f"python -m model evaluate {name} DATA{whole} --corruptions --write",
        f"python -m model unseen {name} DATA --write",
        f"python -m model model_card {name}{out}",
        "```",
        "",
    ]
    trainings = {
        "arguments": "Combined from" if card.parts else "Trained with",
        "attention_arguments": "Attention mask trained further with",
        "steady_arguments": "Trained further to one answer for all harmless versions of a picture with",
    }
    for part, title in trainings.items():
        arguments = {key: value for key, value in card.training.get(part, {}).items() if key not in HIDDEN_ARGUMENTS}
        if arguments:
            listed = ", ".join(f"{key.replace('_', ' ')} {_argument(value)}" for key, value in arguments.items())
            lines.append(f"- {title}: {listed}.")
    if card.versions:
        lines.append(f"- Written with: {', '.join(f'{name} {number}' for name, number in card.versions.items())}.")
    lines += [f"- SHA-256 of `{name}`: `{digest}`" for name, digest in card.sha256.items()]
    return lines if lines[-1] else lines[:-1]


def _argument(value: object) -> str:
    """An argument's value as text."""
    if isinstance(value, dict):
        return " and ".join(f"{part} of {key}" for key, part in value.items())
    if isinstance(value, list):
        return " and ".join(map(str, value))
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return str(value)


def write_model_card(
    artifact: Annotated[
        Path, typer.Argument(help="Model folder; only its card.json is read.", show_default="the shipped model")
    ] = SHIPPED,
    out: Annotated[
        Path | None,
        typer.Option(help="Markdown file to write.", show_default="docs/model_card.md, or FOLDER/model_card.md"),
    ] = None,
) -> None:
    """Write the model card: the model, its training data, its measured figures, and the groups it fails most."""
    text = markdown(read_card(artifact), artifact)
    if out is None:  # the document in the repository is the shipped model's
        out = DOCUMENT if _is_shipped(artifact) else artifact / DOCUMENT.name
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    print_report_path(out)
