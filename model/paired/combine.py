"""Combines models into one that answers with all of them: ``python -m model combine MODEL OTHER --out BOTH``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from model.artifact.card import CARD, COMBINED, Card, network_of, read_card, write_card
from model.artifact.facts import trained_on
from model.artifact.parts import MOST_PARTS, Part
from model.data.split import SPLIT, copy_split
from model.errors import ArchitectureError


def combine(
    models: Annotated[list[Path], typer.Argument(help="Two to four calibrated model folders in one folder.")],
    out: Annotated[Path, typer.Option(help="Model folder to write, in the same folder.")],
) -> None:
    """Write a model that answers with the mean of several models' calibrated logits; it must be calibrated.

    The mean of networks that were trained separately is usually right more often than each of them (Hansen & Salamon,
    IEEE PAMI 12, 1990). The new folder has only a card: the networks stay in their folders. Labels, crop and views are
    those of the first model, and so is the attention mask, if it has one.
    """
    models, out = [model.resolve() for model in models], out.resolve()
    if not 2 <= len(set(models)) == len(models) <= MOST_PARTS:
        raise ArchitectureError(f"Name 2 to {MOST_PARTS} different models to combine.")
    cards = [read_card(model) for model in models]
    _check(models, cards, out)
    card = _card([model.name for model in models], [network_of(model) for model in models], cards)
    out.mkdir(parents=True, exist_ok=True)
    if (models[0] / SPLIT).exists():
        copy_split(models[0], out)
    write_card(out, card)
    print(f"Wrote {out}, not yet calibrated.")


def _check(models: Sequence[Path], cards: Sequence[Card], out: Path) -> None:
    if out in models or ((out / CARD).exists() and not read_card(out).parts):
        raise ArchitectureError(f"{out} is another model; choose another folder.")
    if any(model.parent != out.parent for model in models):
        raise ArchitectureError(f"The models must be in the same folder as {out}, which is to be written.")
    if len({(card.preprocessing.crop_margin, card.preprocessing.crop_size, card.sees) for card in cards}) > 1:
        raise ArchitectureError("Only models with the same crop around the face can be combined.")
    if not all(card.temperature for card in cards):
        raise ArchitectureError("Calibrate each model first: their logits are not on one scale.")
    splits = [(model / SPLIT).read_bytes() if (model / SPLIT).exists() else None for model in models]
    if len(set(splits)) > 1:
        raise ArchitectureError(f"The models have different {SPLIT}: one was trained on test pictures of another.")


def _card(names: list[str], networks: list[tuple[str, str, str]], cards: list[Card]) -> Card:
    data = {name: terms for card in cards for name, terms in trained_on(card).items()}
    left_out = set.intersection(*({*(card.training.get("arguments", {}).get("leave_out") or ())} for card in cards))
    first = cards[0]
    return Card(
        COMBINED,
        first.preprocessing,
        first.labels,
        views=first.views,
        licence=" ".join(dict.fromkeys(card.licence for card in cards)),
        sha256={f"{name}/{file}": sha256 for name, (file, sha256, _) in zip(names, networks, strict=True)},
        versions=first.versions,
        training={
            "data": data,
            "pictures": first.training.get("pictures", ""),
            "arguments": {"models": names, "leave_out": sorted(left_out)},
        },
        sees=first.sees,
        parts=tuple(
            Part(name, 1 / len(cards) / float(card.temperature or 1), reading)
            for name, card, (*_, reading) in zip(names, cards, networks, strict=True)
        ),
    )
