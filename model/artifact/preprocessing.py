"""What a network expects of a face crop, as data, and the one function that obeys it."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from model.i18n.catalogue import Said
from model.photos.faces import CROP_MARGIN

LABELS = ("Fake", "Real")  # sorted, as scikit-learn's LabelBinarizer orders them


@dataclass(frozen=True)
class Preprocessing:
    """How a face crop becomes a network's input.

    Attributes:
        input_size: side of the input in pixels.
        color_order: ``RGB`` or ``BGR``.
        value_scale: with ``value_offset`` maps pixels in 0..255 to the input: ``pixels * scale + offset``.
        value_offset: see ``value_scale``.
        crop_margin: the crop's side as a multiple of the longer side of the face box.
    """

    input_size: int
    color_order: str = "RGB"
    value_scale: float = 1.0
    value_offset: float = 0.0
    crop_margin: float = CROP_MARGIN

    def __post_init__(self) -> None:
        if self.color_order not in ("RGB", "BGR"):
            raise ValueError(Said("model.field.color_order", value=repr(self.color_order)))
        numbers = (self.value_scale, self.value_offset, self.crop_margin)
        if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
            raise ValueError(Said("model.field.finite", value=str(numbers)))
        if self.input_size < 1:
            raise ValueError(Said("model.field.input_size", value=self.input_size))


def to_input(crops: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Face crops ``(N, S, S, 3) uint8`` RGB as the network's input ``(N, s, s, 3) float32``."""
    size = (preprocessing.input_size, preprocessing.input_size)
    shrunk = np.stack([cv2.resize(crop, size, interpolation=cv2.INTER_AREA) for crop in crops])
    if preprocessing.color_order == "BGR":
        shrunk = shrunk[..., ::-1]
    scale, offset = np.float32(preprocessing.value_scale), np.float32(preprocessing.value_offset)
    return shrunk.astype(np.float32) * scale + offset
