"""The maps of an analysis as pictures of its face."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from explain.drawing import overlays, palette
from explain.maps.registry import METHODS
from explain.result import Analysis, is_unmoved


def pictures(
    analysis: Analysis,
    shown: int,
    names: Collection[str] | None = None,
    planted: NDArray[np.uint8] | None = None,
) -> dict[str, NDArray[np.uint8]]:
    """A picture ``(640, 640, 3) uint8`` RGB of every map so far, or of those named, by method.

    If the model's answer hardly depends on the picture, only the attention mask is drawn; other maps show the face
    without colours.

    Args:
        analysis: complete or not.
        shown: how many superpixels are drawn.
        names: the methods of the maps to draw; all if None.
        planted: mask to outline in each picture, see ``explain.examples.planted_in``.
    """
    chosen, drawn = analysis.chosen, {}
    colourless = is_unmoved(analysis)
    for name, attribution in analysis.attributions.items():
        if names is not None and name not in names:
            continue
        assert chosen is not None  # only a face has maps
        method = METHODS[name]
        if colourless and not method.in_verdict_pass:
            drawn[name] = palette.enlarge(chosen.crop)
        elif method.drawn_as == "regions":
            drawn[name] = overlays.lime_overlay(chosen.crop, attribution, shown)
        elif method.drawn_as == "heat":
            drawn[name] = overlays.heatmap(chosen.crop, attribution)
        else:
            drawn[name] = overlays.signed_map(chosen.crop, attribution)
    if planted is not None:
        drawn = {name: overlays.planted_outline(picture, planted) for name, picture in drawn.items()}
    for name, attribution in analysis.attributions.items():
        if name in drawn and METHODS[name].drawn_as == "regions" and not colourless:
            drawn[name] = overlays.numbered(drawn[name], attribution)
    return drawn
