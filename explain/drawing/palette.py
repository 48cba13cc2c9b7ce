"""The palette of page and report, and helpers for every picture: size, PNG and data URL."""

import base64
import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colour = tuple[int, int, int]  # red, green, blue in 0..255
PICTURE_SIZE = 640  # pixels; pictures of a face crop are drawn at this side
# Blue and orange of Okabe and Ito's palette: distinguishable with every common form of colour blindness.
SUPPORTS = (0, 114, 178)
OPPOSES = (230, 110, 0)


def hex_colour(colour: tuple[int, int, int]) -> str:
    """``(r, g, b)`` in 0..255 as ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def png(picture: NDArray[np.uint8]) -> bytes:
    """A picture ``(H, W, 3) uint8`` RGB as a PNG file; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="png")
    return buffer.getvalue()


def data_url(file: bytes, kind: str = "png") -> str:
    """A picture's file as a data URL, for pictures inside HTML; ``kind`` is its format, ``png`` or ``jpeg``."""
    return f"data:image/{kind};base64,{base64.b64encode(file).decode()}"


def enlarge(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A face crop ``(S, S, 3) uint8`` at the size at which pictures are drawn."""
    resized = cv2.resize(crop, (PICTURE_SIZE, PICTURE_SIZE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(resized, dtype=np.uint8)
