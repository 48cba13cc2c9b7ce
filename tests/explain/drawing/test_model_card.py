"""Tests of the pictures of a model: they show what its card says, and where it says nothing, neither do they."""

from __future__ import annotations

import base64
import re
from html import unescape
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image

from explain.drawing.model_card import ModelPicture, reliability_pictures, robustness_pictures
from explain.html.model_card import model_pictures
from model.artifact.card import Card, read_card
from model.artifact.preprocessing import Preprocessing
from model.evaluation.plots import LINES
from model.i18n.catalogue import speaking
from model.paths import SHIPPED
from model.photos.corruptions import CLEAN, CORRUPTIONS

BARE = Card("cnn", Preprocessing(128), ("Fake", "Real"))


def one_bin(low: float, count: int, stated: float, observed: float) -> dict[str, Any]:
    interval = [max(0.0, observed - 0.1), min(1.0, observed + 0.1)]
    return {
        "low": low,
        "high": low + 0.1,
        "count": count,
        "stated": stated,
        "observed": observed,
        "interval": interval,
    }


def condition(auc: float, accused: float, clean: float = 0.9) -> dict[str, Any]:
    loss = clean - auc
    return {
        "real": 40,
        "fake": 50,
        "auc": auc,
        "false_accusation_rate": accused,
        "auc_loss": {"value": loss, "low": loss - 0.02, "high": loss + 0.02},
    }


ERROR = {"value": 0.05, "low": 0.04, "high": 0.06}
METRICS: dict[str, Any] = {
    "test": {
        "dfdc": {
            "reliability": [one_bin(0.0, 1500, 0.08, 0.02), one_bin(0.9, 300, 0.97, 0.95)],
            "expected_calibration_error": ERROR,
        },
        "utkface": {"false_accusation_rate": {"value": 0.3, "low": 0.2, "high": 0.4}},
    },
    "test_corruptions": {
        "dfdc": {
            CLEAN: condition(0.9, 0.1),
            "jpeg 95": condition(0.8, 0.05),
            "jpeg 50": condition(0.6, 0.7),
            "brightness 0.4": condition(0.7, 0.1),
            "brightness 2": condition(0.9, 0.02),
        },
        "utkface": {CLEAN: {"false_accusation_rate": 0.3}, "jpeg 50": {"false_accusation_rate": 0.4}},
        "old": {"jpeg 50": condition(0.6, 0.7)},
    },
}


def of(key: str, drawn: list[ModelPicture]) -> ModelPicture:
    (found,) = [one for one in drawn if one.key == key]
    return found


def rows_of(colour: str, picture: NDArray[np.uint8], columns: slice) -> NDArray[np.intp]:
    """Where a colour stands in part of a picture, as row numbers."""
    wanted = np.array(to_rgb(colour)) * 255
    return np.nonzero((np.abs(picture[:, columns].astype(float) - wanted) < 4).all(axis=-1))[0]


# Reliability


def test_diagram_for_each_set_whose_bins_are_known() -> None:
    (drawn,) = reliability_pictures(METRICS)
    assert (drawn.key, drawn.title) == ("dfdc", "DFDC face swaps")
    assert drawn.told == (
        "Reliability diagram, DFDC face swaps: stated 8%, true 2% of 1,500; stated 97%, true 95% of 300."
    )
    assert drawn.picture.dtype == np.uint8 and drawn.picture.shape[1:] == (672, 3)


def test_points_lie_where_the_numbers_say() -> None:
    low = {"test": {"x": {"reliability": [one_bin(0.8, 9, 0.85, 0.1)]}}}
    high = {"test": {"x": {"reliability": [one_bin(0.8, 9, 0.85, 0.9)]}}}
    heights = [
        np.median(rows_of("#1F2A44", reliability_pictures(one)[0].picture, slice(500, 672))) for one in (low, high)
    ]
    assert heights[0] - heights[1] > 200, "a larger share stands higher"


# Robustness


def test_picture_for_each_corruption_that_was_measured() -> None:
    assert [one.key for one in robustness_pictures(METRICS)] == ["jpeg", "brightness"]


def test_told_is_what_harms_most() -> None:
    drawn = robustness_pictures(METRICS)
    assert of("jpeg", drawn).told == (
        "JPEG quality. DFDC face swaps: AUC 0.90, at worst 0.60 (50), real called fake 10%, at worst 70% (50); "
        "UTKFace real faces: real called fake 30%, at worst 40% (50)."
    )
    assert of("brightness", drawn).told == (
        "Brightness. DFDC face swaps: AUC 0.90, at worst 0.70 (40%), real called fake 10%, nowhere more."
    )


def test_lines_fall_where_the_figures_fall() -> None:
    picture = of("jpeg", robustness_pictures(METRICS)).picture
    upper = picture[: len(picture) // 2]
    left, right = (rows_of(LINES[0][0], upper, part) for part in (slice(100, 140), slice(440, 480)))
    assert len(left) and len(right) and np.median(right) - np.median(left) > 50, "AUC falls from .9 to .6"


def test_set_of_one_class_has_no_auc_to_draw() -> None:
    reals = {"test_corruptions": {"utkface": METRICS["test_corruptions"]["utkface"]}}
    (alone,) = robustness_pictures(reals)
    assert len(alone.picture) < len(robustness_pictures(METRICS)[0].picture) - 200, "one panel instead of two"


# The section of the page


def alternatives(html: str) -> list[str]:
    return [unescape(text) for text in re.findall(r'alt="([^"]*)"', html)]


def test_shipped_model_has_every_picture_with_its_text() -> None:
    card = read_card(SHIPPED)
    html = model_pictures(card)
    told = alternatives(html)
    assert len(told) == 3 + len(CORRUPTIONS) and len(set(told)) == len(told)
    dfdc = card.metrics["test_corruptions"]["dfdc"]
    blurred = {key: of["auc"] for key, of in dfdc.items() if key.startswith("blur ")}
    worst = min(blurred, key=lambda key: blurred[key])
    level = worst.removeprefix("blur ")
    expected = f"DFDC face swaps: AUC {dfdc['none']['auc']:.2f}, at worst {blurred[worst]:.2f} ({level})"
    assert expected in told[4], "blur follows JPEG"
    most = max(
        of["none"].get(label, 0) for of in card.metrics["test_corruptions"].values() for label in ("real", "fake")
    )
    assert f"up to {most} of each class and set" in html
    for content in re.findall(r"base64,([^\"]+)", html):
        with Image.open(BytesIO(base64.b64decode(content))) as image:
            darkest, lightest = image.convert("L").getextrema()
            assert image.size[0] == 672 and darkest < 10 and lightest > 250
    assert len(html) < 600_000, "it is sent to phones"


def test_it_is_drawn_once_for_each_language() -> None:
    card = read_card(SHIPPED)
    assert model_pictures(card) is model_pictures(card)


@pytest.mark.parametrize("metrics", [{}, {"test": {"dfdc": {"auc": {"value": 0.9}}}}])
def test_what_was_not_measured_is_said_and_not_drawn(metrics: dict[str, Any]) -> None:
    html = model_pictures(Card("cnn", Preprocessing(128), ("Fake", "Real"), metrics=metrics))
    assert "<img" not in html
    assert "Whether its probabilities match frequencies was not measured" in html
    assert "Its stability under JPEG, blur, noise or hidden parts of the face was not measured." in html


def test_turkish_has_its_own_words_and_numbers() -> None:
    with speaking("tr"):
        jpeg = of("jpeg", robustness_pictures(METRICS))
        assert jpeg.title == "JPEG kalitesi" and "AUC 0,90, en kötü 0,60 (50)" in jpeg.told
        assert "bildirilen %8, gerçek %2" in reliability_pictures(METRICS)[0].told
        assert "ölçülmediğinden" in model_pictures(BARE)
    assert (jpeg.picture != of("jpeg", robustness_pictures(METRICS)).picture).any()
