"""RISE: hide soft random parts of the face, and see which ones the verdict needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import hadamard

from explain.cancel import not_cancelled
from explain.maps.attribution import Attribution
from explain.maps.subject import BATCH, Subject
from explain.stopwatch import Stopwatch

GRID = 7  # cells per side, as in the paper; masks have one more, because a Hadamard matrix needs a power of two
CELLS = (GRID + 1) ** 2
# Of CELLS masks and their complements each: 1,024 pictures. The maps of two seeds then had a Spearman correlation of
# .93 to .98, pixel by pixel, on each of six example faces (shipped model); with independent coin tosses .59 to .87.
BLOCKS = 8
LATTICE = np.array([0.7548776662, 0.5698402910])  # 1/g and 1/g², g³ = g + 1: multiples, modulo 1, spread evenly


def rise(subject: Subject, cancelled: Callable[[], bool] = not_cancelled) -> Iterator[Attribution]:
    """Randomized input sampling for explanation (Petsiuk et al., arXiv 1806.07421), centred and therefore signed.

    As in the paper, a mask ``m`` is a coarse grid of random bits, enlarged smoothly and shifted. It shows the crop at 1
    and the subject's hidden picture at 0.

    The paper averages the answers, each weighted by its mask: ``mean(P·m(x)) / mean(m(x))``. That is positive at every
    pixel ``x`` and mostly shows the mean answer, because it equals ``mean(P) + cov(P, m(x)) / mean(m)``.
    Here the value is ``cov(P, m(x)) / var(m(x))``, the slope of P(target) over the mask: how much P(target) rises
    when the surroundings of ``x``, about one cell, change from hidden to shown while the rest is random. It is a
    difference of probabilities: positive if a place speaks for the target, and around 0 if it does not matter.

    The masks are also balanced, so that fewer are needed, see ``mask_block``.

    Args:
        subject: what to explain; its seed decides the masks; its regions only decide the hidden picture.
        cancelled: called before each batch.

    Returns:
        An iterator over ``BLOCKS`` maps, each of more masks than the one before.
    """
    random = np.random.default_rng(subject.seed)
    first_shift = random.random(2)
    side = len(subject.crop)
    covariance = np.zeros((side, side))  # both are sums over masks
    variance = np.zeros((side, side))
    lowest, highest = 1.0, 0.0
    watch = Stopwatch()
    for block in range(BLOCKS):
        masks = mask_block(side, (first_shift + block * LATTICE) % 1, random)
        for pairs in np.split(masks, 2 * CELLS // BATCH):
            if cancelled():
                return
            answers = subject.probability(blend_pairs(subject.crop, subject.hidden, pairs), in_turn=True)
            lowest, highest = min(lowest, float(answers.min())), max(highest, float(answers.max()))
            # (P - mean) (m - 1/2) of a mask and of its complement add up to (difference of both P) (m - 1/2).
            differences = (answers[0::2] - answers[1::2]).astype(np.float32)
            covariance += np.tensordot(differences, pairs - 0.5, axes=1)
            variance += 2 * np.square(pairs - 0.5).sum(axis=0)
        evidence: dict[str, float | int | str | bool] = {
            "samples": (block + 1) * 2 * CELLS,
            "budget": BLOCKS * 2 * CELLS,
            "complete": block + 1 == BLOCKS,
            "seed": subject.seed,
            "hide": subject.look,
            "lowest": lowest,
            "highest": highest,
            "seconds": watch.pause(),  # the caller's time does not count
        }
        found = (covariance / variance).astype(np.float32)
        yield Attribution("rise", subject.target, found, (GRID, GRID), None, None, evidence)
        watch.resume()


def mask_block(side: int, shift: NDArray[np.floating], random: np.random.Generator) -> NDArray[np.float32]:
    """Smooth masks in which any two cells of the grid have each of the four combinations equally often.

    Each mask by itself is a grid of random bits. But together they are the rows of a Hadamard matrix with shuffled
    columns of random sign, so no two cells correlate by chance: the effect of one cell adds no noise to another (an
    orthogonal array; with the complements of all masks, pairs of cells add none either).

    Args:
        side: of the crop, in pixels.
        shift: ``(2,)`` in 0..1, row and column in the first cell at which the crop begins.
        random: decides the order of the columns and their signs.

    Returns:
        ``(CELLS, side, side) float32`` in 0..1.
    """
    signs = hadamard(CELLS)[:, random.permutation(CELLS)] * random.choice([-1, 1], CELLS)
    grids = ((signs + 1) / 2).astype(np.float32).reshape(CELLS, GRID + 1, GRID + 1)
    cell = -(-side // GRID)  # rounded up
    row, column = (shift * cell).astype(int)
    enlarged = ((GRID + 1) * cell, (GRID + 1) * cell)
    window = (slice(row, row + side), slice(column, column + side))
    return np.stack([cv2.resize(grid, enlarged, interpolation=cv2.INTER_LINEAR)[window] for grid in grids])


def blend_pairs(crop: NDArray[np.uint8], hidden: NDArray[np.uint8], masks: NDArray[np.float32]) -> NDArray[np.uint8]:
    """``m * crop + (1 - m) * hidden`` for each mask ``m`` and, right after it, for its complement ``1 - m``.

    Args:
        crop: ``(S, S, 3) uint8``.
        hidden: like ``crop``.
        masks: ``(N, S, S) float32`` in 0..1.

    Returns:
        ``(2N, S, S, 3) uint8``.
    """
    pictures = np.empty((2 * len(masks), *crop.shape), np.uint8)
    for index, mask in enumerate(masks):
        complement = 1 - mask
        cv2.blendLinear(crop, hidden, mask, complement, pictures[2 * index])
        cv2.blendLinear(crop, hidden, complement, mask, pictures[2 * index + 1])
    return pictures
