"""Pictures of curves that differ where the curves do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.drawing.curves import DOTS_PER_INCH, INCHES, curve_picture
from explain.drawing.palette import SUPPORTS
from explain.maps.registry import METHODS
from explain.trust.curves import ORDERS, Band, Curves
from explain.trust.measure import Trust

SHARES = np.linspace(0, 1, 5)
FALLING = 0.9 - 0.8 * SHARES  # P(target) as regions are hidden one after another
SPREAD = np.linspace(-0.05, 0.05, ORDERS)[:, None] * np.sin(np.pi * SHARES)  # all orders begin and end alike
BAND = Band(FALLING + SPREAD, SHARES)
STEEP = np.array([0.9, 0.3, 0.2, 0.15, 0.1])
MEAN = Curves("mean", STEEP, STEEP[::-1].copy(), BAND)
BLUR = replace(MEAN, hide="blur")


def trust(*curves: Curves, method: str = "lime", target: str = "Fake") -> Trust:
    return Trust(method, target, curves, flat=False)


def left(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The part with the deletion curves, the strip in the middle left out."""
    return picture[:, : int(0.45 * picture.shape[1])]


def right(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The part with the insertion curves."""
    return picture[:, int(0.55 * picture.shape[1]) :]


def blue(picture: NDArray[np.uint8]) -> int:
    """How many pixels have the colour of a map's own curve."""
    return int((np.abs(picture.astype(int) - np.array(SUPPORTS)).max(axis=2) <= 12).sum())


def greys(picture: NDArray[np.uint8]) -> int:
    """How many pixels have the grey of the random orders' band."""
    return int((picture == 204).all(axis=2).sum())


def row_of(curves: Curves) -> float:
    """The row of the picture at which a level insertion curve is drawn."""
    half = right(curve_picture(trust(curves)))
    own = np.abs(half.astype(int) - np.array(SUPPORTS)).max(axis=2) <= 12
    return float(np.flatnonzero(own.sum(axis=1) > 100).mean())


@pytest.mark.parametrize(("method", "curves"), [("lime", (MEAN,)), *((name, (MEAN, BLUR)) for name in METHODS)])
def test_every_picture_has_one_size(method: str, curves: tuple[Curves, ...]) -> None:
    picture = curve_picture(trust(*curves, method=method))
    assert picture.dtype == np.uint8
    expected = tuple(round(inches * DOTS_PER_INCH) for inches in reversed(INCHES))
    assert picture.shape == (*expected, 3), "pictures of several maps are stacked"


def test_the_same_curves_give_the_same_picture() -> None:
    np.testing.assert_array_equal(curve_picture(trust(MEAN, BLUR)), curve_picture(trust(MEAN, BLUR)))


def test_each_half_shows_its_own_curve() -> None:
    one = curve_picture(trust(MEAN))
    deletion = curve_picture(trust(replace(MEAN, deletion=FALLING)))
    assert (left(deletion) != left(one)).any()
    np.testing.assert_array_equal(right(deletion), right(one))
    insertion = curve_picture(trust(replace(MEAN, insertion=FALLING[::-1])))
    assert (right(insertion) != right(one)).any()
    np.testing.assert_array_equal(left(insertion), left(one))


def test_a_curve_is_drawn_at_its_height() -> None:
    bottom, middle, top = (row_of(replace(MEAN, insertion=np.full(5, level))) for level in (0.1, 0.5, 0.9))
    assert bottom > middle > top, "a larger probability stands higher"
    assert middle == pytest.approx((bottom + top) / 2, abs=2)


def test_the_scale_runs_from_0_to_1_whatever_the_curves() -> None:
    level = np.full(5, 0.3)
    flat = Curves("mean", level, level, Band(np.full((ORDERS, 5), 0.3), SHARES))
    assert row_of(flat) == row_of(replace(MEAN, insertion=level))


def test_random_orders_lie_behind_both_curves_as_a_band() -> None:
    wide = Band(FALLING + 3 * SPREAD, SHARES)
    narrow_picture, wide_picture = (curve_picture(trust(replace(MEAN, band=band))) for band in (BAND, wide))
    for half in (left, right):
        assert greys(half(wide_picture)) > 1.5 * greys(half(narrow_picture)) > 0


def test_a_second_hide_value_is_a_second_line_without_a_band_of_its_own() -> None:
    one = curve_picture(trust(MEAN))
    other = replace(BLUR, deletion=FALLING - 0.1, insertion=FALLING[::-1] - 0.1)
    both = curve_picture(trust(MEAN, other))
    for half in (left, right):
        assert blue(half(both)) > 1.2 * blue(half(one))
    far = replace(other, band=Band(np.clip(BAND.curves + 0.3, 0, 1), SHARES))
    np.testing.assert_array_equal(curve_picture(trust(MEAN, far)), both)


@pytest.mark.parametrize("changes", [{"target": "Real"}, {"method": "rise"}])
def test_picture_names_class_and_method(changes: dict[str, str]) -> None:
    assert (curve_picture(trust(MEAN, **changes)) != curve_picture(trust(MEAN))).any()


def test_legend_names_the_hide_value() -> None:
    assert (curve_picture(trust(BLUR)) != curve_picture(trust(MEAN))).any()
