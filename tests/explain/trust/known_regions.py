"""A crop of 16 regions, models that depend only on them, and maps of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.maps.attribution import Attribution
from explain.maps.registry import Explain
from explain.maps.subject import Subject
from explain.trust.curves import all_orders, curve_masks, order_of, random_orders
from explain.trust.fidelity import subset_masks
from explain.trust.measure import TrustProgress, measure
from tests.support.worlds import OfRegions, World, noise, of_kept_regions, squares

SIDE, K = 24, 16
SEGMENTS = squares(SIDE, 4)
CROP = noise(SIDE)
# Powers of two: no two sets of regions have the same sum, and every sum is exact.
WEIGHTS = np.random.RandomState(8).permutation(2.0 ** -np.arange(2, K + 2))
WEIGHTS[::4] *= -1


def different(masks: NDArray[np.uint8]) -> int:
    return len({mask.tobytes() for mask in masks})


def curve_predictions(*maps: NDArray[np.floating], count: int = K) -> int:
    """The number of pictures that the curves of these maps need with one hide value."""
    own = np.stack([order_of(values, seed=0) for values in maps])
    return different(curve_masks(all_orders(own, random_orders(count, seed=0))))


PREDICTIONS = 2 * curve_predictions(WEIGHTS) + different(subset_masks(K, seed=0))  # for a single map


def world_of(fake: OfRegions) -> World:
    """A detector that depends only on which regions equal those of ``CROP``."""
    return World(of_kept_regions(fake, CROP, SEGMENTS))


def summing(visible: NDArray[np.bool_]) -> NDArray[np.float64]:
    return 0.4 + visible @ WEIGHTS


def subject(world: World | None = None, **changes: Any) -> Subject:
    detector: Any = world or world_of(summing)
    return Subject(**{"crop": CROP, "segments": SEGMENTS, "target": "Fake", "detector": detector} | changes)


def map_of(values: NDArray[np.floating], method: str = "lime", target: str = "Fake", **evidence: Any) -> Attribution:
    return Attribution(method, target, values.astype(np.float32)[SEGMENTS], (SIDE, SIDE), None, None, evidence)


def always(attribution: Attribution) -> Explain:
    """A method that always gives the same map, after a completely different rough one."""

    def explain(subject: Subject, cancelled: Callable[[], bool]) -> Iterator[Attribution]:
        yield map_of(-np.arange(K))
        yield attribution

    return explain


def last_progress(
    face: Subject, maps: dict[str, Attribution], explain: dict[str, Explain] | None = None
) -> TrustProgress:
    *_, progress = measure(face, maps, explain or {})
    return progress
