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
from model.i18n.catalogue import say
from model.photos.faces import Face

# A line's colour, and if it is no solid one, how much is drawn and after how much that comes again, in its widths.
Look = tuple[Colour, tuple[int, int] | None]
BOXES_LONG_SIDE = 1024  # pixels; the photo with its boxes is drawn no larger
CHOSEN = (15, 118, 110)
OTHER = (100, 116, 139)
# The colour and the line of a face's box. The colours are the classes' own in the model card's charts, of one palette.
_VERDICTS: dict[str, Look] = {
    "Fake": ((213, 94, 0), None),
    "Real": (SUPPORTS, (5, 8)),
    "Inconclusive": (OTHER, (1, 4)),
}
INK = (20, 20, 20)
SMALLEST = 11  # pixels of a letter's height that are legible
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


def with_labels(picture: NDArray[np.uint8], faces: Sequence[tuple[Box, int, Prediction | None]]) -> NDArray[np.uint8]:
    """Draw a label at each box. Earlier faces choose their place first; a face without a free place gets no label.

    Args:
        picture: ``(H, W, 3) uint8`` RGB; not changed.
        faces: box, number and prediction (None where there is none) of each face.

    Returns:
        ``(H, W, 3) uint8`` RGB.
    """
    image = Image.fromarray(picture)
    pen, long_side = ImageDraw.Draw(image), max(image.size)
    taken: list[Box] = []
    for box, number, prediction in faces:
        short = str(number)
        told = short if prediction is None else _told(number, prediction)
        # As wide as the box, so that it is legible however small the picture is shown, within bounds.
        font = _font(round(max(SMALLEST, min(max(box[2] / 6, long_side / 64), long_side / 32))))
        found = _free_place(pen, font, box, (told, short), taken, image.size)
        if found is None:
            continue  # two labels in one place would tell nothing
        text, (x, y, w, h) = found
        taken.append((x, y, w, h))
        pen.rectangle((x, y, x + w, y + h), fill="white", outline=INK)
        pen.text((x + w / 2, y + h / 2), text, fill=INK, font=font, anchor="mm")
    return np.array(image)


def _told(number: int, prediction: Prediction) -> str:
    unsure = prediction.verdict == "Inconclusive"
    likelier = max(prediction.probabilities, key=lambda name: prediction.probabilities[name])
    name = likelier if unsure else prediction.verdict
    key = "faces.box_unsure" if unsure else "faces.box"
    return say(key, number=number, name=say(f"class.{name}"), p=prediction.probabilities[name])


def _free_place(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont,
    box: Box,
    texts: Sequence[str],
    taken: Sequence[Box],
    size: tuple[int, int],
) -> tuple[str, Box] | None:
    """The first of the texts that fits above the box, below it or inside, without covering another label, and where."""
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


def _overlap(one: Box, other: Box) -> bool:
    return all(one[i] < other[i] + other[i + 2] and other[i] < one[i] + one[i + 2] for i in (0, 1))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """A font that has the letters of every language we speak, and that comes with matplotlib."""
    return ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)
