"""Tests of the picture that shows the number of each region."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from explain.drawing.regions import CROWDED, FONT, numbered_regions


def grid(count: int, side: int = 256) -> NDArray[np.int32]:
    """``count ** 2`` squares, numbered row by row."""
    places = np.arange(side) * count // side
    return (places[:, None] * count + places[None]).astype(np.int32)


def plain(grey: int, side: int = 256) -> NDArray[np.uint8]:
    return np.full((side, side, 3), grey, np.uint8)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_lines_and_numbers_are_visible_on_every_background(grey: int) -> None:
    """Every square, and every border between two squares, has both black and white."""
    picture = numbered_regions(plain(grey), grid(4)).astype(int)[..., 0]
    assert picture.shape == (640, 640)
    for row in range(4):
        for column in range(4):
            inner = picture[row * 160 + 5 : row * 160 + 155, column * 160 + 5 : column * 160 + 155]
            assert inner.min() < 20 and inner.max() > 235, "a number"
    for border in (160, 320, 480):
        for strip in (picture[border - 3 : border + 3], picture[:, border - 3 : border + 3].T):
            assert (strip.max(axis=0) > 235).mean() > 0.95 and (strip.min(axis=0) < 20).mean() > 0.95


def test_each_number_is_inside_its_own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """The centre of mass of an L-shaped region lies outside it, but its number lies inside."""
    written: dict[str, tuple[float, float]] = {}
    put = cv2.putText

    def note(
        picture: NDArray[np.uint8], text: str, origin: tuple[int, int], font: int, scale: float, *rest: int
    ) -> None:
        (width, height), _ = cv2.getTextSize(text, font, scale, 1)
        written[text] = (origin[0] + width / 2, origin[1] - height / 2)
        put(picture, text, origin, font, scale, *rest)

    monkeypatch.setattr(cv2, "putText", note)
    segments = np.zeros((64, 64), np.int32)
    segments[:44, 20:] = 1  # leaves an L for region 0
    numbered_regions(plain(128, 64), segments)
    assert sorted(written) == ["0", "1"]
    for text, (x, y) in written.items():
        assert str(segments[int(y / 10), int(x / 10)]) == text


@pytest.mark.slow
def test_many_regions_get_a_larger_picture() -> None:
    assert numbered_regions(plain(90), grid(8)).shape == (640, 640, 3) and 64 <= CROWDED < 100
    assert numbered_regions(plain(90), grid(10)).shape == (1280, 1280, 3)


def test_smallest_number_is_eight_pixels_high_and_stays_in_the_picture() -> None:
    """A region of one pixel in a corner still has its number, whole."""
    segments = np.zeros((32, 32), np.int32)
    segments[0, 0] = 1
    picture = numbered_regions(plain(128, 32), segments)
    rows, columns = np.nonzero(picture[:18, :18, 0] == 255)
    assert rows.min() > 0 and columns.min() > 0 and np.ptp(rows) >= 7
    (_, height), _ = cv2.getTextSize("1", FONT, 0.38, 1)
    assert height >= 8
