"""A small data folder with twins and singles, and a shallow form of the shipped network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from model.artifact.preprocessing import LABELS
from model.data.dataset import choose
from model.data.layout import Example
from model.networks.attention import attention_block
from model.networks.efficientnet_lite import efficientnet_lite0
from model.networks.registry import ARCHITECTURES

Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]


@pytest.fixture
def data(make_data: MakeData, picture: Callable[..., Pixels]) -> tuple[Path, list[Example]]:
    """A set with twins: one with a mask, one identical to its original, one without a mask; and a set of singles.

    In ``twins/fake/changed.png`` the left third of the face is white.
    """
    changed, mask = picture(0), np.zeros((64, 64), np.uint8)
    changed[16:48, 14:28], mask[16:48, 14:28] = 255, 255
    pictures = {
        "twins/train/real/a.png": picture(0),
        "twins/train/fake/changed.png": changed,
        "twins/train/real/b.png": picture(1),
        "twins/train/fake/same.png": picture(1),
        "twins/train/real/lonely.png": picture(2),
        "singles/train/real/c.png": picture(3),
        "singles/train/fake/d.png": picture(4),
        "singles/train/fake/e.png": picture(5),
        "singles/train/real/faceless.png": picture(6),
    }
    root, cache = make_data(pictures, without_face=["singles/train/real/faceless.png"])
    (root / "twins/train/mask").mkdir()
    assert cv2.imwrite(str(root / "twins/train/mask/changed.png"), mask)
    examples = [replace(example, split="train") for example in choose(root, cache)]
    links = {
        "twins/train/fake/changed.png": {"twin": "twins/train/real/a.png", "mask": "twins/train/mask/changed.png"},
        "twins/train/fake/same.png": {"twin": "twins/train/real/b.png"},
        "singles/train/fake/e.png": {"regions": ("mouth",)},
    }
    return root, [replace(example, **links.get(example.path, {})) for example in examples]


def build_shallow(backbone_weights: Path | None = None, folded: bool = False) -> keras.Model:
    """Three stages of the body of ``lite_attention``, of which training freezes two, and its attention block."""
    inputs = keras.Input((32, 32, 3))
    pooled, mask = attention_block(efficientnet_lite0(inputs, last_stage=3, folded=folded), depth=(4,))
    probabilities = layers.Dense(len(LABELS), activation="softmax", name="probabilities")(pooled)
    return keras.Model(inputs, {"probabilities": probabilities, "attention": mask})


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers the shallow network as ``lite_attention``: building a layer takes longer than training it."""
    whole = ARCHITECTURES["lite_attention"]
    preprocessing = replace(whole.preprocessing, input_size=32)
    monkeypatch.setitem(
        ARCHITECTURES, "lite_attention", replace(whole, build=build_shallow, preprocessing=preprocessing)
    )
