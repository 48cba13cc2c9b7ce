"""µ-fidelity: do a map's numbers add up to what the model really loses (Bhatt et al. 2020, arXiv 2005.00631)?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from explain.trust.agreement import rank_correlation

SUBSETS = 200  # random sets of regions that are hidden together
# Large enough that a set moves the verdict, small enough that most of a face is left. All sets have one size, because
# larger sets have larger sums and larger drops with any map.
SUBSET_SHARE = 1 / 5


def subset_masks(count: int, seed: int) -> NDArray[np.uint8]:
    """The masks to predict, once for all maps.

    Returns:
        ``(1 + SUBSETS, K) uint8``, 1 = shown: the untouched face, then one row per set, each of which hides
        ``SUBSET_SHARE`` of the ``count`` regions, at least one. Equal seeds give equal sets.
    """
    random = np.random.RandomState(seed)
    size = max(1, round(SUBSET_SHARE * count))
    masks = np.ones((1 + SUBSETS, count), np.uint8)
    for mask in masks[1:]:
        mask[random.permutation(count)[:size]] = 0
    return masks


def fidelity(values: NDArray[np.floating], masks: NDArray[np.uint8], answers: NDArray[np.float64]) -> float:
    """Spearman's correlation between the sum of a set's values and the drop in P(target) when it is hidden.

    A map without a sign is judged by the same drop.

    Args:
        values: ``(K,)``, the map's mean over each region.
        masks: as from ``subset_masks``.
        answers: P(target) of each mask, ``(1 + SUBSETS,)``.

    Returns:
        -1..1: exactly 1 for the true weights of a model that sums its regions, -1 for their negative, 0 for a map or
        a model that is the same for all sets.
    """
    sums = (1 - masks[1:].astype(np.int64)) @ values
    return rank_correlation(sums, answers[0] - answers[1:])
