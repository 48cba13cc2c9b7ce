"""Tests of colours and of picture files."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from explain.drawing import palette


def test_png_holds_the_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    with Image.open(io.BytesIO(palette.png(picture))) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), picture)


@pytest.mark.parametrize("colour", [palette.SUPPORTS, palette.OPPOSES, (0, 0, 0), (255, 255, 255)])
def test_hex_colours_name_the_same_colour(colour: tuple[int, int, int]) -> None:
    text = palette.hex_colour(colour)
    assert re.fullmatch("#[0-9a-f]{6}", text)
    assert tuple(bytes.fromhex(text[1:])) == colour
