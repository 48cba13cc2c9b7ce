"""Combines models into one that answers with all of them: ``python -m model combine MODEL OTHER --out BOTH``."""

from pathlib import Path
from typing import Annotated

import typer

from model.artifact.card import COMBINED, Card, network_of, read_card, write_card
from model.artifact.parts import Part
from model.cli import run
from model.data.split import SPLIT, copy_split
from model.errors import ArchitectureError


def combine(
    models: Annotated[list[Path], typer.Argument(help="Two to four calibrated model folders, side by side.")],
    out: Annotated[Path, typer.Option(help="Model folder to write, beside them.")],
) -> None:
    """Write a model that answers with the mean of several models' calibrated logits; it must be calibrated.

    The mean of networks that were trained apart is usually right more often than each of them (Hansen & Salamon, IEEE
    PAMI 12, 1990). The new folder has only a card: the networks stay in their folders. Attention mask, crop and views
    are those of the first model.
    """
    cards = [read_card(model) for model in models]
    if any(model.resolve().parent != out.resolve().parent for model in models):
        raise ArchitectureError(f"The models must stand beside {out}, in {out.resolve().parent}.")
    if len({(card.preprocessing.crop_margin, card.sees) for card in cards}) > 1:
        raise ArchitectureError("Only models with the same crop around the face can be combined.")
    if not all(card.temperature for card in cards):
        raise ArchitectureError("Calibrate each model first: their logits are not on one scale.")
    splits = [model / SPLIT for model in models if (model / SPLIT).exists()]
    if len({path.read_bytes() for path in splits}) > 1:
        raise ArchitectureError(f"The models have different {SPLIT}: one was trained on test pictures of another.")
    out.mkdir(parents=True, exist_ok=True)
    if splits:
        copy_split(splits[0].parent, out)
    write_card(out, _card([model.name for model in models], [network_of(model) for model in models], cards))
    print(f"Wrote {out}, not yet calibrated.")


def _card(names: list[str], networks: list[tuple[str, str]], cards: list[Card]) -> Card:
    data: dict[str, str] = {}
    for card in cards:
        data |= card.training.get("data", {})
    left_out = set.intersection(*({*(card.training.get("arguments", {}).get("leave_out") or ())} for card in cards))
    first = cards[0]
    return Card(
        COMBINED,
        first.preprocessing,
        first.labels,
        views=first.views,
        licence=first.licence,
        sha256={f"{name}/{file}": sha256 for name, (file, sha256) in zip(names, networks, strict=True)},
        versions=first.versions,
        training={
            "data": data,
            "pictures": first.training.get("pictures", ""),
            "arguments": {"models": names, "leave_out": sorted(left_out)},
        },
        sees=first.sees,
        parts=tuple(
            Part(name, 1 / len(cards) / float(card.temperature or 1)) for name, card in zip(names, cards, strict=True)
        ),
    )


if __name__ == "__main__":
    run(combine)
