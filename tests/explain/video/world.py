"""Clips of squares with known places and probabilities, and a stand-in for the analysis of a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from explain.result import Analysis
from explain.settings import Settings
from model.detector.detector import Prediction
from model.photos.faces import Face
from model.photos.photo import Photo
from tests.support.clip_files import clip_file

HEIGHT, WIDTH = 128, 256
Square = tuple[int, int, int, float]  # x, y, side in pixels, and P(Fake)


def frame(squares: Sequence[Square]) -> NDArray[np.uint8]:
    """A dark frame with a green square per face; the red channel of a square is its P(Fake)."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for x, y, side, p_fake in squares:
        pixels[y : y + side, x : x + side] = (round(255 * p_fake), 200, 0)
    return pixels


def clip_of(squares_at: Callable[[float], Sequence[Square]], seconds: float, step: float = 0.04) -> bytes:
    """A clip; ``squares_at`` gives the squares at a time in seconds."""
    times = np.arange(0, seconds, step)
    return clip_file([frame(squares_at(time)) for time in times], [round(1000 * time) for time in times])


def analyze(
    pixels: NDArray[np.uint8], settings: Settings, detector: Any, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Analysis]:
    """Stand-in for ``explain.analysis.analyze``: the squares are the faces, and their red channel is P(Fake)."""
    count, _, stats, _ = cv2.connectedComponentsWithStats((pixels[..., 1] > 100).astype(np.uint8))
    boxes = sorted((tuple(map(int, stats[part][:4])) for part in range(1, count)), key=lambda box: -box[2] * box[3])
    faces, predictions = [], []
    for x, y, w, h in boxes:
        crop = cv2.resize(pixels[y : y + h, x : x + w], (256, 256), interpolation=cv2.INTER_AREA)
        faces.append(Face((x, y, w, h), 1.0, np.zeros((5, 2), np.float32), crop, (x, y, float(w))))
        p_fake = float(crop[64:192, 64:192, 0].mean() / 255)
        predictions.append(Prediction({"Fake": p_fake, "Real": 1 - p_fake}, detector.verdict(p_fake), True, None))
    if cancelled():
        return
    yield Analysis(
        Photo(pixels, (), ""),
        tuple(faces),
        faces[0] if faces else None,
        settings,
        {"name": "lite_attention"},
        prediction=predictions[0] if faces else None,
        predictions=tuple(predictions),
        complete=True,
    )
