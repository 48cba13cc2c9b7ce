"""Small bodies instead of those of the thesis, because building a layer takes longer than running it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import keras
import pytest
from keras import layers
from keras.src.applications import mobilenet_v2, vgg16, xception
from keras.src.applications.efficientnet import EfficientNet

WIDTH = 1 / 16  # of the filters of a convolution


def shallow_b7(**given: Any) -> keras.Model:
    """EfficientNet-B7 with one narrow block per stage: seven blocks instead of 55.

    The stem, the head and the extra layer with downloaded weights are those of B7, which ``test_thesis.py`` builds.
    """
    return EfficientNet(0.25, 0.1, 64, weights_name="b7", **given)


def make_bodies_small(patched: pytest.MonkeyPatch) -> None:
    """Make the other bodies small.

    Of Xception's eight equal middle blocks, one stays; ``tests/explain/maps`` builds all of them. MobileNetV2 has no
    blocks that repeat the previous one, except the second. VGG16 and Xception have narrow layers.
    """
    patched.setattr(xception, "range", lambda count: range(1), raising=False)

    block = mobilenet_v2._inverted_res_block

    def first_block(x: keras.KerasTensor, **given: Any) -> keras.KerasTensor:
        repeats = given["stride"] == 1 and given["filters"] == x.shape[-1] and given["block_id"] > 2
        return x if repeats else block(x, **given)

    patched.setattr(mobilenet_v2, "_inverted_res_block", first_block)
    narrow = {"Conv2D": _narrow(layers.Conv2D), "SeparableConv2D": _narrow(layers.SeparableConv2D)}
    for module in (vgg16, xception):
        patched.setattr(module, "layers", SimpleNamespace(**vars(layers) | narrow))


def _narrow(kind: type[layers.Layer]) -> Callable[..., layers.Layer]:
    return lambda filters, *given, **more: kind(int(filters * WIDTH), *given, **more)
