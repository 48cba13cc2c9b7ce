"""What a visitor has before the eyes: an analysis with a small copy of its photo, ready to be drawn again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from explain.analysis import Analysis
from explain.drawing import maps, palette
from explain.drawing.boxes import boxes, display_scale
from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from model.photos.faces import Face


@dataclass(frozen=True)
class View:
    """What is kept of an analysis to redraw it; its photo is no larger than it is shown.

    Attributes:
        analysis: what is known so far.
        planted: in the crop, where an example was changed, ``(S, S) uint8``; None for other photos.
        display_scale: factor from photo pixels to the picture with the boxes.
    """

    analysis: Analysis
    planted: NDArray[np.uint8] | None
    display_scale: float

    @staticmethod
    def of(analysis: Analysis, before: View | None = None) -> View:
        """The view of an analysis; ``before`` is one of the same photo and face, whose small copies are taken over."""
        if before is not None:
            kept = replace(analysis, photo=before.analysis.photo)
            return replace(before, analysis=kept)
        pixels = analysis.photo.pixels
        scale = display_scale(pixels)
        if scale < 1:
            size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        small = replace(analysis, photo=replace(analysis.photo, pixels=pixels))
        return View(small, maps.planted_in(analysis), scale)

    def with_attributions(self, attributions: dict[str, Attribution]) -> View:
        """The same view with other maps."""
        return replace(self, analysis=replace(self.analysis, attributions=attributions))

    def pictures(self, shown: int, names: Collection[str] | None = None) -> dict[str, NDArray[np.uint8]]:
        """Its maps as pictures by method, see ``explain.drawing.maps.pictures``."""
        return maps.pictures(self.analysis, shown, names, self.planted)

    def boxes(self) -> NDArray[np.uint8]:
        """The photo as it is shown, with a box around each face, see ``explain.drawing.boxes.boxes``."""
        chosen = self.analysis.chosen
        small = {id(face): self._scaled(face) for face in (*self.analysis.faces, *([chosen] if chosen else ()))}
        return boxes(
            self.analysis.photo.pixels,
            tuple(small[id(face)] for face in self.analysis.faces),
            None if chosen is None else small[id(chosen)],
            self.analysis.predictions,
        )

    def _scaled(self, face: Face) -> Face:
        x, y, width, height = (round(value * self.display_scale) for value in face.box)
        return replace(face, box=(x, y, width, height))

    def region_at(self, x: float, y: float) -> int | None:
        """The region at a place in a map's picture, ``x`` and ``y`` in its 640 pixels; None outside."""
        subject = self.analysis.subject
        if subject is None or not (0 <= x < palette.PICTURE_SIZE and 0 <= y < palette.PICTURE_SIZE):
            return None
        side = len(subject.segments)
        return int(subject.segments[int(y * side / palette.PICTURE_SIZE), int(x * side / palette.PICTURE_SIZE)])

    def face_at(self, x: float, y: float) -> int | None:
        """Index of the smallest face box around a place in the picture with the boxes."""
        hits = [
            (face.box[2] * face.box[3], index)
            for index, face in enumerate(self.analysis.faces)
            if 0 <= x / self.display_scale - face.box[0] <= face.box[2]
            and 0 <= y / self.display_scale - face.box[1] <= face.box[3]
        ]
        return min(hits)[1] if hits else None


def smoothed(seen: View, smooth: bool) -> View:
    """The view with its attention map between the cells interpolated, or as the network gave it."""
    analysis = seen.analysis
    if analysis.prediction is None or analysis.prediction.attention is None or analysis.chosen is None:
        return seen
    if "attention" not in analysis.attributions:
        return seen
    again = attention_map(analysis.prediction.attention, len(analysis.chosen.crop), smooth)
    return seen.with_attributions({**analysis.attributions, "attention": again})
