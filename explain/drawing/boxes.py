"""The photo with a box and a label at each face."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from explain.drawing.palette import SUPPORTS, Colour
from model.detector.detector import Prediction
from model.i18n.catalogue import translate
from model.photos.faces import Face

# A line's colour, and for a line that is not solid the lengths of a dash and of its period, in line widths.
Look = tuple[Colour, tuple[int, int] | None]
BOXES_LONG_SIDE = 1024  # pixels; the photo with its boxes is drawn no larger
CHOSEN = (15, 118, 110)
OTHER = (100, 116, 139)
# The colour and the line of a face's box. The model card's charts use the same colours for the classes.
_VERDICTS: dict[str, Look] = {
    "Fake": ((213, 94, 0), None),
    "Real": (SUPPORTS, (5, 8)),
    "Inconclusive": (OTHER, (1, 4)),
}
INK = (20, 20, 20)
SMALLEST = 11  # pixels; the height of a letter that is still legible
Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the picture


def display_scale(photo: NDArray[np.uint8]) -> float:
    """Factor from photo pixels to the pixels of the picture that ``boxes`` draws."""
    return min(1.0, BOXES_LONG_SIDE / max(photo.shape[:2]))


def boxes(
    photo: NDArray[np.uint8],
    faces: tuple[Face, ...],
    chosen: Face | None,
    predictions: Sequence[Prediction] = (),
) -> NDArray[np.uint8]:
    """The photo with a numbered box around each face, the chosen one's thicker, and each face's verdict.

    Each verdict has its own colour and line: Fake solid, Real dashed, Inconclusive dotted. A label that would cover
    another one is reduced to the face's number.

    Args:
        photo: ``(H, W, 3) uint8`` RGB.
        faces: as found, largest first.
        chosen: the face that was analysed; if it is not one of ``faces``, its box has no number.
        predictions: for the first of ``faces``, or for all; empty before the verdict.

    Returns:
        ``(H', W', 3) uint8`` RGB, the long side at most 1,024 pixels.
    """
    scale = display_scale(photo)
    size = (max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale)))
    picture = np.array(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    unit = max(1, round(max(size) / 400))
    prediction_by_id = dict(zip(map(id, faces), predictions, strict=False))
    others = [face for face in reversed(faces) if face is not chosen]
    for face in [*others, *([] if chosen is None else [chosen])]:
        prediction = prediction_by_id.get(id(face))
        unjudged: Look = (CHOSEN if face is chosen else OTHER, None)
        look = unjudged if prediction is None else _VERDICTS[prediction.verdict]
        _frame(picture, _scaled(face, scale), look, unit * (2 if face is chosen else 1))
    labelled = sorted(enumerate(faces, start=1), key=lambda numbered: numbered[1] is not chosen)
    labels = [(_scaled(face, scale), number, prediction_by_id.get(id(face))) for number, face in labelled]
    return with_labels(picture, labels)


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


def with_labels(picture: NDArray[np.uint8], faces: Sequence[tuple[Box, int, Prediction | None]]) -> NDArray[np.uint8]:
    """Draw a label at each box. Earlier faces choose their place first; a face without a free place gets no label.

    Args:
        picture: ``(H, W, 3) uint8`` RGB; not changed.
        faces: box, number and prediction (or None) of each face.

    Returns:
        ``(H, W, 3) uint8`` RGB.
    """
    image = Image.fromarray(picture)
    pen, long_side = ImageDraw.Draw(image), max(image.size)
    taken: list[Box] = []
    for box, number, prediction in faces:
        short = str(number)
        long = short if prediction is None else _label(number, prediction)
        # About as wide as the box, so that it stays legible in a small picture.
        font = _font(round(max(SMALLEST, min(max(box[2] / 6, long_side / 64), long_side / 32))))
        found = _free_place(pen, font, box, (long, short), taken, image.size)
        if found is None:
            continue  # two labels in one place would not be readable
        text, (x, y, w, h) = found
        taken.append((x, y, w, h))
        pen.rectangle((x, y, x + w, y + h), fill="white", outline=INK)
        pen.text((x + w / 2, y + h / 2), text, fill=INK, font=font, anchor="mm")
    return np.array(image)


def _label(number: int, prediction: Prediction) -> str:
    return translate("faces.box", number=number, fake=translate("class.Fake"), p=prediction.probabilities["Fake"])


def _free_place(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont,
    box: Box,
    texts: Sequence[str],
    taken: Sequence[Box],
    size: tuple[int, int],
) -> tuple[str, Box] | None:
    """The first of the texts that fits above the box, below it or inside, with no label under it, and its place."""
    x, y, _, h = box
    high = round(font.size * 1.3)
    for text in texts:
        wide = round(pen.textlength(text, font=font) + font.size * 0.6)
        left = max(0, min(x, size[0] - wide - 1))
        places = [(left, top, wide, high) for top in (y - high, y + h, y) if 0 <= top <= size[1] - high - 1]
        for place in places:
            if wide < size[0] and not any(_overlap(place, other) for other in taken):
                return text, place
    return None


def _overlap(first: Box, second: Box) -> bool:
    return all(first[i] < second[i] + second[i + 2] and second[i] < first[i] + first[i + 2] for i in (0, 1))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """A font that has the letters of every language of the catalogue; matplotlib ships it."""
    return ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)
