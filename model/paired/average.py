"""Averages two trained models: ``python -m model average MODEL OTHER --share 0.6 --out runs/averaged``."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from model.artifact.card import ARTIFACT, named_after, read_card
from model.artifact.views import PLAIN
from model.data.split import SPLIT, copy_split
from model.errors import ArchitectureError


def average_models(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    other: Annotated[Path, typer.Argument(help="Model folder of the same architecture.")],
    out: Annotated[Path, typer.Option(help="Folder to write; the new model folder in it is `artifact`.")],
    share: Annotated[float, typer.Option(min=0, max=1, help="Share of OTHER's weights.")] = 0.5,
) -> None:
    """Write a model with the weighted mean of the weights of two models; it must be calibrated.

    One of them should have been trained further from the other: their mean often generalises better than either
    (Wortsman et al., arXiv 2109.01903).
    """
    from model.backbones.imagenet import average
    from model.networks.export import load_keras, save_artifact
    from model.networks.registry import ARCHITECTURES

    cards = read_card(model), read_card(other)
    if cards[0].architecture != cards[1].architecture:
        kinds = " and ".join(card.architecture for card in cards)
        raise ArchitectureError(f"Only models of one architecture can be averaged, not {kinds}.")
    splits = [folder / SPLIT for folder in (other, model) if (folder / SPLIT).exists()]
    if len({path.read_bytes() for path in splits}) > 1:
        raise ArchitectureError(
            f"{model} and {other} have different {SPLIT}: one was trained on pictures that would test the other."
        )
    shares = {named_after(model).name: round(1 - share, 3), named_after(other).name: round(share, 3)}
    training = {name: value for name, value in cards[1].training.items() if name != "calibration"}
    *_, latest = ["arguments", *(name for name in training if name.endswith("_arguments"))]
    training[latest] = {**training.get(latest, {}), "averaged": shares}
    card = replace(
        cards[1],
        views=PLAIN,
        temperature=None,
        fake_bias=0.0,
        inconclusive_band=(0.4, 0.6),
        metrics={},
        training=training,
    )
    network = average(load_keras(model), load_keras(other), share)
    (out / ARTIFACT).mkdir(parents=True, exist_ok=True)
    if splits:
        copy_split(splits[0].parent, out / ARTIFACT)
    save_artifact(network, out / ARTIFACT, card, ARCHITECTURES[card.architecture].storage)
    print(f"Wrote {out / ARTIFACT}, not yet calibrated.")
