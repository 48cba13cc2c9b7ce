"""Integrated gradients: what each pixel adds to P(target) on the way from the hidden picture to the crop."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from explain.cancel import not_cancelled
from explain.maps.attribution import Attribution
from explain.maps.keras_gradients import LogOdds
from explain.maps.subject import Subject
from explain.stopwatch import Stopwatch
from model.artifact.preprocessing import to_input

BATCH = 4  # gradients per batch: as in model.detector.engine, four pictures fit into the processor's cache
FIRST_STEPS = 32
MOST_STEPS = 256
LARGEST_GAP = 0.01  # of P(target): allowed error of the attributions' sum


def integrated_gradients(
    subject: Subject, cancelled: Callable[[], bool] = not_cancelled, most_steps: int = MOST_STEPS
) -> Iterator[Attribution]:
    """Integrated gradients (Sundararajan et al., arXiv 1703.01365) of P(target) by the network's input pixels.

    The path is the straight line from the subject's hidden picture to the crop, both as the network sees them; so a
    hidden place means the same in every method. The attributions of a complete map add up to P(crop) minus
    P(hidden picture); P is explained instead of its log-odds, so that the sum is a difference of probabilities. The
    integral uses the midpoint rule, with twice as many steps each time, until the sum's error is at most
    ``LARGEST_GAP`` or ``most_steps`` are reached; ``converged`` says which. The channels of a pixel are summed, and
    each of the network's pixels is spread over its area of the crop, so the map keeps the sum.

    Args:
        subject: what to explain.
        cancelled: called before each batch of gradients.
        most_steps: the budget: ``FIRST_STEPS``, doubled any number of times.

    Returns:
        An iterator over maps with more and more steps. Their evidence holds ``steps``, ``baseline`` (how it hides),
        ``change`` of P(target), the map's ``sum`` and the ``completeness_gap`` between both.
    """
    watch = Stopwatch()
    if cancelled():
        return
    odds = LogOdds(subject.detector, subject.target)
    shown, hidden = to_input(np.stack([subject.crop, subject.hidden]), subject.detector.card.preprocessing)
    probabilities = odds.probability_by_pixels(np.stack([shown, hidden]))[0]
    change = float(probabilities[0] - probabilities[1])
    steps, used = FIRST_STEPS, 0
    while True:
        slopes = average_gradient(lambda inputs: odds.probability_by_pixels(inputs)[1], shown, hidden, steps, cancelled)
        if slopes is None:
            return
        used += steps
        pixels = (slopes * (shown - hidden)).sum(axis=-1)
        gap = float(pixels.sum()) - change
        complete = abs(gap) <= LARGEST_GAP or steps >= most_steps
        evidence: dict[str, float | int | str | bool] = {
            "steps": steps,
            "samples": used,
            "budget": 2 * most_steps - FIRST_STEPS,
            "baseline": subject.look,
            "change": change,
            "sum": change + gap,
            "completeness_gap": gap,
            "converged": abs(gap) <= LARGEST_GAP,
            "seconds": watch.pause(),  # the caller's time does not count
            "complete": complete,
        }
        spread_out = spread(pixels, len(subject.crop)).astype(np.float32)
        native = (pixels.shape[0], pixels.shape[1])
        yield Attribution("integrated_gradients", subject.target, spread_out, native, None, None, evidence)
        if complete:
            return
        watch.resume()
        steps *= 2


def average_gradient(
    gradient: Callable[[NDArray[np.float32]], NDArray[np.floating]],
    shown: NDArray[np.float32],
    hidden: NDArray[np.float32],
    steps: int,
    cancelled: Callable[[], bool] = not_cancelled,
) -> NDArray[np.float64] | None:
    """The mean of a gradient at the midpoints of equal ``steps`` from ``hidden`` to ``shown``; None if cancelled.

    Args:
        gradient: maps ``(N, s, s, 3)`` to gradients of the same shape.
        shown: end of the path, ``(s, s, 3)``.
        hidden: start of the path.
        steps: at least 1.
        cancelled: called before each batch.
    """
    total = np.zeros(shown.shape)
    for start in range(0, steps, BATCH):
        if cancelled():
            return None
        shares = (np.arange(start, min(start + BATCH, steps), dtype=np.float32) + 0.5) / steps
        total += gradient(hidden + shares[:, None, None, None] * (shown - hidden)).sum(axis=0, dtype=np.float64)
    return total / steps


def spread(pixels: NDArray[np.floating], side: int) -> NDArray[np.float64]:
    """Values ``(s, s)`` spread over ``(side, side)`` pixels by overlapping area; the sum stays the same."""
    edges = np.arange(len(pixels) + 1) / len(pixels)
    fine = np.arange(side + 1) / side
    overlap = np.minimum(fine[1:, None], edges[None, 1:]) - np.maximum(fine[:-1, None], edges[None, :-1])
    shares = np.maximum(overlap, 0) * len(pixels)
    return shares @ pixels @ shares.T
