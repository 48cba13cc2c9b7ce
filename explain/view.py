"""What a visitor has before the eyes: an analysis without its photo, ready to be drawn again."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain import draw
from explain.analysis import Analysis


@dataclass(frozen=True)
class View:
    """What is kept of an analysis to redraw its maps; its photo is replaced by the chosen face's crop.

    Attributes:
        analysis: what is known so far.
        planted: in the crop, where an example was changed, ``(S, S) uint8``; None for other photos.
        display_scale: factor from photo pixels to the picture with the boxes.
    """

    analysis: Analysis
    planted: NDArray[np.uint8] | None
    display_scale: float

    def region_at(self, x: float, y: float) -> int | None:
        """The region at a place in a map's picture, ``x`` and ``y`` in its 640 pixels; None outside."""
        subject = self.analysis.subject
        if subject is None or not (0 <= x < draw.PICTURE_SIZE and 0 <= y < draw.PICTURE_SIZE):
            return None
        side = len(subject.segments)
        return int(subject.segments[int(y * side / draw.PICTURE_SIZE), int(x * side / draw.PICTURE_SIZE)])

    def face_at(self, x: float, y: float) -> int | None:
        """Index of the smallest face box around a place in the picture with the boxes."""
        hits = [
            (face.box[2] * face.box[3], index)
            for index, face in enumerate(self.analysis.faces)
            if 0 <= x / self.display_scale - face.box[0] <= face.box[2]
            and 0 <= y / self.display_scale - face.box[1] <= face.box[3]
        ]
        return min(hits)[1] if hits else None


def pictures(view: View, shown: int, names: Collection[str] | None = None) -> dict[str, NDArray[np.uint8]]:
    """A picture ``(640, 640, 3) uint8`` RGB of every map that there is so far, or of those named, by method."""
    chosen, drawn = view.analysis.chosen, {}
    for name, attribution in view.analysis.attributions.items():
        if names is not None and name not in names:
            continue
        assert chosen is not None  # there are maps only of a face
        if attribution.weights is not None:
            drawn[name] = draw.lime_overlay(chosen.crop, attribution, shown)
        elif name == "attention":
            drawn[name] = draw.heatmap(chosen.crop, attribution)
        else:
            drawn[name] = draw.signed_map(chosen.crop, attribution)
    if view.planted is not None:
        drawn = {name: draw.planted_outline(picture, view.planted) for name, picture in drawn.items()}
    return drawn
