"""Facial regions: what each place of a face crop shows, by a face parser and the five landmarks of the face."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from explain.regions.parser import CLASSES, parse_face
from model.photos.faces import Face

NAMES = (
    *("left eye", "right eye", "left eyebrow", "right eyebrow", "glasses", "nose", "mouth", "left cheek"),
    *("right cheek", "chin", "forehead", "left ear", "right ear", "hair", "hat", "neck", "clothes", "background"),
)
BOTH = " + "  # between the two parts of a region that shows two: "left eye + left eyebrow"
SECOND = 0.4  # of a region that a second part must cover to be named as well; chosen by benchmarks/region_names.py

# The part of each class of the parser. The landmarks divide the skin, and decide between left and right.
OF_CLASS = {
    **dict.fromkeys(("l_eye", "r_eye"), "left eye"),
    **dict.fromkeys(("l_brow", "r_brow"), "left eyebrow"),
    **dict.fromkeys(("l_ear", "r_ear", "ear_r"), "left ear"),
    **dict.fromkeys(("u_lip", "l_lip"), "mouth"),
    **{"skin": "left cheek", "eye_g": "glasses", "neck_l": "neck", "cloth": "clothes"},
}
PAIRED = ("eye", "eyebrow", "ear")
OF_FACE = ("skin", "l_brow", "r_brow", "l_eye", "r_eye", "nose", "mouth", "u_lip", "l_lip")
LEAST_FACE = 0.02  # of the crop; where the parser finds less, it finds no face

# Lengths across a face are in distances between its eyes as seen from the front, lengths down it in distances from the
# eyes to the mouth: 6 to 7 cm both. The origin lies between the eyes. A number without a source was set by eye on
# faces of three data sets, frontal, tilted and half-turned.
FACE = ((0.0, 0.3), (1.1, 1.45))  # centre and half-axes of an ellipse from the hairline to the chin
HEAD_RADIUS = 1.17  # of the head at its widest place; larger than the face, which ends before the head's outline
NOSE_LENGTH = 0.47  # offset of the nose at a turn of 45 degrees; fitted to the eye distances of 257 faces
MOST_TURNED = math.radians(70)  # the landmarks of a profile are too coarse for more
FLATTEST = 0.05  # eyes and mouth that span less than this share of a square are not a face
TEMPLE = -0.12  # the forehead is above it, the cheeks below
# Both ends of a line, and the region's radius around it; for pairs the right one, the left one is its mirror image.
EYEBROW = ((0.25, -0.36), (0.72, -0.38), 0.12)
EYE = ((0.38, -0.02), (0.62, -0.02), 0.2)
CHIN = ((0.0, 1.4), (0.0, 1.6), 0.42)
PHILTRUM = 0.17  # radius around the line from the nose's tip to the mouth
BESIDE = 9.0  # the x, left or right, of what is not seen from the front

Points = tuple[NDArray[np.float32], NDArray[np.float32]]  # x and y of each pixel, ``(side, side)`` both
Point = Sequence[float] | NDArray[np.float32]  # x and y of one point


def landmarks_in_crop(face: Face) -> NDArray[np.float32] | None:
    """The five landmarks in pixels of the crop.

    Args:
        face: a face as ``model.photos.faces`` finds it.

    Returns:
        ``(5, 2) float32`` x, y in the order of ``Face.landmarks``; some may lie outside the crop. None without
        landmarks (the whole picture), or if they do not have the shape of a face.
    """
    if not len(face.landmarks):
        return None
    x, y, side = (round(value) for value in face.square)  # in whole pixels, as ``model.photos.faces.crop`` cuts
    landmarks = ((face.landmarks - np.array([x, y])) * len(face.crop) / max(1, side)).astype(np.float32)
    return landmarks if _span_a_face(landmarks) else None


def face_parts(face: Face) -> NDArray[np.uint8] | None:
    """What each pixel of a face's crop shows.

    Args:
        face: a face as ``model.photos.faces`` finds it.

    Returns:
        Index into ``NAMES`` of each pixel, ``(S, S) uint8``; None without landmarks, or if the parser finds no face.
    """
    landmarks = landmarks_in_crop(face)
    if landmarks is None:
        return None
    classes = parse_face(face.crop)
    is_face = np.isin(classes, [CLASSES.index(name) for name in OF_FACE])
    return parts_of(classes, landmarks) if is_face.mean() >= LEAST_FACE else None


def parts_of(classes: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The parts of a face from the parser's classes.

    Left and right are the viewer's: the left eye of an upright face is the one in the left half of the picture. Skin
    is divided by the landmarks: around an eye or an eyebrow it belongs to that, with the lids, between nose and mouth
    to the mouth, below the lips to the chin; above the eyes it is forehead, elsewhere a cheek, with the jaw.

    Eyes and mouth span a frame that tilts, rolls and scales with the face. A turned head is modelled as round; the
    position of the nose between the eyes gives the angle. Eyes, eyebrows, cheeks, chin and forehead are placed on its
    surface as seen from the front.

    Args:
        classes: index into ``CLASSES`` of each pixel, ``(S, S) uint8``.
        landmarks: ``(5, 2)`` x, y in pixels, in the order of ``model.photos.faces.Face.landmarks``; they may lie
            outside the crop.

    Returns:
        Index into ``NAMES`` of each pixel, ``(S, S) uint8``.
    """
    picture, (*_, tip, left_corner, right_corner), turn = _in_frame(len(classes), np.asarray(landmarks, np.float64))
    x, y = front = _unroll(picture, turn)
    parts = np.array([NAMES.index(OF_CLASS.get(name, name)) for name in CLASSES], np.uint8)[classes]
    for name in PAIRED:
        parts[(parts == NAMES.index(f"left {name}")) & (picture[0] >= 0)] = NAMES.index(f"right {name}")
    skin = classes == CLASSES.index("skin")
    shapes = (
        ("right cheek", x >= 0),
        ("forehead", y < TEMPLE),
        ("chin", _near(front, *CHIN)),
        ("mouth", _near(picture, tip, (left_corner + right_corner) / 2, PHILTRUM)),
        ("left eyebrow", _near((-x, y), *EYEBROW)),
        ("right eyebrow", _near(front, *EYEBROW)),
        ("left eye", _near((-x, y), *EYE)),
        ("right eye", _near(front, *EYE)),
    )
    for name, inside in shapes:
        parts[skin & inside] = NAMES.index(name)
    return parts


def facial_regions(parts: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Parts of a face as regions; every pixel belongs to one.

    Args:
        parts: as ``face_parts`` returns them.

    Returns:
        Region of each pixel, ``(S, S) int32``, labels ``0..K-1`` without gaps, in the order of ``NAMES``.
    """
    return np.unique(parts, return_inverse=True)[1].reshape(parts.shape).astype(np.int32)


def region_names(segments: NDArray[np.integer], parts: NDArray[np.uint8]) -> tuple[str, ...]:
    """Name each superpixel by the part that covers most of it; several may have the same name.

    Where a second part covers at least two fifths, the name says both, such as ``"left eye + left eyebrow"``.

    Args:
        segments: superpixel of each pixel, ``(S, S) int``, labels ``0..K-1``.
        parts: as ``face_parts`` returns them.

    Returns:
        ``K`` names, each one of ``NAMES``, or two joined by ``BOTH`` in the order of ``NAMES``; of parts that cover
        the same area, the first ones in that order.
    """
    names = []
    for areas in covered_areas(segments, parts):
        first, second = np.argsort(-areas, kind="stable")[:2]
        named = sorted((first, second)) if areas[second] >= SECOND * areas.sum() else [first]
        names.append(BOTH.join(NAMES[part] for part in named))
    return tuple(names)


def covered_areas(segments: NDArray[np.integer], parts: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pixels of each superpixel that each part covers, ``(K, len(NAMES))``; arguments as for ``region_names``."""
    shape = (int(segments.max()) + 1, len(NAMES))
    pairs = np.ravel_multi_index((segments.ravel(), parts.ravel()), shape)
    return np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape)


def named_parts(name: str) -> list[str]:
    """The parts, of ``NAMES``, that a region's name says: one or two."""
    return name.split(BOTH)


def _span_a_face(landmarks: NDArray[np.floating]) -> bool:
    """Whether eyes and mouth span a plane and are in the documented order, for any roll of the face."""
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        return False
    across, down = points[1] - points[0], points[3:].mean(axis=0) - points[:2].mean(axis=0)
    area = across[0] * down[1] - across[1] * down[0]
    return bool(area > FLATTEST * max(across @ across, down @ down))


def _in_frame(side: int, landmarks: NDArray[np.float64]) -> tuple[Points, NDArray[np.float32], float]:
    """The centres of the pixels and the landmarks ``(5, 2)`` in the face's frame, and its turn.

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
    """Points of a turned head as seen from the front; x is ± ``BESIDE`` for points that are not visible from there.

    Each height of the head is a circle with the width of the face's ellipse. A turn about its axis keeps the eyes at
    their landmarks.
    """
    x, y = picture
    (_, middle), (_, half_height) = FACE
    radius = HEAD_RADIUS * np.sqrt(np.clip(1 - ((y - middle) / half_height) ** 2, 1e-9, 1))
    depth_of_eyes = math.cos(math.asin(0.5 / HEAD_RADIUS))  # before the axis, in radii
    sine = x / radius + depth_of_eyes * math.sin(turn)
    angle = np.arcsin(np.clip(sine, -1, 1)) - turn
    seen = (np.abs(sine) <= 1) & (np.abs(angle) <= np.pi / 2)
    return np.where(seen, radius * np.sin(angle), np.copysign(BESIDE, sine)), y


def _near(points: Points, start: Point, end: Point, radius: float) -> NDArray[np.bool_]:
    """Whether each point lies within a radius of the line from start to end."""
    line_x, line_y = end[0] - start[0], end[1] - start[1]
    x, y = points[0] - start[0], points[1] - start[1]
    share = np.clip((x * line_x + y * line_y) / max(line_x**2 + line_y**2, 1e-12), 0, 1)
    return np.asarray((x - share * line_x) ** 2 + (y - share * line_y) ** 2 <= radius**2)
