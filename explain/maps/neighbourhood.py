"""LIME's neighbourhood: which superpixels each sample shows, and in which batches a network is asked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FIRST_PARTS = 4  # of the first batch, so that a slow network has something to show in time


def paired_masks(samples: int, superpixels: int, seed: int) -> NDArray[np.uint8]:
    """Draw masks in pairs, each followed by its complement: less noise per sample (arXiv 2012.01536).

    Args:
        samples: rows ``N``, at least 1. If it is even, the last mask stays without its complement.
        superpixels: columns ``K``.
        seed: equal seeds give equal rows, however many are drawn.

    Returns:
        ``(N, K) uint8`` of 0 and 1 = visible; row 0 is all ones.
    """
    drawn = np.random.RandomState(seed).randint(0, 2, (samples // 2, superpixels)).astype(np.uint8)
    pairs = np.stack([drawn, 1 - drawn], axis=1).reshape(-1, superpixels)
    return np.concatenate([np.ones((1, superpixels), np.uint8), pairs])[:samples]


def batch_bounds(samples: int, batch_size: int) -> list[tuple[int, int]]:
    """First row of each batch and the row behind its last: whole batches, of which the first comes in parts.

    Args:
        samples: rows in all, at least 1.
        batch_size: rows of a whole batch, at least 1.
    """
    parts = [batch_size * part // FIRST_PARTS for part in range(1, FIRST_PARTS)]
    whole = range(batch_size, samples, batch_size)
    ends = [*sorted({end for end in (*parts, *whole) if 0 < end < samples}), samples]
    return list(zip([0, *ends], ends, strict=False))
