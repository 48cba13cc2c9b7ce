"""Writes at each face of a photo its number and what the model says of it, where there is room."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from model.detector.detector import Prediction
from model.i18n.catalogue import say

INK = (20, 20, 20)
SMALLEST = 11  # pixels of a letter's height that are legible
Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the picture


def with_labels(picture: NDArray[np.uint8], faces: Sequence[tuple[Box, int, Prediction | None]]) -> NDArray[np.uint8]:
    """A picture with a label at each box; who comes first has first choice of place, and who finds none has none.

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
