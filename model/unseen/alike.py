"""Compares generated with real faces after the same recompression and resizing, so that only their origin differs."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from model.data.layout import Example
from model.data.reading import read_rgb
from model.detector.detector import Detector
from model.evaluation.measuring import BATCH, Advance, p_fake_of
from model.photos.degrade import DOWN_FILTERS, compress
from model.photos.faces import crop, square_around

FACTOR = (0.5, 1.0)  # the photo's sides are multiplied by
QUALITY = (50, 95)  # of the JPEG that follows


def degrade_alike(photo: NDArray[np.uint8], seed: Sequence[int]) -> tuple[NDArray[np.uint8], float]:
    """A photo ``(H, W, 3) uint8`` resized and compressed at random, and the factor of its sides.

    The factor is uniform in ``FACTOR``, the filter is one of ``model.photos.degrade.DOWN_FILTERS``, and the JPEG
    quality is a uniform integer in ``QUALITY``. None of them depends on the photo.
    """
    rng = np.random.default_rng(seed)
    factor = float(rng.uniform(*FACTOR))
    size = (max(1, round(photo.shape[1] * factor)), max(1, round(photo.shape[0] * factor)))
    shrunk = cv2.resize(photo, size, interpolation=int(rng.choice(DOWN_FILTERS)))
    return compress(np.asarray(shrunk, np.uint8), int(rng.integers(QUALITY[0], QUALITY[1] + 1))), factor


def judge_alike(
    detector: Detector, data: Path, examples: Sequence[Example], seed: int, advance: Advance = lambda count: None
) -> NDArray[np.float64]:
    """P(Fake) ``(N,)`` of examples after ``degrade_alike``.

    The face box is the one found in the original photo, scaled with it. The random draw depends only on ``seed`` and
    the example's path, so that a picture is always degraded in the same way.

    Args:
        detector: the model.
        data: the folder that the examples' paths start from.
        examples: pictures with a face box.
        seed: decides the degradations.
        advance: called with the number of pictures judged since its last call.
    """
    parts = []
    for start in range(0, len(examples), BATCH):
        crops = [_crop(detector, data, example, seed) for example in examples[start : start + BATCH]]
        parts.append(p_fake_of(detector, np.stack(crops)))
        advance(len(crops))
    return np.concatenate(parts) if parts else np.empty(0)


def _crop(detector: Detector, data: Path, example: Example, seed: int) -> NDArray[np.uint8]:
    if example.box is None:
        raise ValueError(f"{example.path} has no face box.")
    photo, factor = degrade_alike(read_rgb(data / example.path), (seed, zlib.crc32(example.path.encode())))
    x, y, side = square_around(example.box, detector.card.preprocessing.crop_margin)
    return crop(photo, (x * factor, y * factor, side * factor))
