"""The maps of an analysis as pictures of its face."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from explain.analysis import Analysis, is_unmoved
from explain.drawing import overlays, palette
from explain.examples import example_of, planted_region
from model.photos.faces import crop


def planted_in(analysis: Analysis) -> NDArray[np.uint8] | None:
    """Where an example was changed, as a mask ``(S, S) uint8`` of the face crop; None for other photos."""
    region = planted_region(example_of(analysis.photo.sha256))
    return None if region is None or analysis.chosen is None else crop(region, analysis.chosen.square)


def pictures(
    analysis: Analysis,
    shown: int,
    names: Collection[str] | None = None,
    planted: NDArray[np.uint8] | None = None,
) -> dict[str, NDArray[np.uint8]]:
    """A picture ``(640, 640, 3) uint8`` RGB of every map that there is so far, or of those named, by method.

    Of a model whose answer hardly depends on the picture only the attention mask is drawn: other maps leave the face
    as it is.

    Args:
        analysis: as far as it came.
        shown: how many superpixels are drawn.
        names: the methods whose maps to draw; all if None.
        planted: outlined in each picture, see ``planted_in``.
    """
    chosen, drawn = analysis.chosen, {}
    colourless = is_unmoved(analysis)
    for name, attribution in analysis.attributions.items():
        if names is not None and name not in names:
            continue
        assert chosen is not None  # there are maps only of a face
        if colourless and name != "attention":
            drawn[name] = palette.enlarge(chosen.crop)
        elif attribution.weights is not None:
            drawn[name] = overlays.lime_overlay(chosen.crop, attribution, shown)
        elif name == "attention":
            drawn[name] = overlays.heatmap(chosen.crop, attribution)
        else:
            drawn[name] = overlays.signed_map(chosen.crop, attribution)
    if planted is not None:
        drawn = {name: overlays.planted_outline(picture, planted) for name, picture in drawn.items()}
    return drawn
