"""The views (shifts and mirrorings) of a face crop over which the network's answers are averaged."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from model.errors import FieldError
from model.i18n.catalogue import Message

Number = TypeVar("Number", np.uint8, np.int32)

MOST_VIEWS = 16  # per crop: each view costs one pass of the network
LARGEST_SHIFT = 0.25  # share of the crop's side; a larger shift would cut off too much of the face


@dataclass(frozen=True)
class View:
    """A shift and a mirroring of a crop; the default changes nothing.

    Attributes:
        right: shift to the right as a share of the crop's side; the border is repeated.
        down: shift down as a share of the crop's side.
        mirrored: whether left and right are exchanged after the shift.

    Raises:
        FieldError: if ``mirrored`` is not a bool, or a shift is larger than ``LARGEST_SHIFT``.
    """

    right: float = 0.0
    down: float = 0.0
    mirrored: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.mirrored, bool):
            raise FieldError(Message("model.field.mirrored", value=repr(self.mirrored)[:100]))
        for shift in (self.right, self.down):
            is_number = isinstance(shift, int | float) and not isinstance(shift, bool)
            if not (is_number and math.isfinite(shift) and abs(shift) <= LARGEST_SHIFT):
                raise FieldError(Message("model.field.view", limit=LARGEST_SHIFT, value=repr(shift)[:100]))

    def shown(self, crops: NDArray[Number]) -> NDArray[Number]:
        """The view of each crop, ``(N, S, S, 3) uint8``, or of the regions in it, ``(N, S, S) int32``.

        Shifts are whole pixels, so nothing is interpolated.
        """
        if self == View():
            return crops
        side = crops.shape[1]
        right, down = round(self.right * side), round(self.down * side)
        rows, columns = slice(max(-down, 0), side - max(down, 0)), slice(max(-right, 0), side - max(right, 0))
        border = (max(down, 0), max(-down, 0), max(right, 0), max(-right, 0))
        # OpenCV on single pictures is several times faster than NumPy's indexing on all.
        moved = (cv2.copyMakeBorder(crop[rows, columns], *border, cv2.BORDER_REPLICATE) for crop in crops)
        return np.stack([cv2.flip(picture, 1) if self.mirrored else picture for picture in moved]).astype(
            crops.dtype, copy=False
        )

    def undone(self, masks: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move attention masks ``(N, h, w) float32`` of this view back to the places of the unchanged crops."""
        if self == View():
            return masks
        height, width = masks.shape[1:]
        back = np.array([[1, 0, -self.right * width], [0, 1, -self.down * height]])
        turned = masks[..., ::-1] if self.mirrored else masks
        moved = [
            cv2.warpAffine(
                np.ascontiguousarray(mask),
                back,
                (width, height),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            for mask in turned
        ]
        return np.stack(moved).astype(np.float32)


def views_of(values: object) -> tuple[View, ...]:
    """Views from a card's JSON, such as ``[{"right": 0.03, "mirrored": true}]``; missing fields have their defaults.

    Raises:
        FieldError: if it is not such a list, or has no view or more than ``MOST_VIEWS``.
    """
    names = {field.name for field in fields(View)}
    if not isinstance(values, list) or not all(isinstance(view, dict) and view.keys() <= names for view in values):
        raise FieldError(Message("model.field.view_list", names=", ".join(sorted(names))))
    if not 1 <= len(values) <= MOST_VIEWS:
        raise FieldError(Message("model.field.views", most=MOST_VIEWS, count=len(values)))
    return tuple(View(**view) for view in values)


PLAIN = (View(),)
# Four small shifts, two of them mirrored, chosen on validation pictures (docs/training.md). Four is also the largest
# batch that the engine runs at once.
STEADY = (View(right=0.03), View(right=-0.03, mirrored=True), View(down=0.03, mirrored=True), View(down=-0.03))
