"""Numbers to pictures: one colour for each meaning, the same on page and in reports."""

import base64
import io
from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from explain.drawing.labels import Box, with_labels
from explain.maps.attribution import Attribution, strongest, unsure
from explain.probes.what_if import WhatIf
from model.detector.detector import Prediction
from model.photos.faces import Face

Colour = tuple[int, int, int]  # red, green, blue in 0..255
# A line's colour, and if it is no solid one, how much is drawn and after how much that comes again, in its widths.
Look = tuple[Colour, tuple[int, int] | None]

BOXES_LONG_SIDE = 1024  # pixels; the photo with its boxes is drawn no larger
PICTURE_SIZE = 640  # pixels; pictures of a face crop are drawn at this side
# Blue and orange of Okabe and Ito's palette: told apart with every common form of colour blindness.
SUPPORTS = (0, 114, 178)
OPPOSES = (230, 110, 0)
CHOSEN = (15, 118, 110)
OTHER = (100, 116, 139)
HEAT = "cividis"  # even steps for every eye, and in grey

HIDDEN = (255, 255, 255)
# The colour and the line of a face's box. The colours are the classes' own in the model card's charts, of one palette.
_VERDICTS: dict[str, Look] = {
    "Fake": ((213, 94, 0), None),
    "Real": (SUPPORTS, (5, 8)),
    "Inconclusive": (OTHER, (1, 4)),
}

_SHADE = 0.62  # opacity of the strongest region
_FAINTEST = 0.22  # opacity of a region that is shown at all
_DENSEST = 0.8  # opacity of a signed map's strongest place
_UNSURE = 0.08  # opacity of a region whose interval holds zero: the model may not care for it


def hex_colour(colour: tuple[int, int, int]) -> str:
    """``(r, g, b)`` in 0..255 as ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def png(picture: NDArray[np.uint8]) -> bytes:
    """A picture ``(H, W, 3) uint8`` RGB as a PNG file; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="png")
    return buffer.getvalue()


def data_url(png_file: bytes) -> str:
    """A PNG file as an address that holds it, for pictures inside HTML."""
    return f"data:image/png;base64,{base64.b64encode(png_file).decode()}"


def enlarge(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A face crop ``(S, S, 3) uint8`` at the size at which pictures are drawn."""
    resized = cv2.resize(crop, (PICTURE_SIZE, PICTURE_SIZE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(resized, dtype=np.uint8)


def lime_overlay(crop: NDArray[np.uint8], attribution: Attribution, count: int) -> NDArray[np.uint8]:
    """Colour the strongest superpixels: blue speaks for the class explained, orange against it.

    The stronger a region, the more opaque; supporting regions have a solid outline and opposing ones a dashed
    one, so that the colour is not the only sign. A region whose weight may as well be zero is faint, its outline thin.

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
    picture = enlarge(crop).astype(np.float32)
    size = (PICTURE_SIZE, PICTURE_SIZE)
    segments = cv2.resize(attribution.segments.astype(np.int32), size, interpolation=cv2.INTER_NEAREST)
    shown = strongest(attribution.weights, count)
    largest = max(float(np.abs(attribution.weights).max()), 1e-12)
    opacity = np.zeros(len(attribution.weights), np.float32)
    opacity[shown] = np.maximum(np.abs(attribution.weights[shown]) / largest * _SHADE, _FAINTEST)
    doubtful = unsure(attribution)
    opacity[shown] = np.where(doubtful[shown], _UNSURE, opacity[shown])
    colours = np.where(attribution.weights[:, None] > 0, np.array(SUPPORTS), np.array(OPPOSES))
    alpha = opacity[segments][..., None]
    picture = picture * (1 - alpha) + colours[segments] * alpha
    drawn = np.ascontiguousarray(np.round(picture).astype(np.uint8))
    for label in shown:
        supports = bool(attribution.weights[label] > 0)
        _outline(drawn, segments == label, SUPPORTS if supports else OPPOSES, supports, 1 if doubtful[label] else 2)
    return drawn


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
    smooth = bool(attribution.evidence.get("smooth"))
    values = cv2.resize(attribution.map, size, interpolation=cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST)
    colours = colormaps[HEAT](np.clip(values, 0, 1))[..., :3] * 255
    grey = cv2.cvtColor(enlarge(crop), cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return np.round(grey * (1 - opacity) + colours * opacity).astype(np.uint8)


def signed_map(crop: NDArray[np.uint8], attribution: Attribution) -> NDArray[np.uint8]:
    """Colour every place of a signed map: blue speaks for the class explained, orange against it.

    The strongest place is the most opaque, so the picture shows where, and the map's numbers how much. A map that is
    zero everywhere colours nothing.

    Args:
        crop: face crop ``(S, S, 3) uint8`` RGB.
        attribution: with a signed map of any scale.

    Returns:
        ``(640, 640, 3) uint8`` RGB.
    """
    values = cv2.resize(attribution.map, (PICTURE_SIZE, PICTURE_SIZE), interpolation=cv2.INTER_LINEAR)
    # Pixel by pixel gradients are grainy: the strongest hundredth would leave all the rest invisible.
    largest = float(np.quantile(np.abs(values), 0.99)) or float(np.abs(values).max())
    alpha = np.clip(np.abs(values) / (largest or 1.0), 0, 1)[..., None] * _DENSEST
    colours = np.where(values[..., None] > 0, np.array(SUPPORTS), np.array(OPPOSES))
    grey = cv2.cvtColor(enlarge(crop), cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return np.round(grey * (1 - alpha) + colours * alpha).astype(np.uint8)


def hidden_regions(what_if: WhatIf, segments: NDArray[np.int32]) -> NDArray[np.uint8]:
    """The face as the network saw it without some regions, each of them outlined, ``(640, 640, 3) uint8`` RGB.

    The outline is white on black, so that it shows on dark and on light.
    """
    picture = np.ascontiguousarray(enlarge(what_if.crop))
    size = (PICTURE_SIZE, PICTURE_SIZE)
    enlarged = cv2.resize(segments, size, interpolation=cv2.INTER_NEAREST)
    for label in what_if.hidden:
        _outline(picture, enlarged == label, (0, 0, 0), True, 4)
        _outline(picture, enlarged == label, HIDDEN, False, 2)
    return picture


def display_scale(photo: NDArray[np.uint8]) -> float:
    """Factor from photo pixels to the pixels of the picture that ``boxes`` draws."""
    return min(1.0, BOXES_LONG_SIDE / max(photo.shape[:2]))


def boxes(
    photo: NDArray[np.uint8],
    faces: tuple[Face, ...],
    chosen: Face | None,
    predictions: Sequence[Prediction] = (),
) -> NDArray[np.uint8]:
    """The photo with a numbered box around each face, the chosen one's thicker, and what the model says of each.

    The verdict has a colour and a line of its own: Fake solid, Real dashed, Inconclusive dotted. A label that would
    cover another one shrinks to the face's number.

    Args:
        photo: ``(H, W, 3) uint8`` RGB.
        faces: as found, largest first.
        chosen: the face that was analysed; if it is none of ``faces`` it is boxed without a number.
        predictions: on the first of ``faces``, or on all of them; none before the verdict.

    Returns:
        ``(H', W', 3) uint8`` RGB, the long side at most 1,024 pixels.
    """
    scale = display_scale(photo)
    size = (max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale)))
    picture = np.array(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    unit = max(1, round(max(size) / 400))
    of = dict(zip(map(id, faces), predictions, strict=False))
    others = [face for face in reversed(faces) if face is not chosen]
    for face in [*others, *([] if chosen is None else [chosen])]:
        prediction = of.get(id(face))
        unjudged: Look = (CHOSEN if face is chosen else OTHER, None)
        look = unjudged if prediction is None else _VERDICTS[prediction.verdict]
        _frame(picture, _scaled(face, scale), look, unit * (2 if face is chosen else 1))
    labelled = sorted(enumerate(faces, start=1), key=lambda numbered: numbered[1] is not chosen)
    return with_labels(picture, [(_scaled(face, scale), number, of.get(id(face))) for number, face in labelled])


def _scaled(face: Face, scale: float) -> Box:
    x, y, w, h = (round(value * scale) for value in face.box)
    return x, y, w, h


def _frame(picture: NDArray[np.uint8], box: Box, look: Look, width: int) -> None:
    (x, y, w, h), (colour, dash) = box, look
    cv2.rectangle(picture, (x, y), (x + w, y + h), (255, 255, 255), width + 2, cv2.LINE_AA)
    if dash is None:
        cv2.rectangle(picture, (x, y), (x + w, y + h), colour, width, cv2.LINE_AA)
        return
    across, down = np.arange(w), np.arange(h)
    sides = ((x + across, y + 0 * across), (x + w + 0 * down, y + down), (x + w - across, y + h + 0 * across),
             (x + 0 * down, y + h - down))  # fmt: skip
    points = np.concatenate([np.stack(side, axis=1) for side in sides]).astype(np.int32)
    drawn, period = (width * length for length in dash)
    for start in range(0, len(points), period):
        cv2.polylines(picture, [points[start : start + drawn + 1]], False, colour, width, cv2.LINE_AA)


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
    cv2.drawContours(outlined, contours, -1, (0, 0, 0), 6, cv2.LINE_AA)
    cv2.drawContours(outlined, contours, -1, (255, 255, 255), 2, cv2.LINE_AA)
    return outlined
