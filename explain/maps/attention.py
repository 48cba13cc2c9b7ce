"""Turns the attention mask of the verdict's own pass into a map, without changing its grid or its values."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from explain.cancel import not_cancelled
from explain.maps.attribution import Attribution
from explain.maps.subject import Subject

FLAT_CONTRAST = 0.05  # max - min below which a mask has no preference


def attention_map(mask: NDArray[np.float32], size: int, smooth: bool = False, rollout: bool = False) -> Attribution:
    """The attention mask enlarged to the crop, its values untouched.

    The mask shows where the network took its features from, whatever the verdict: it has no sign and explains no single
    class. Its values are never stretched: the pooling is a weighted mean (see
    ``model.networks.attention.RescaleGAP``), so a flat mask means "no preference", which stretching would hide.

    Args:
        mask: ``(h, w) float32`` in 0..1, on the network's own grid.
        size: side of the map in pixels.
        smooth: interpolate between the centres of the cells; otherwise each cell is one even square.
        rollout: whether the mask is an attention rollout, see ``model.detector.rollout``; the evidence then says so.

    Returns:
        An attribution with ``evidence`` that holds ``minimum``, ``maximum``, ``contrast`` (their difference), ``flat``,
        ``smooth``, and the ``peak_x`` and ``peak_y`` of the strongest cell's centre as shares of the crop.

    Raises:
        ValueError: if the mask is not a non-empty grid of values in 0..1.
    """
    if mask.ndim != 2 or not mask.size or not (mask.min() >= 0 and mask.max() <= 1):
        raise ValueError(f"mask must be a grid (h, w) of values in 0..1, got shape {mask.shape}")
    interpolation = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    enlarged = np.asarray(cv2.resize(mask, (size, size), interpolation=interpolation), dtype=np.float32)
    row, column = np.unravel_index(int(np.argmax(mask)), mask.shape)
    contrast = float(mask.max() - mask.min())
    evidence: dict[str, float | int | str | bool] = {
        "minimum": float(mask.min()),
        "maximum": float(mask.max()),
        "contrast": contrast,
        "flat": contrast < FLAT_CONTRAST,
        "smooth": smooth,
        "peak_x": (float(column) + 0.5) / mask.shape[1],
        "peak_y": (float(row) + 0.5) / mask.shape[0],
        "complete": True,
        **({"rollout": True} if rollout else {}),
    }
    native = (mask.shape[0], mask.shape[1])
    return Attribution("attention", "either class", enlarged, native, None, None, evidence)


def attention(subject: Subject, cancelled: Callable[[], bool] = not_cancelled) -> Iterator[Attribution]:
    """The attention map of a subject on its native grid, from a separate pass; nothing without an attention block."""
    mask = None if cancelled() else subject.detector.predict(subject.crop).attention
    if mask is not None:
        yield attention_map(mask, len(subject.crop), rollout=subject.detector.rolls_out_attention)
