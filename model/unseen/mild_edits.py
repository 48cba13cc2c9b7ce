"""Measures how often a verdict changes under an edit of the photo that nobody sees."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model.data.layout import Example
from model.data.reading import read_rgb
from model.detector.detector import Detector
from model.evaluation.measuring import Advance, p_fake_of
from model.photos.degrade import compress
from model.photos.faces import Face, crop, find_faces
from model.unseen.figures import share_of

Photo = NDArray[np.uint8]
Square = tuple[float, float, float]
BORDER = 4  # pixels cut off each side
STEP = 0.03  # of the face box's side


def _mirror(photo: Photo) -> Photo:
    return np.ascontiguousarray(photo[:, ::-1])


def _jpeg(photo: Photo) -> Photo:
    return compress(photo, 85)


def _shrink(photo: Photo) -> Photo:
    height, width = photo.shape[:2]
    size = (max(1, round(width * 0.75)), max(1, round(height * 0.75)))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _cut_border(photo: Photo) -> Photo:
    return photo[BORDER:-BORDER, BORDER:-BORDER] if min(photo.shape[:2]) > 2 * BORDER else photo


PHOTO_EDITS: Mapping[str, Callable[[Photo], Photo]] = {
    "mirrored": _mirror,
    "jpeg 85": _jpeg,
    "shrunk": _shrink,
    "border cut": _cut_border,
}
BOX = "box moved"
# Left, right, up, down, smaller, larger: each alone, in parts of the face box's side.
BOX_MOVES = ((-STEP, 0, 0), (STEP, 0, 0), (0, -STEP, 0), (0, STEP, 0), (0, 0, -STEP), (0, 0, STEP))


@dataclass(frozen=True)
class Edited:
    """What a model says of the same faces before and after edits.

    Attributes:
        before: P(Fake) ``(N,)`` of the untouched photos.
        after: by edit, P(Fake) ``(N, K)`` of its K variants; nan where no face is found after the edit.
    """

    before: NDArray[np.float64]
    after: Mapping[str, NDArray[np.float64]]


def moved_square(square: Square, margin: float, move: tuple[float, float, float]) -> Square:
    """The square of a face crop for a face box that is shifted and scaled.

    Args:
        square: ``(x, y, side)`` in photo pixels.
        margin: side of the crop as a multiple of the face box's longer side.
        move: shift right, shift down and growth, in parts of the face box's side; growth keeps the centre.
    """
    (x, y, side), (right, down, growth) = square, move
    box = side / margin
    return (x + right * box - side * growth / 2, y + down * box - side * growth / 2, side * (1 + growth))


def _largest(photo: Photo, margin: float) -> Face | None:
    return next(iter(find_faces(photo, margin)), None)


def ask_edited(
    detector: Detector, data: Path, examples: Sequence[Example], advance: Advance = lambda count: None
) -> Edited:
    """Judge faces before and after each edit by the product's own road: edit the photo, find the face, crop, judge.

    The box edit moves the square of the untouched photo's face instead. Photos in which no face is found are left out.

    Args:
        detector: the model.
        data: the folder that the examples' paths start from.
        examples: the photos; their largest face is judged.
        advance: called with the number of photos done since its last call.
    """
    margin = detector.card.preprocessing.crop_margin
    rows: list[NDArray[np.float64]] = []
    for example in examples:
        photo = read_rgb(data / example.path)
        face = _largest(photo, margin)
        if face is not None:
            found = [_largest(edit(photo), margin) for edit in PHOTO_EDITS.values()]
            views = [face.crop, *(one.crop if one else face.crop for one in found)]
            views += [crop(photo, moved_square(face.square, margin, move)) for move in BOX_MOVES]
            said = p_fake_of(detector, np.stack(views))
            said[1 : 1 + len(found)][[one is None for one in found]] = np.nan
            rows.append(said)
        advance(1)
    table = np.array(rows).reshape(len(rows), 1 + len(PHOTO_EDITS) + len(BOX_MOVES))
    after = {name: table[:, [1 + column]] for column, name in enumerate(PHOTO_EDITS)}
    return Edited(table[:, 0], {**after, BOX: table[:, 1 + len(PHOTO_EDITS) :]})


def edit_figures(detector: Detector, edited: Edited) -> dict[str, Any]:
    """How often each edit changes the verdict (Fake, Inconclusive or Real), and how far it moves P(Fake).

    Returns:
        ``faces``, and by edit ``changed``: the share of verdicts changed with a 95 % interval over faces, the mean over
        variants where an edit has several, a lost face counting as changed; ``mean_move``: mean absolute change of
        P(Fake), None where every face is lost; ``lost``: share of variants in which no face is found any more.
    """
    figures: dict[str, Any] = {"faces": len(edited.before)}
    if not len(edited.before):
        return figures
    verdicts = np.array([detector.verdict(p) for p in edited.before])
    for name, after in edited.after.items():
        same = np.array([[detector.verdict(p) for p in row] for row in after]) == verdicts[:, None]
        lost = np.isnan(after)
        estimate = share_of((~same | lost).mean(axis=1))
        moves = np.abs(after - edited.before[:, None])[~lost]
        figures[name] = {
            "changed": estimate.rounded(),
            "mean_move": round(float(moves.mean()), 4) if len(moves) else None,
            "lost": round(float(lost.mean()), 4),
        }
    return figures
