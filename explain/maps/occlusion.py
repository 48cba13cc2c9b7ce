"""Occlusion: hide one region at a time and see how the verdict moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from explain.cancel import not_cancelled
from explain.maps.attribution import Attribution, map_of_regions
from explain.maps.subject import Subject
from explain.stopwatch import Stopwatch


def occlusion(subject: Subject, cancelled: Callable[[], bool] = not_cancelled) -> Iterator[Attribution]:
    """How much P(target) falls when one region is hidden (Zeiler and Fergus, arXiv 1311.2901).

    The paper slides a grey square over the picture; here the subject's regions are hidden in the subject's way. A
    weight is P(target) of the crop minus P(target) without the region, so it is exact and needs no seed. If two regions
    carry the same information, neither gets a weight, because the other one is always visible.

    Args:
        subject: what to explain; its ``K`` regions need ``K + 1`` predictions.
        cancelled: called before each batch.

    Returns:
        An iterator over one attribution, none if cancelled. Its weights are differences of probabilities, -1..1.
    """
    watch = Stopwatch()
    masks = np.ones((subject.count + 1, subject.count), np.uint8)
    np.fill_diagonal(masks[1:], 0)
    probabilities = subject.answers(masks, cancelled)
    if probabilities is None:
        return
    weights = (probabilities[0] - probabilities[1:]).astype(np.float32)
    evidence: dict[str, float | int | str | bool] = {
        "samples": len(masks),
        "hide": subject.hide,
        "model_prediction": float(probabilities[0]),
        "seconds": watch.elapsed,
        "complete": True,
    }
    yield map_of_regions("occlusion", subject, weights, evidence)
