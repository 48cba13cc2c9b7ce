"""Draws maps: each colour has one meaning, the same on the page and in reports."""

from typing import Any

import cv2
import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

from explain.drawing.palette import OPPOSES, PICTURE_SIZE, SUPPORTS, enlarge
from explain.maps.attribution import Attribution, reasons, shown_regions, unsure
from explain.probes.what_if import WhatIf

HEAT = "cividis"  # perceptually uniform, also in grey and with colour blindness

WHITE, BLACK, INK = (255, 255, 255), (0, 0, 0), (20, 20, 20)
BADGE_RADIUS = 15  # pixels of the drawn picture
_SHADE = 0.62  # opacity of the strongest region
_WEAK = 1 / 3  # of the strongest weight; below it a region's outline is thin
_DENSEST = 0.8  # opacity of a signed map's strongest place
_UNSURE = 0.08  # opacity of a region if its interval holds zero


def lime_overlay(crop: NDArray[np.uint8], attribution: Attribution, count: int) -> NDArray[np.uint8]:
    """Colour the superpixels of ``shown_regions``: blue speaks for the class explained, orange against it.

    The stronger a region, the more opaque; supporting regions have a solid outline and opposing ones a dashed
    one, so that the colour is not the only sign. A weak region, and one with zero in its interval, has a thin outline.

    Args:
        crop: face crop ``(S, S, 3) uint8`` RGB.
        attribution: with ``segments`` and ``weights``.
        count: how many superpixels to show.

    Returns:
        ``(640, 640, 3) uint8`` RGB.

    Raises:
        ValueError: if the attribution has no superpixels.
    """
    if attribution.segments is None or attribution.weights is None:
        raise ValueError(f"A {attribution.method} map has no superpixels to draw.")
    picture: NDArray[Any] = enlarge(crop).astype(np.float32)
    segments = _enlarged(attribution.segments)
    shown = shown_regions(attribution, count)
    largest = max(float(np.abs(attribution.weights).max()), 1e-12)
    opacity = np.zeros(len(attribution.weights), np.float32)
    strength, doubtful = np.abs(attribution.weights) / largest, unsure(attribution)
    opacity[shown] = np.where(doubtful[shown], _UNSURE, strength[shown] * _SHADE)
    colours = np.where(attribution.weights[:, None] > 0, np.array(SUPPORTS), np.array(OPPOSES))
    alpha = opacity[segments][..., None]
    picture = picture * (1 - alpha) + colours[segments] * alpha
    drawn = np.ascontiguousarray(np.round(picture).astype(np.uint8))
    for label in shown:
        supports = bool(attribution.weights[label] > 0)
        thin = bool(doubtful[label]) or strength[label] < _WEAK
        _outline(drawn, segments == label, SUPPORTS if supports else OPPOSES, supports, 1 if thin else 2)
    return drawn


def numbered(picture: NDArray[np.uint8], attribution: Attribution) -> NDArray[np.uint8]:
    """Number the regions of ``reasons`` on a map's picture ``(640, 640, 3) uint8``, a copy."""
    assert attribution.segments is not None and attribution.weights is not None
    segments = _enlarged(attribution.segments)
    drawn = np.ascontiguousarray(picture.copy())
    for rank, label in enumerate(reasons(attribution), start=1):
        _badge(drawn, segments == label, str(rank))
    return drawn


def _enlarged(segments: NDArray[np.int32]) -> NDArray[np.int32]:
    """The region of each pixel of a map's picture, ``(640, 640) int32``."""
    return np.asarray(cv2.resize(segments, (PICTURE_SIZE, PICTURE_SIZE), interpolation=cv2.INTER_NEAREST), np.int32)


def _badge(picture: NDArray[np.uint8], region: NDArray[np.bool_], rank: str) -> None:
    """Write a rank into the widest place of a region: black on white, readable on any hair."""
    inside = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    centre = (int(column), int(row))
    cv2.circle(picture, centre, BADGE_RADIUS, WHITE, -1, cv2.LINE_AA)
    cv2.circle(picture, centre, BADGE_RADIUS, INK, 2, cv2.LINE_AA)
    (width, height), _ = cv2.getTextSize(rank, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 2)
    corner = (centre[0] - width // 2, centre[1] + height // 2)
    cv2.putText(picture, rank, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.7, INK, 2, cv2.LINE_AA)


def _outline(
    picture: NDArray[np.uint8], region: NDArray[np.bool_], colour: tuple[int, int, int], solid: bool, width: int
) -> None:
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for contour in contours:
        points = contour[:, 0]
        if solid:
            cv2.polylines(picture, [points], True, colour, width, cv2.LINE_AA)
            continue
        for start in range(0, len(points), 14):
            cv2.polylines(picture, [points[start : start + 8]], False, colour, width, cv2.LINE_AA)


def heatmap(crop: NDArray[np.uint8], attribution: Attribution, opacity: float = 0.6) -> NDArray[np.uint8]:
    """Lay a map of values in 0..1 over the crop; the colour scale always runs from 0 to 1, never stretched.

    Args:
        crop: face crop ``(S, S, 3) uint8`` RGB.
        attribution: with a map in 0..1, such as attention.
        opacity: of the colours over the crop's brightness, 0..1.

    Returns:
        ``(640, 640, 3) uint8`` RGB.
    """
    size = (PICTURE_SIZE, PICTURE_SIZE)
    values: NDArray[Any] = attribution.map
    if attribution.evidence.get("smooth"):
        values = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)
    colours = colormaps[HEAT](np.clip(values, 0, 1))[..., :3] * 255
    colours = cv2.resize(colours, size, interpolation=cv2.INTER_NEAREST)  # later: there are fewer values than pixels
    return _over_grey(crop, colours, opacity)


def signed_map(crop: NDArray[np.uint8], attribution: Attribution) -> NDArray[np.uint8]:
    """Colour every place of a signed map: blue speaks for the class explained, orange against it.

    The strongest place is the most opaque: the picture shows where, the map's numbers show how much. A map that is
    zero everywhere has no colours.

    Args:
        crop: face crop ``(S, S, 3) uint8`` RGB.
        attribution: with a signed map of any scale.

    Returns:
        ``(640, 640, 3) uint8`` RGB.
    """
    values = cv2.resize(attribution.map, (PICTURE_SIZE, PICTURE_SIZE), interpolation=cv2.INTER_LINEAR)
    # Gradients per pixel are grainy: scaled to the strongest 1%, the rest would be invisible.
    largest = float(np.quantile(np.abs(values), 0.99)) or float(np.abs(values).max())
    alpha = np.clip(np.abs(values) / (largest or 1.0), 0, 1)[..., None] * _DENSEST
    colours = np.where(values[..., None] > 0, np.array(SUPPORTS), np.array(OPPOSES))
    return _over_grey(crop, colours, alpha)


def _over_grey(
    crop: NDArray[np.uint8], colours: NDArray[Any], opacity: float | NDArray[np.floating]
) -> NDArray[np.uint8]:
    """Colours ``(640, 640, 3)`` in 0..255 over the brightness of a crop."""
    grey = cv2.cvtColor(enlarge(crop), cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return np.round(grey * (1 - opacity) + colours * opacity).astype(np.uint8)


def hidden_regions(
    what_if: WhatIf, segments: NDArray[np.int32], drawn: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """The face as the network saw it without some regions, each one outlined.

    The outline is white on black, so that it is visible on dark and light places.

    Args:
        what_if: with the changed crop.
        segments: region of each pixel of the crop, ``(S, S) int32``.
        drawn: a map's picture ``(640, 640, 3) uint8`` in which only the hidden regions are replaced; None for the face
            without a map.

    Returns:
        ``(640, 640, 3) uint8`` RGB.
    """
    changed, enlarged = enlarge(what_if.crop), _enlarged(segments)
    inside = np.isin(enlarged, what_if.hidden)[..., None]
    picture = np.ascontiguousarray(changed if drawn is None else np.where(inside, changed, drawn))
    for label in what_if.hidden:
        _outline(picture, enlarged == label, BLACK, True, 4)
        _outline(picture, enlarged == label, WHITE, False, 2)
    return picture


def planted_outline(picture: NDArray[np.uint8], changed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Outline in white and black where an example was changed.

    Args:
        picture: a picture of the face crop, ``(P, P, 3) uint8`` RGB.
        changed: the crop's mask ``(S, S) uint8``, above 127 where the photo was changed.

    Returns:
        ``(P, P, 3) uint8`` RGB, a copy.
    """
    size = (picture.shape[1], picture.shape[0])
    region = (cv2.resize(changed, size, interpolation=cv2.INTER_LINEAR) > 127).astype(np.uint8)
    contours, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outlined = np.ascontiguousarray(picture.copy())
    cv2.drawContours(outlined, contours, -1, BLACK, 6, cv2.LINE_AA)
    cv2.drawContours(outlined, contours, -1, WHITE, 2, cv2.LINE_AA)
    return outlined
