"""Lists the networks that WhyFake can train: name, builder and what the card needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from model.artifact.preprocessing import Preprocessing
from model.errors import ArchitectureError, PretrainedError
from model.networks.pretrained import IMAGENET

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Architecture:
    """How to build a network, and what it expects of a face crop.

    Attributes:
        build: takes the pretrained weights and, if ``has_folded_form``, whether to build that form; returns a model
            from ``(N, S, S, 3)`` to a dict of ``probabilities (N, 2)`` in the order of ``LABELS`` and, if it has a
            mask, ``attention (N, h, w, 1)``.
        preprocessing: how a face crop becomes the network's input.
        has_folded_form: whether it has a form to ship with batch norms merged into its convolutions.
        no_download: why its ImageNet weights can't be downloaded; None if they can.
        storage: how its model folder stores the weights, one of ``model.networks.litert_file.STORAGES``.
        of_kept: computes ``probabilities`` from only some of a picture's patches; takes the network, pixels
            ``(1, S, S, 3)`` and the patches' indices ``(T,) int32``. None if the network needs the whole picture.
    """

    build: Callable[..., keras.Model]
    preprocessing: Preprocessing
    has_folded_form: bool = True
    no_download: str | None = None
    storage: str = "float16"
    of_kept: Callable[..., Any] | None = None


def _in(module: str, function: str) -> Callable[..., keras.Model]:
    """A function of ``model.networks.MODULE``, imported when called, so that the registry needs no TensorFlow."""

    def build_network(*arguments: Any, **options: Any) -> keras.Model:
        network: keras.Model = resolve_name(f"model.networks.{module}:{function}")(*arguments, **options)
        return network

    return build_network


_UNIT = Preprocessing(128, "RGB", 1 / 255)
_CENTRED = Preprocessing(128, "RGB", 1 / 127.5, -1.0)
_AS_READ = Preprocessing(128, "RGB")
# With this margin the crop shows hair, neck and background: evidence against a completely synthetic face.
_LITE = Preprocessing(192, "RGB", 1 / 128, -127 / 128, crop_margin=1.3)
_CLIP = Preprocessing(160, "RGB", 1 / 127.5, -1.0, crop_margin=1.3)

ARCHITECTURES = {
    "cnn": Architecture(_in("thesis", "cnn"), _UNIT, False, "nobody has trained it there"),
    "vgg16": Architecture(_in("thesis", "vgg16"), Preprocessing(128, "BGR"), False),
    "xception": Architecture(_in("thesis", "xception"), _CENTRED, False),
    "mobilenetv2": Architecture(_in("thesis", "mobilenetv2"), _CENTRED, False),
    "efficientnetb7": Architecture(_in("thesis", "efficientnetb7"), _AS_READ, False),
    "efficientnetb7_attention": Architecture(_in("thesis", "efficientnetb7_attention"), _AS_READ, False),
    "lite_attention": Architecture(
        _in("lite_attention", "lite_attention"),
        _LITE,
        no_download="they come from `python -m model convert`; give the path of the file that it writes",
    ),
    "clip_attention": Architecture(
        _in("clip_attention", "clip_attention"),
        _CLIP,
        False,
        "CLIP's own come from `python -m model convert`; give the path of the file that it writes",
        storage="int8_only",
        of_kept=_in("clip_attention", "verdict_of_kept"),
    ),
}


def build(name: str, pretrained: Path | str | None = None, folded: bool = False) -> keras.Model:
    """Build a network of the registry, for training or (``folded``) in the shipped form.

    Args:
        name: one of ``ARCHITECTURES``.
        pretrained: ``"imagenet"`` to download weights, the path of a weights file, or None for random weights.
        folded: build the form to ship, with batch norms merged; ignored if the network has no such form.

    Raises:
        PretrainedError: if ImageNet weights are requested but not available.
        ArchitectureError: if ``name`` is not registered (the message lists the names that are), or the file is
            missing or does not fit.
    """
    if name not in ARCHITECTURES:
        raise ArchitectureError(f"No architecture is called {name!r}; choose one of {', '.join(ARCHITECTURES)}.")
    architecture = ARCHITECTURES[name]
    if pretrained == IMAGENET and architecture.no_download:
        raise PretrainedError(f"ImageNet weights of {name} are not downloaded: {architecture.no_download}.")
    if pretrained is not None and pretrained != IMAGENET and not Path(pretrained).is_file():
        raise ArchitectureError(f"There is no weights file {pretrained}.")
    return architecture.build(pretrained, folded) if architecture.has_folded_form else architecture.build(pretrained)
