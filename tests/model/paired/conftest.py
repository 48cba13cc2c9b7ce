"""A small data folder with twins and singles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.data.dataset import index
from model.data.layout import Example

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
    examples = [replace(example, split="train") for example in index(root, cache)]
    links = {
        "twins/train/fake/changed.png": {"twin": "twins/train/real/a.png", "mask": "twins/train/mask/changed.png"},
        "twins/train/fake/same.png": {"twin": "twins/train/real/b.png"},
        "singles/train/fake/e.png": {"regions": ("mouth",)},
    }
    return root, [replace(example, **links.get(example.path, {})) for example in examples]
