"""What a visitor has before the eyes: an analysis without its photo, ready to be drawn again."""

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

    def face_at(self, x: float, y: float) -> int | None:
        """Index of the smallest face box around a place in the picture with the boxes."""
        hits = [
            (face.box[2] * face.box[3], index)
            for index, face in enumerate(self.analysis.faces)
            if 0 <= x / self.display_scale - face.box[0] <= face.box[2]
            and 0 <= y / self.display_scale - face.box[1] <= face.box[3]
        ]
        return min(hits)[1] if hits else None


def pictures(view: View, shown: int) -> dict[str, NDArray[np.uint8]]:
    """A picture ``(640, 640, 3) uint8`` RGB of every map that there is so far, by method."""
    chosen, drawn = view.analysis.chosen, {}
    for name, attribution in view.analysis.attributions.items():
        assert chosen is not None  # there are maps only of a face
        if name == "lime":
            drawn[name] = draw.lime_overlay(chosen.crop, attribution, shown)
        else:
            drawn[name] = draw.heatmap(chosen.crop, attribution)
    if view.planted is not None:
        drawn = {name: draw.planted_outline(picture, view.planted) for name, picture in drawn.items()}
    return drawn
