"""Facial regions: a face crop cut into eyes, nose, mouth and so on, by the five landmarks of the face."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.photos.faces import Face

NAMES = (
    *("left eye", "right eye", "left eyebrow", "right eyebrow", "nose", "mouth"),
    *("left cheek", "right cheek", "chin", "forehead", "hair", "background"),
)

# Lengths across a face are in distances between its eyes as seen from the front, lengths down it in distances from the
# eyes to the mouth: 6 to 7 cm both. The origin lies between the eyes. Where no source is given, a number was set by eye
# on faces of three data sets, frontal, tilted and half-turned.
FACE = ((0.0, 0.3), (1.1, 1.45))  # centre and half-axes of an ellipse from the hairline to the chin
HEAD = ((0.0, -0.2), (1.4, 1.65))  # the same with the hair
HEAD_RADIUS = 1.17  # of the head's roundness, at the widest: the front of the face ends before its outline
NOSE_LENGTH = 0.47  # offset of the nose at a turn of 45 degrees; fitted to how the eyes of 257 faces draw nearer
MOST_TURNED = math.radians(70)  # the landmarks of a profile are too coarse for more
FLATTEST = 0.05  # eyes and mouth that span less than this share of a square belong to no face
TEMPLE = -0.12  # above it lies the forehead, below it the cheeks
# Both ends of a line, and how far around it the region reaches; of a pair the right one, which the left one mirrors.
EYE = ((0.38, -0.02), (0.62, -0.02), 0.2)
EYEBROW = ((0.25, -0.36), (0.72, -0.38), 0.12)
CHIN = ((0.0, 1.4), (0.0, 1.6), 0.42)
BRIDGE, NOSE_TIP, PHILTRUM, LIPS = 0.15, 0.27, 0.17, 0.21  # how far around the landmarks they reach
BESIDE = 9.0  # across, where nothing of a face is

Points = tuple[NDArray[np.float32], NDArray[np.float32]]  # x and y of each pixel, ``(side, side)`` both
Point = Sequence[float] | NDArray[np.float32]  # x and y of one point


def landmarks_in_crop(face: Face) -> NDArray[np.float32] | None:
    """The five landmarks in pixels of the crop.

    Args:
        face: a face as ``model.photos.faces`` finds it.

    Returns:
        ``(5, 2) float32`` x, y in the order of ``Face.landmarks``; some may lie outside the crop. None where there are
        none (the whole picture), or where they are too far from a face's to say where anything is.
    """
    if not len(face.landmarks):
        return None
    x, y, side = (round(value) for value in face.square)  # in whole pixels, as ``model.photos.faces.crop`` cuts
    landmarks = ((face.landmarks - np.array([x, y])) * len(face.crop) / max(1, side)).astype(np.float32)
    return landmarks if _span_a_face(landmarks) else None


def facial_regions(side: int, landmarks: NDArray[np.floating]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Cut a face crop into facial regions; every pixel belongs to one.

    Left and right are the viewer's: the left eye of an upright face is the one in the left half of the picture. The
    mouth includes the philtrum, the chin what lies below the lips, the cheeks the jaw. Hair is a ring around and above
    the face, whatever is there: ears, a hat, a bald head's top. The background is the rest, the neck included.

    Eyes and mouth span a frame that tilts, rolls and scales with the face. A turned head is taken to be round;
    how far it is turned is told by how far the nose has moved between the eyes. Eyes, eyebrows, cheeks, chin and
    forehead are laid out on its surface as seen from the front, nose and mouth where their landmarks are.

    Args:
        side: of the crop, in pixels.
        landmarks: ``(5, 2)`` x, y in pixels of the crop, in the order of ``model.photos.faces.Face.landmarks``; they
            may lie outside the crop.

    Returns:
        Region of each pixel, ``(side, side) int32``, labels ``0..K-1`` without gaps, and the ``K`` names, a part of
        ``NAMES`` in that order: what the crop does not show is left out.

    Raises:
        ValueError: if the side is not positive, or the landmarks are not finite or span no face.
    """
    if side < 1:
        raise ValueError(f"side must be at least 1 pixel, got {side}")
    if not _span_a_face(landmarks):
        raise ValueError(
            "landmarks must be five points x, y: left eye, right eye, nose, left and right corner of the mouth, "
            f"and the eyes and the mouth must lie apart; got {np.asarray(landmarks).tolist()}. Choose another method."
        )
    regions = _paint(side, np.asarray(landmarks, dtype=np.float64))
    present = np.bincount(regions.ravel(), minlength=len(NAMES)) > 0
    segments = (np.cumsum(present) - 1)[regions].astype(np.int32)
    return segments, tuple(name for name, seen in zip(NAMES, present, strict=True) if seen)


def region_names(segments: NDArray[np.integer], landmarks: NDArray[np.floating]) -> tuple[str, ...]:
    """Name each superpixel by the facial region that covers most of it; several may have the same name.

    Args:
        segments: superpixel of each pixel, ``(S, S) int``, labels ``0..K-1``.
        landmarks: as for ``facial_regions``.

    Returns:
        ``K`` names, each one of ``NAMES``; where two regions cover as much, the one that comes first there.

    Raises:
        ValueError: as ``facial_regions``.
    """
    regions, names = facial_regions(len(segments), landmarks)
    shape = (int(segments.max()) + 1, len(names))
    pairs = np.ravel_multi_index((segments.ravel(), regions.ravel()), shape)
    covered = np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape)
    return tuple(names[region] for region in covered.argmax(axis=1))


def _span_a_face(landmarks: NDArray[np.floating]) -> bool:
    """Whether eyes and mouth span a plane and come in the order promised, whatever the roll of the face."""
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        return False
    across, down = points[1] - points[0], points[3:].mean(axis=0) - points[:2].mean(axis=0)
    area = across[0] * down[1] - across[1] * down[0]
    return bool(area > FLATTEST * max(across @ across, down @ down))


def _paint(side: int, landmarks: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index into ``NAMES`` of each pixel ``(side, side)``; what is painted later covers what was before."""
    picture, (*_, tip, left_corner, right_corner), turn = _in_frame(side, landmarks)
    x, y = unrolled = _unroll(picture, turn)
    mirrored, face = (-x, y), _in_ellipse(unrolled, *FACE)
    mouth = (left_corner + right_corner) / 2
    inwards = 0.15 * (mouth - left_corner)  # since lips reach beyond the corners by less than above and below them
    shapes = (
        ("hair", _in_ellipse((picture[0] + math.sin(turn), picture[1]), *HEAD)),  # its middle lies behind the eyes
        ("left cheek", face & (x < 0)),
        ("right cheek", face & (x >= 0)),
        ("forehead", face & (y < TEMPLE)),
        ("chin", face & _near(unrolled, *CHIN)),
        ("mouth", _near(picture, tip, mouth, PHILTRUM)),
        ("mouth", _near(picture, left_corner + inwards, right_corner - inwards, LIPS)),
        # The tip stands out of the face towards the viewer; its wings, and so the region, stay nearer to the middle.
        ("nose", _near(picture, (0, 0), (0.85 * tip[0], tip[1]), BRIDGE, NOSE_TIP)),
        ("left eyebrow", _near(mirrored, *EYEBROW)),
        ("right eyebrow", _near(unrolled, *EYEBROW)),
        ("left eye", _near(mirrored, *EYE)),
        ("right eye", _near(unrolled, *EYE)),
    )
    regions = np.full((side, side), NAMES.index("background"))
    for name, inside in shapes:
        regions[inside] = NAMES.index(name)
    return regions


def _in_frame(side: int, landmarks: NDArray[np.float64]) -> tuple[Points, NDArray[np.float32], float]:
    """The centres of the pixels and the landmarks ``(5, 2)`` in the face's own lengths, and its turn.

    The turn is in radians, positive where the nose has moved to the viewer's right. It shortens the eyes' distance by
    its cosine and moves the nose by its sine, so their ratio is the tangent.
    """
    origin = landmarks[:2].mean(axis=0)
    frame = np.linalg.inv(np.stack([landmarks[1] - landmarks[0], landmarks[3:].mean(axis=0) - origin]))
    seen = (landmarks - origin) @ frame
    turn = float(np.clip(np.arctan(seen[2, 0] / NOSE_LENGTH), -MOST_TURNED, MOST_TURNED))
    frame[:, 0] *= math.cos(turn)
    seen[:, 0] *= math.cos(turn)
    columns, rows = np.arange(side) + 0.5 - origin[:, None]
    x, y = (np.add.outer(rows * down, columns * across).astype(np.float32) for across, down in frame.T)
    return (x, y), seen.astype(np.float32), turn


def _unroll(picture: Points, turn: float) -> Points:
    """Where points of a turned head are seen from the front; across is ``BESIDE`` for those that are not.

    Each height of the head is a circle as wide as the ellipse of the face is there. Turning it about its axis leaves
    the eyes where the landmarks are.
    """
    x, y = picture
    (_, middle), (_, half_height) = FACE
    radius = HEAD_RADIUS * np.sqrt(np.clip(1 - ((y - middle) / half_height) ** 2, 1e-9, 1))
    depth_of_eyes = math.cos(math.asin(0.5 / HEAD_RADIUS))  # before the axis, in radii
    sine = x / radius + depth_of_eyes * math.sin(turn)
    angle = np.arcsin(np.clip(sine, -1, 1)) - turn
    seen = (np.abs(sine) <= 1) & (np.abs(angle) <= np.pi / 2)
    return np.where(seen, radius * np.sin(angle), BESIDE), y


def _in_ellipse(points: Points, centre: tuple[float, float], half_axes: tuple[float, float]) -> NDArray[np.bool_]:
    (x, y), (middle_x, middle_y), (width, height) = points, centre, half_axes
    return np.asarray(((x - middle_x) / width) ** 2 + ((y - middle_y) / height) ** 2 <= 1)


def _near(
    points: Points, start: Point, end: Point, radius: float, end_radius: float | None = None
) -> NDArray[np.bool_]:
    """Which points lie within a radius of the line from start to end; the radius may change along the line."""
    line_x, line_y = end[0] - start[0], end[1] - start[1]
    x, y = points[0] - start[0], points[1] - start[1]
    share = np.clip((x * line_x + y * line_y) / max(line_x**2 + line_y**2, 1e-12), 0, 1)
    reach = radius if end_radius is None else radius + share * (end_radius - radius)
    return np.asarray((x - share * line_x) ** 2 + (y - share * line_y) ** 2 <= reach**2)
