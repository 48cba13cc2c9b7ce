"""Tests of the photo with a box and a label for each face."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageDraw

from explain.drawing import boxes, palette
from model.detector.detector import Prediction
from model.i18n.catalogue import use_language
from model.photos.faces import Face


def face(x: int, y: int, w: int, h: int) -> Face:
    crop = np.zeros((256, 256, 3), np.uint8)
    return Face((x, y, w, h), 1.0, np.zeros((5, 2), np.float32), crop, (float(x), float(y), float(w)))


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(1500, 3000, (512, 1024)), (3000, 1500, (1024, 512)), (300, 400, (300, 400)), (32, 40_000, (1, 1024))],
)
def test_boxes_are_drawn_on_a_picture_of_limited_size(height: int, width: int, expected: tuple[int, int]) -> None:
    photo = np.zeros((height, width, 3), np.uint8)
    found = face(10, 10, 20, 20)
    picture = boxes.boxes(photo, (found,), found)
    assert picture.shape == (*expected, 3)
    assert boxes.display_scale(photo) == min(1.0, 1024 / max(height, width))


def colour_near(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.abs(picture.astype(int) - np.array(colour)).max(axis=2) <= 16  # thin lines are antialiased


@pytest.mark.parametrize("scale", [1, 4])
def test_each_face_gets_a_box_at_its_place(scale: int) -> None:
    photo = np.zeros((400 * scale, 500 * scale, 3), np.uint8)
    left, right = (face(*(scale * value for value in box)) for box in ((40, 60, 120, 150), (300, 100, 90, 90)))
    picture = boxes.boxes(photo, (left, right), left)
    shown = boxes.display_scale(photo) * scale
    for (x, y, w, h), colour in (((40, 60, 120, 150), boxes.CHOSEN), ((300, 100, 90, 90), boxes.OTHER)):
        rows, columns = np.nonzero(colour_near(picture, colour))
        reach = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
        np.testing.assert_allclose(reach, np.array([x, y, x + w, y + h]) * shown, atol=4)


def test_the_chosen_face_has_a_thicker_box() -> None:
    photo = np.zeros((400, 500, 3), np.uint8)
    left, right = face(40, 60, 120, 150), face(300, 60, 120, 150)
    first, second = (boxes.boxes(photo, (left, right), chosen) for chosen in (left, right))
    for picture, chosen, other in ((first, left, right), (second, right, left)):
        middle = 60 + 75
        widths = [
            colour_near(picture[middle : middle + 1, found.box[0] - 10 : found.box[0] + 10], colour).sum()
            for found, colour in ((chosen, boxes.CHOSEN), (other, boxes.OTHER))
        ]
        assert widths[0] > widths[1] >= 1


def test_boxes_are_numbered_unless_the_whole_picture_was_judged() -> None:
    photo = np.zeros((400, 500, 3), np.uint8)
    found = face(100, 100, 200, 200)
    numbered, plain = boxes.boxes(photo, (found,), found), boxes.boxes(photo, (), found)
    rows, columns = np.nonzero((numbered != plain).any(axis=2))
    assert rows.min() > 75 and rows.max() <= 100, "just above the box, not inside it"
    assert columns.min() == 100 and columns.max() < 125
    assert colour_near(plain, boxes.CHOSEN).sum() > 100


def prediction(verdict: str, p_fake: float) -> Prediction:
    return Prediction({"Fake": p_fake, "Real": 1 - p_fake}, verdict, True, None)


def test_each_verdict_has_its_own_colour_and_line() -> None:
    """Measured on the box's right side, away from its label: the share that is drawn, and the number of pieces."""
    photo = np.zeros((400, 500, 3), np.uint8)
    found = face(100, 100, 200, 200)
    drawn, pieces = {}, {}
    for verdict, colour in (("Fake", (213, 94, 0)), ("Real", palette.SUPPORTS), ("Inconclusive", boxes.OTHER)):
        picture = boxes.boxes(photo, (found,), found, [prediction(verdict, 0.5)])
        side = colour_near(picture[100:300, 298:303], colour).any(axis=1)
        drawn[verdict], pieces[verdict] = side.mean(), np.count_nonzero(np.diff(side.astype(int)) == 1)
    assert drawn["Fake"] == 1 > drawn["Real"] > drawn["Inconclusive"] > 0
    assert pieces["Fake"] == 0 < pieces["Real"] < pieces["Inconclusive"]


def label_of(photo_side: int, box: tuple[int, int, int, int], *predictions: Prediction) -> NDArray[np.bool_]:
    """The dark pixels of the label of a face on a white photo."""
    photo = np.full((photo_side, photo_side, 3), 255, np.uint8)
    found = face(*box)
    ink = boxes.boxes(photo, (found,), found, predictions).max(axis=2) < 80
    return np.asarray(ink)


def test_label_is_longer_with_a_verdict() -> None:
    number, certain, unsure = (
        label_of(400, (100, 100, 200, 200), *predictions).sum()
        for predictions in ((), (prediction("Fake", 0.93),), (prediction("Inconclusive", 0.53),))
    )
    assert number * 2 < certain and number * 2 < unsure


@pytest.mark.parametrize(
    ("side", "box"),
    [
        (60, (5, 5, 50, 50)),
        (400, (0, 0, 400, 400)),
        (4000, (1000, 1000, 60, 60)),
        (1000, (960, 960, 40, 40)),
        (1000, (0, 0, 30, 30)),
    ],
)
def test_label_is_legible_and_whole_whatever_the_photo(side: int, box: tuple[int, int, int, int]) -> None:
    """Its letters are on white, and its whole border lies inside the picture."""
    ink = label_of(side, box, prediction("Fake", 0.93))
    rows, columns = np.nonzero(ink)
    height, width = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
    assert 13 <= height <= len(ink) / 4 and width >= height
    border = np.concatenate([ink[rows.min()], ink[rows.max()]])
    assert border.sum() == 2 * width


def test_labels_never_cover_each_other() -> None:
    """Faces side by side: a number replaces a label that has no room, and nothing replaces such a number."""
    photo = np.full((300, 300, 3), 255, np.uint8)
    crowd = tuple(face(20 * column, 100 + 20 * row, 18, 18) for row in range(4) for column in range(15))
    placed = []

    def note(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], **style: Any) -> None:
        placed.append(box)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageDraw.ImageDraw, "rectangle", note)
        boxes.boxes(photo, crowd, crowd[3], [prediction("Fake", 0.9)] * len(crowd))
    assert 10 < len(placed) <= len(crowd)
    covered = np.zeros((320, 320), int)
    for left, top, right, bottom in placed:
        covered[top:bottom, left:right] += 1
    assert covered.max() == 1


def test_chosen_face_is_labelled_first() -> None:
    """There are two faces at the same place, with room for the whole label of only one."""
    photo = np.full((300, 300, 3), 255, np.uint8)
    pair = (face(100, 100, 90, 90), face(101, 101, 90, 90))
    first, second = (
        boxes.boxes(photo, pair, chosen, [prediction("Fake", 0.9), prediction("Real", 0.1)]) for chosen in pair
    )
    alone = boxes.boxes(photo, pair[:1], pair[0], [prediction("Fake", 0.9)])
    np.testing.assert_array_equal(first[80:100, 100:190], alone[80:100, 100:190])
    assert (second[80:100, 100:190] != alone[80:100, 100:190]).any()


def test_labels_are_translated() -> None:
    photo = np.full((300, 300, 3), 255, np.uint8)
    found = face(100, 100, 90, 90)
    english = boxes.boxes(photo, (found,), found, [prediction("Real", 0.1)])
    with use_language("tr"):
        assert (boxes.boxes(photo, (found,), found, [prediction("Real", 0.1)]) != english).any()


def test_faces_that_were_not_judged_keep_their_number_and_a_plain_box() -> None:
    photo = np.zeros((400, 500, 3), np.uint8)
    pair = (face(40, 60, 120, 150), face(300, 60, 120, 150))
    judged, none = boxes.boxes(photo, pair, pair[0], [prediction("Fake", 0.9)]), boxes.boxes(photo, pair, pair[0])
    np.testing.assert_array_equal(judged[:, 250:], none[:, 250:])
    assert (judged[:, :250] != none[:, :250]).any()


def test_a_photo_without_faces_stays_unchanged() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    before = photo.copy()
    picture = boxes.boxes(photo, (), None)
    np.testing.assert_array_equal(picture, photo)
    boxes.boxes(photo, (face(10, 10, 90, 90),), None)
    np.testing.assert_array_equal(photo, before)
