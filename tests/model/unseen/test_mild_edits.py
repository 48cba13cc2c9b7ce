"""Tests of mild edits, with a simple detector and a face finder that always returns the middle of the photo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model.data.layout import pictures
from model.photos.faces import crop
from model.unseen import mild_edits
from model.unseen.mild_edits import BOX, BOX_MOVES, PHOTO_EDITS, Edited, edit_figures, moved_square, score_edited

Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]


class LeftBrightness:
    """P(Fake) is the brightness of the crop's left half, so mirroring matters and other edits hardly do."""

    card = SimpleNamespace(labels=("Fake", "Real"), preprocessing=SimpleNamespace(crop_margin=1.0, input_size=32))

    def probabilities(self, crops: Pixels) -> NDArray[np.float64]:
        fake = crops[:, :, : crops.shape[2] // 2].mean(axis=(1, 2, 3)) / 255
        return np.stack([fake, 1 - fake], axis=1)

    def verdict(self, p_fake: float) -> str:
        return "Fake" if p_fake >= 0.7 else "Real" if p_fake <= 0.3 else "Inconclusive"


def in_the_middle(photo: Pixels, margin: float) -> list[Any]:
    """A face in the middle of the photo, half as wide as the photo."""
    height, width = photo.shape[:2]
    square = (width / 4, height / 4, width / 2)
    return [SimpleNamespace(square=square, crop=crop(photo, square))]


@pytest.fixture
def halves(make_data: MakeData) -> Path:
    """One photo with a black left half and a white right half, and a grey one."""
    split = np.zeros((64, 64, 3), np.uint8)
    split[:, 32:] = 255
    return make_data({"a/real/0.png": split, "a/real/1.png": np.full((64, 64, 3), 127, np.uint8)})[0]


@pytest.mark.slow
def test_probabilities_are_those_of_the_edited_photos(halves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mild_edits, "find_faces", in_the_middle)
    edited = score_edited(LeftBrightness(), halves, pictures(halves))
    assert list(edited.after) == [*PHOTO_EDITS, BOX]
    np.testing.assert_allclose(edited.before, [0, 127 / 255], atol=0.02)
    np.testing.assert_allclose(edited.after["mirrored"][:, 0], [1, 127 / 255], atol=0.02)
    for name in ("jpeg 85", "shrunk", "enlarged", "border cut"):
        np.testing.assert_allclose(edited.after[name][:, 0], edited.before, atol=0.04)
    assert edited.after[BOX].shape == (2, len(BOX_MOVES))
    left, right, *_ = edited.after[BOX][0]
    assert left == pytest.approx(0, abs=0.02) and right == pytest.approx(0.06, abs=0.03)
    figures = edit_figures(LeftBrightness(), edited)
    assert figures["faces"] == 2
    assert figures["mirrored"]["changed"]["value"] == 0.5 and figures["mirrored"]["mean_move"] > 0.45
    assert figures["jpeg 85"]["changed"]["value"] == 0


@pytest.mark.slow
def test_faces_that_are_not_found_after_an_edit_count_as_changed(halves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_whole(photo: Pixels, margin: float) -> list[Any]:
        return in_the_middle(photo, margin) if len(photo) == 64 else []

    monkeypatch.setattr(mild_edits, "find_faces", only_whole)
    edited = score_edited(LeftBrightness(), halves, pictures(halves))
    assert np.isnan(edited.after["shrunk"]).all() and np.isfinite(edited.after["mirrored"]).all()
    figures = edit_figures(LeftBrightness(), edited)
    assert figures["shrunk"]["changed"]["value"] == figures["shrunk"]["lost"] == 1
    assert figures["shrunk"]["mean_move"] is None
    assert figures["mirrored"]["lost"] == 0


def test_photos_without_a_face_are_left_out(halves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mild_edits, "find_faces", lambda photo, margin: [])
    edited = score_edited(LeftBrightness(), halves, pictures(halves))
    assert len(edited.before) == 0
    assert edit_figures(LeftBrightness(), edited) == {"faces": 0}


def test_verdicts_of_several_variants_are_averaged_per_face() -> None:
    before = np.array([0.2, 0.2])
    after = {BOX: np.array([[0.2, 0.5, 0.5, 0.8], [0.2, 0.2, 0.2, 0.2]])}
    figures = edit_figures(LeftBrightness(), Edited(before, after))
    assert figures[BOX]["changed"]["value"] == pytest.approx(3 / 8, abs=1e-4)
    assert figures[BOX]["mean_move"] == pytest.approx((0.3 + 0.3 + 0.6) / 8, abs=1e-4)


def test_box_moves_are_fractions_of_the_face_box_and_not_of_the_crop() -> None:
    square = (10.0, 20.0, 130.0)  # a box of 100 pixels at a margin of 1.3
    assert moved_square(square, 1.3, (0.03, 0, 0)) == pytest.approx((13, 20, 130))
    assert moved_square(square, 1.3, (0, -0.03, 0)) == pytest.approx((10, 17, 130))
    assert moved_square(square, 1.3, (0, 0, 0.03)) == pytest.approx((8.05, 18.05, 133.9))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        *(("mirrored", (40, 60)), ("jpeg 85", (40, 60)), ("shrunk", (30, 45)), ("enlarged", (60, 90))),
        *(("border cut", (32, 52)), ("framed", (48, 72))),
    ],
)
def test_edits_do_not_change_the_original_photo(name: str, shape: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    copy = photo.copy()
    edited = PHOTO_EDITS[name](photo)
    assert edited.shape[:2] == shape and edited.dtype == np.uint8
    np.testing.assert_array_equal(photo, copy)
