"""The registry of networks that WhyFake can train: a name, a builder and the facts its card needs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from model.artifact import ArtifactError
from model.labels import LABELS as LABELS
from model.lite_attention import lite_attention
from model.preprocessing import Preprocessing

IMAGENET = "imagenet"


class ArchitectureError(ArtifactError):
    """No network can be built as asked; the message says what is possible."""


class PretrainedError(ArchitectureError):
    """ImageNet weights can't be had; the message says why and what to do."""


@dataclass(frozen=True)
class Architecture:
    """How to build a network, and what it expects of a face crop.

    Attributes:
        build: takes pretrained weights first, then, where ``has_folded_form``, whether to build that form; returns
            a model from ``(N, S, S, 3)`` to a dict of ``probabilities (N, 2)`` in the order of ``LABELS`` and, where
            it has one, ``attention (N, h, w, 1)``.
        preprocessing: what the model expects of a face crop.
        has_folded_form: whether it can be built with batch norms merged into its convolutions, to be shipped.
        no_download: why its ImageNet weights are not downloaded; None where they are.
    """

    build: Callable[..., keras.Model]
    preprocessing: Preprocessing
    has_folded_form: bool = True
    no_download: str | None = None


ARCHITECTURES = {
    "lite_attention": Architecture(
        lite_attention,
        Preprocessing(128, "RGB", 1 / 128, -127 / 128),
        no_download="they come from `python -m model.convert_backbone`; give the path of the file that it writes",
    ),
}


def build(name: str, pretrained: Path | str | None = None, folded: bool = False) -> keras.Model:
    """Build a network of the registry, for training or (``folded``) as it is shipped.

    Args:
        name: one of ``ARCHITECTURES``.
        pretrained: ``"imagenet"`` to download weights, the path of a weights file, or None to start at random.
        folded: the form to ship, with batch norms merged; a network that has no such form is built as it is.

    Raises:
        ArchitectureError: if ``name`` is not registered; the message lists the names that are.
        PretrainedError: if there are no ImageNet weights to be had.
    """
    if name not in ARCHITECTURES:
        raise ArchitectureError(f"No architecture is called {name!r}; choose one of {', '.join(ARCHITECTURES)}.")
    architecture = ARCHITECTURES[name]
    if pretrained == IMAGENET and architecture.no_download:
        raise PretrainedError(f"ImageNet weights of {name} are not downloaded: {architecture.no_download}.")
    return architecture.build(pretrained, folded) if architecture.has_folded_form else architecture.build(pretrained)
