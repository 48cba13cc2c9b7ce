"""Averages ImageNet's backbone with a trained one: ``python -m model average_backbone LITE0.weights.h5 RUN OUT``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from model.cli import run
from model.errors import ArchitectureError
from model.networks.pretrained import load_file
from model.networks.registry import build

if TYPE_CHECKING:
    import keras

SUFFIX = ".weights.h5"  # Keras writes to no other


def average(first: "keras.Model", second: "keras.Model", share: float) -> "keras.Model":
    """Move the weights of ``first`` towards those of the layers of the same names in ``second``.

    Between pretrained and fine-tuned weights lie networks that generalise better than either (Wortsman et al., arXiv
    2109.01903), and a run that starts there forgets what the earlier one had learnt by heart.

    Args:
        first: changed in place; layers that ``second`` does not have keep their weights.
        second: what it is averaged with.
        share: of ``second``, 0..1.

    Raises:
        ArchitectureError: if the two have no layer in common, or layers of the same name differ in shape.
    """
    names = {layer.name for layer in second.layers if layer.weights}
    shared = [layer for layer in first.layers if layer.name in names]
    if not shared:
        raise ArchitectureError("The two networks have no layer in common: nothing to average.")
    for layer in shared:
        mine, its = layer.get_weights(), second.get_layer(layer.name).get_weights()
        if [weight.shape for weight in mine] != [weight.shape for weight in its]:
            raise ArchitectureError(f"Layer {layer.name} has another shape in each of the two networks.")
        layer.set_weights([(1 - share) * ours + share * theirs for ours, theirs in zip(mine, its, strict=True)])
    return first


def average_backbone(
    imagenet: Annotated[Path, typer.Argument(help="Weights file of the backbone, see model.backbones.imagenet.")],
    trained: Annotated[
        Path, typer.Argument(help="Weights file best.weights.h5 of a run of model.training.train_paired.")
    ],
    out: Annotated[Path, typer.Argument(help="File to write; ends in .weights.h5.")],
    share: Annotated[float, typer.Option(min=0, max=1, help="Share of the trained weights.")] = 0.5,
) -> None:
    """Write a backbone between ImageNet's weights and a run's, to start the next run from."""
    from model.networks.efficientnet_lite import backbone

    for path in (imagenet, trained):
        if not path.is_file():
            raise ArchitectureError(f"There is no weights file {path}.")
    if not out.name.endswith(SUFFIX):
        raise ArchitectureError(f"The file to write must end in {SUFFIX}, not be called {out.name}.")
    first, second = backbone(), build("lite_attention")
    load_file(first, imagenet)
    load_file(second, trained)
    out.parent.mkdir(parents=True, exist_ok=True)
    average(first, second, share).save_weights(out)


if __name__ == "__main__":
    run(average_backbone)
