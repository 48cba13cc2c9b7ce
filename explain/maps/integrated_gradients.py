"""Integrated gradients: what each pixel adds to P(target) on the way from the hidden picture to the crop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from explain.cancel import never
from explain.maps.attribution import Attribution
from explain.maps.keras_gradients import LogOdds
from explain.maps.subject import Subject
from model.artifact.preprocessing import to_input

BATCH = 4  # gradients at once: as in model.detector.engine, four pictures stay in the processor's cache
FIRST_STEPS = 32
MOST_STEPS = 256
LARGEST_GAP = 0.01  # of P(target): what the attributions may miss of its change


def integrated_gradients(
    subject: Subject, cancelled: Callable[[], bool] = never, most_steps: int = MOST_STEPS
) -> Iterator[Attribution]:
    """Integrated gradients (Sundararajan et al., arXiv 1703.01365) of P(target) by the network's input pixels.

    The path leads in a straight line from the subject's hidden picture to the crop, both as the network sees them: so
    every method means the same by a place that is not shown. The attributions of a complete map add up to P(crop) less
    P(hidden picture); P itself is explained and not its log-odds so that this sum is in its units. The integral is
    taken by midpoints, whose number is doubled until the sum misses no more than ``LARGEST_GAP`` or ``most_steps`` are
    reached; ``converged`` says which. A pixel's channels are summed, and each of the network's pixels is spread
    over its share of the crop, so that the map still adds up.

    Args:
        subject: what to explain.
        cancelled: asked before each batch of gradients.
        most_steps: the budget: ``FIRST_STEPS``, doubled any number of times.

    Returns:
        An iterator over maps of ever more steps. Their evidence holds ``steps``, ``baseline`` (how it hides),
        ``change`` of P(target), the map's ``sum`` and the ``completeness_gap`` between both.
    """
    started = time.perf_counter()
    if cancelled():
        return
    odds = LogOdds(subject.detector, subject.target)
    shown, hidden = to_input(np.stack([subject.crop, subject.hidden]), subject.detector.card.preprocessing)
    probabilities = odds.probability_by_pixels(np.stack([shown, hidden]))[0]
    change = float(probabilities[0] - probabilities[1])
    seconds, resumed = 0.0, started
    steps, used = FIRST_STEPS, 0
    while True:
        slopes = average_gradient(lambda inputs: odds.probability_by_pixels(inputs)[1], shown, hidden, steps, cancelled)
        if slopes is None:
            return
        used += steps
        pixels = (slopes * (shown - hidden)).sum(axis=-1)
        gap = float(pixels.sum()) - change
        complete = abs(gap) <= LARGEST_GAP or steps >= most_steps
        seconds += time.perf_counter() - resumed
        evidence: dict[str, float | int | str | bool] = {
            "steps": steps,
            "samples": used,
            "budget": 2 * most_steps - FIRST_STEPS,
            "baseline": subject.look,
            "change": change,
            "sum": change + gap,
            "completeness_gap": gap,
            "converged": abs(gap) <= LARGEST_GAP,
            "seconds": seconds,
            "complete": complete,
        }
        spread_out = spread(pixels, len(subject.crop)).astype(np.float32)
        native = (pixels.shape[0], pixels.shape[1])
        yield Attribution("integrated_gradients", subject.target, spread_out, native, None, None, evidence)
        if complete:
            return
        resumed = time.perf_counter()  # the time that the caller spent on the picture is not ours
        steps *= 2


def average_gradient(
    gradient: Callable[[NDArray[np.float32]], NDArray[np.floating]],
    shown: NDArray[np.float32],
    hidden: NDArray[np.float32],
    steps: int,
    cancelled: Callable[[], bool] = never,
) -> NDArray[np.float64] | None:
    """The mean of a gradient over the middles of equal ``steps`` from ``hidden`` to ``shown``; None if cancelled.

    Args:
        gradient: maps ``(N, s, s, 3)`` to as many gradients.
        shown: where the path ends, ``(s, s, 3)``.
        hidden: where it starts.
        steps: at least 1.
        cancelled: asked before each batch.
    """
    total = np.zeros(shown.shape)
    for start in range(0, steps, BATCH):
        if cancelled():
            return None
        shares = (np.arange(start, min(start + BATCH, steps), dtype=np.float32) + 0.5) / steps
        total += gradient(hidden + shares[:, None, None, None] * (shown - hidden)).sum(axis=0, dtype=np.float64)
    return total / steps


def spread(pixels: NDArray[np.floating], side: int) -> NDArray[np.float64]:
    """Values ``(s, s)`` handed out over ``(side, side)`` pixels by the area they share: the sum stays what it was."""
    edges = np.arange(len(pixels) + 1) / len(pixels)
    fine = np.arange(side + 1) / side
    overlap = np.minimum(fine[1:, None], edges[None, 1:]) - np.maximum(fine[:-1, None], edges[None, :-1])
    shares = np.maximum(overlap, 0) * len(pixels)
    return shares @ pixels @ shares.T
