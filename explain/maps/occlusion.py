"""Occlusion: hide one region at a time and see how the verdict moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from explain.cancel import never
from explain.maps.attribution import Attribution
from explain.maps.subject import BATCH, Subject


def occlusion(subject: Subject, cancelled: Callable[[], bool] = never) -> Iterator[Attribution]:
    """What P(target) loses when one region alone is hidden (Zeiler and Fergus, arXiv 1311.2901).

    The paper slides a grey square over the picture; here the subject's own regions are hidden, as the subject hides
    them. A weight is P(target) of the crop less P(target) without the region, so it is exact and needs no seed. Of two
    regions that can stand in for each other neither gets a weight, since the other one is always visible.

    Args:
        subject: what to explain; its ``K`` regions take ``K + 1`` predictions.
        cancelled: asked before each batch.

    Returns:
        An iterator over one attribution, none if cancelled. Its weights are differences of probabilities, -1..1.
    """
    started = time.perf_counter()
    masks = np.ones((subject.count + 1, subject.count), np.uint8)
    np.fill_diagonal(masks[1:], 0)
    probabilities = np.empty(len(masks))
    for start in range(0, len(masks), BATCH):
        if cancelled():
            return
        batch = slice(start, start + BATCH)
        probabilities[batch] = subject.answers(masks[batch])
    weights = (probabilities[0] - probabilities[1:]).astype(np.float32)
    evidence: dict[str, float | int | str | bool] = {
        "samples": len(masks),
        "hide": subject.hide,
        "model_prediction": float(probabilities[0]),
        "seconds": time.perf_counter() - started,
        "complete": True,
    }
    side = len(subject.crop)
    yield Attribution(
        *("occlusion", subject.target, weights[subject.segments], (side, side), subject.segments, weights, evidence),
        names=subject.names,
    )
