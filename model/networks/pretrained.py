"""Loads pretrained weights, for example of ImageNet, into a network's body."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import ArchitectureError, PretrainedError, one_line

if TYPE_CHECKING:
    import keras

IMAGENET = "imagenet"


def load_pretrained(body: keras.Model, factory: Callable[..., keras.Model], pretrained: Path | str | None) -> None:
    """Load weights into the body of a network.

    Args:
        body: the model that ``factory`` built; changed in place.
        factory: a function of ``keras.applications``; downloads its weights if called with ``weights="imagenet"``.
        pretrained: ``"imagenet"`` to download them, the path of a file without the top layers, or None for neither.

    Raises:
        PretrainedError: if the download fails.
        ArchitectureError: if the file is missing, damaged or of another network.
    """
    if pretrained == IMAGENET:
        _download(body, factory)
    elif pretrained is not None:
        load_file(body, Path(pretrained))


def load_file(network: keras.Model, path: Path) -> None:
    """Load a network's weights from a file that this or an older version of Keras wrote.

    Raises:
        ArchitectureError: if the file is missing, damaged or of another network.
    """
    try:
        network.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise ArchitectureError(f"{path} holds no weights that fit {network.name}: {one_line(error)}.") from error


def _download(body: keras.Model, factory: Callable[..., keras.Model]) -> None:
    try:
        donor = factory(weights=IMAGENET, include_top=False, input_shape=body.input_shape[1:])
    except Exception as error:  # Keras raises a plain Exception if the download fails
        raise PretrainedError(
            f"ImageNet weights of {body.name} could not be downloaded ({one_line(error)}); start at random, or give "
            f"the path of a file with the weights of {body.name} without its top layers."
        ) from error
    # By order, not by name: Keras numbers some layers, and a downloaded EfficientNet has one more, without weights.
    for layer, given in zip(_with_weights(body), _with_weights(donor), strict=True):
        layer.set_weights(given.get_weights())


def _with_weights(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if layer.weights]
