"""Measures how often an invisible edit of the photo changes the verdict."""

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
FRAME = 0.1  # of the photo's sides
STEP = 0.03  # of the face box's side


def _mirror(photo: Photo) -> Photo:
    return np.ascontiguousarray(photo[:, ::-1])


def _jpeg(photo: Photo) -> Photo:
    return compress(photo, 85)


def _resized(photo: Photo, factor: float, interpolation: int) -> Photo:
    height, width = photo.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(photo, size, interpolation=interpolation), dtype=np.uint8)


def _shrink(photo: Photo) -> Photo:
    return _resized(photo, 0.75, cv2.INTER_AREA)


def _enlarge(photo: Photo) -> Photo:
    return _resized(photo, 1.5, cv2.INTER_CUBIC)


def _cut_border(photo: Photo) -> Photo:
    return photo[BORDER:-BORDER, BORDER:-BORDER] if min(photo.shape[:2]) > 2 * BORDER else photo


def _frame(photo: Photo) -> Photo:
    vertical, horizontal = (round(side * FRAME) for side in photo.shape[:2])
    grey = (127, 127, 127)
    return np.asarray(
        cv2.copyMakeBorder(photo, vertical, vertical, horizontal, horizontal, cv2.BORDER_CONSTANT, value=grey),
        dtype=np.uint8,
    )


PHOTO_EDITS: Mapping[str, Callable[[Photo], Photo]] = {
    "mirrored": _mirror,
    "jpeg 85": _jpeg,
    "shrunk": _shrink,
    "enlarged": _enlarge,
    "border cut": _cut_border,
    "framed": _frame,
}
BOX = "box moved"
# Left, right, up, down, smaller, larger: one at a time, as shares of the face box's side.
BOX_MOVES = ((-STEP, 0, 0), (STEP, 0, 0), (0, -STEP, 0), (0, STEP, 0), (0, 0, -STEP), (0, 0, STEP))


@dataclass(frozen=True)
class Edited:
    """A model's answers for the same faces before and after edits.

    Attributes:
        before: P(Fake) ``(N,)`` of the original photos.
        after: by edit, P(Fake) ``(N, K)`` of its K variants; nan if no face is found after the edit.
    """

    before: NDArray[np.float64]
    after: Mapping[str, NDArray[np.float64]]


def moved_square(square: Square, margin: float, move: tuple[float, float, float]) -> Square:
    """The square of a face crop for a face box that is shifted and scaled.

    Args:
        square: ``(x, y, side)`` in photo pixels.
        margin: side of the crop as a multiple of the face box's longer side.
        move: shift right, shift down and growth, as shares of the face box's side; growth keeps the centre.
    """
    (x, y, side), (right, down, growth) = square, move
    box = side / margin
    return (x + right * box - side * growth / 2, y + down * box - side * growth / 2, side * (1 + growth))


def _largest(photo: Photo, margin: float) -> Face | None:
    return next(iter(find_faces(photo, margin)), None)


def score_edited(
    detector: Detector, data: Path, examples: Sequence[Example], advance: Advance = lambda count: None
) -> Edited:
    """Score faces before and after each edit with the product's own steps: edit the photo, find the face, crop, score.

    The box edit moves the square of the original photo's face instead. Photos without a detected face are left out.

    Args:
        detector: the model.
        data: the folder that the examples' paths start from.
        examples: the photos; their largest face is scored.
        advance: called with the number of photos done since its last call.
    """
    margin = detector.card.preprocessing.crop_margin
    rows: list[NDArray[np.float64]] = []
    for example in examples:
        photo = read_rgb(data / example.path)
        face = _largest(photo, margin)
        if face is not None:
            edited_faces = [_largest(edit(photo), margin) for edit in PHOTO_EDITS.values()]
            views = [face.crop, *(edited.crop if edited else face.crop for edited in edited_faces)]
            views += [crop(photo, moved_square(face.square, margin, move)) for move in BOX_MOVES]
            p_fake = p_fake_of(detector, np.stack(views))
            p_fake[1 : 1 + len(edited_faces)][[edited is None for edited in edited_faces]] = np.nan
            rows.append(p_fake)
        advance(1)
    table = np.array(rows).reshape(len(rows), 1 + len(PHOTO_EDITS) + len(BOX_MOVES))
    after = {name: table[:, [1 + column]] for column, name in enumerate(PHOTO_EDITS)}
    return Edited(table[:, 0], {**after, BOX: table[:, 1 + len(PHOTO_EDITS) :]})


def edit_figures(detector: Detector, edited: Edited) -> dict[str, Any]:
    """How often each edit changes the verdict (Fake, Inconclusive or Real), and how far it moves P(Fake).

    Returns:
        ``faces``, and by edit: ``changed``, the share of changed verdicts with a 95% interval over faces (the mean if
        an edit has several variants; a lost face counts as changed); ``mean_move``, the mean absolute change of
        P(Fake), None if every face is lost; ``lost``, the share of variants in which no face is found.
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
