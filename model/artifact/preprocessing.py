"""Describes how a face crop becomes a network's input, and applies it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.errors import FieldError
from model.i18n.catalogue import Message
from model.photos.faces import CROP_MARGIN, CROP_SIZE

FILTERS = {each.name.lower(): each for each in Image.Resampling}
LARGEST_INPUT = 1024  # pixels per side
LABELS = ("Fake", "Real")  # sorted, as scikit-learn's LabelBinarizer orders them


@dataclass(frozen=True)
class Preprocessing:
    """How a face crop becomes a network's input.

    Attributes:
        input_size: side of the input in pixels.
        color_order: ``RGB`` or ``BGR``.
        value_scale: the input is ``pixels * value_scale + value_offset``, with pixels in 0..255.
        value_offset: see ``value_scale``.
        crop_margin: the crop's side as a multiple of the longer side of the face box.
        mean: of each channel in ``color_order``, subtracted from the scaled input; None for zeros.
        std: of each channel, by which the difference is divided; None for ones.
        resample: the Pillow filter that resizes the crop, one of ``FILTERS``; None averages areas.
        resized_to: side in pixels to which the crop is resized, before its central ``input_size`` pixels are taken;
            None takes the whole crop.

    Raises:
        FieldError: if a field has a wrong value.
    """

    input_size: int
    color_order: str = "RGB"
    value_scale: float = 1.0
    value_offset: float = 0.0
    crop_margin: float = CROP_MARGIN
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    resample: str | None = None
    resized_to: int | None = None

    def __post_init__(self) -> None:
        if self.color_order not in ("RGB", "BGR"):
            raise FieldError(Message("model.field.color_order", value=repr(self.color_order)))
        numbers = (self.value_scale, self.value_offset, self.crop_margin)
        finite = all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)
        if not finite or not self.value_scale:  # by 0 every picture would be the same
            raise FieldError(Message("model.field.finite", value=str(numbers)))
        most = 2 * LARGEST_INPUT
        if type(self.input_size) is not int or not 1 <= self.input_size <= most:  # a bool is an int, too
            raise FieldError(Message("model.field.input_size", most=most, value=repr(self.input_size)[:100]))
        for name in ("mean", "std"):
            object.__setattr__(self, name, _channels(name, getattr(self, name)))
        if self.resample is not None and self.resample not in FILTERS:
            raise FieldError(Message("model.field.resample", names=", ".join(FILTERS), value=repr(self.resample)[:100]))
        side = self.resized_to
        if side is not None and (type(side) is not int or not self.input_size <= side <= most):
            raise FieldError(Message("model.field.resized_to", value=repr(side)[:100]))

    @property
    def crop_size(self) -> int:
        """Side in pixels of the crops that the model gets: at least ``CROP_SIZE``, so that no detail is lost."""
        return max(CROP_SIZE, self.resized_to or self.input_size) if self.resample else CROP_SIZE


def _channels(name: str, values: object) -> tuple[float, ...] | None:
    """Three finite numbers, none of them 0 for ``std``."""
    if values is None:
        return None
    numbers = tuple(values) if isinstance(values, Sequence) else ()
    if (
        len(numbers) != 3
        or not all(type(number) in (int, float) and math.isfinite(number) for number in numbers)
        or (name == "std" and not all(numbers))
    ):
        raise FieldError(Message("model.field.channels", name=name, value=repr(values)[:100]))
    return tuple(map(float, numbers))


def to_input(crops: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Turn face crops ``(N, S, S, 3) uint8`` RGB, N of 1 or more, into the network's input ``(N, s, s, 3) float32``."""
    shrunk = np.stack([_resized(crop, preprocessing) for crop in crops])
    if preprocessing.color_order == "BGR":
        shrunk = shrunk[..., ::-1]
    scale, offset = np.float32(preprocessing.value_scale), np.float32(preprocessing.value_offset)
    pixels = shrunk.astype(np.float32) * scale + offset
    if preprocessing.mean is not None:
        pixels -= np.array(preprocessing.mean, np.float32)
    if preprocessing.std is not None:
        pixels /= np.array(preprocessing.std, np.float32)
    return pixels


def _resized(crop: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    side = preprocessing.resized_to or preprocessing.input_size
    if preprocessing.resample is None:
        resized = np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    else:
        resized = np.asarray(Image.fromarray(crop).resize((side, side), FILTERS[preprocessing.resample]))
    start = (side - preprocessing.input_size) // 2
    return resized[start : start + preprocessing.input_size, start : start + preprocessing.input_size]
