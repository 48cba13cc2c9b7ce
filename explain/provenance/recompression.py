"""Whether a JPEG was made from an earlier JPEG, from the marks that two quantisations leave in its coefficients.

The first quantisation leaves only multiples of its step; the second one rounds those to multiples of another step, so
that some values come up too often and others hardly ever (Lukáš & Fridrich, Estimation of Primary Quantization Matrix
in Double Compressed JPEG Images, 2003). It shows only if the picture was neither resized nor shifted in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn
from scipy.special import ndtr

from explain.provenance.container import Container
from explain.provenance.finding import NEUTRAL, Finding
from explain.provenance.jpeg import standard_tables
from model.i18n.catalogue import Message

MOST_PIXELS = 16_000_000  # more would take longer to decode than the faces take to find
LARGEST_SIDE = 1024  # pixels of the part in the middle that is looked at; its blocks are plenty
FEWEST_BLOCKS = 200  # with texture; fewer say little
LEAST_GAIN = 0.05  # nats per coefficient; see benchmarks/recompression.py
FREQUENCIES = ((0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0))  # row, column: the lowest ones
QUALITIES = range(30, 100)  # of the earlier JPEG
COARSEST = 255  # step of a quantisation; larger ones, of 16 bits, are in no picture that shows anything
LARGEST = 15  # quantised coefficients that count, either sign
ROUNDING = 0.5  # standard deviation of a coefficient after its pixels were rounded to integers
MIXED_IN = 0.02  # share of coefficients that any value may have


def recompression(container: Container) -> Iterator[Finding]:
    """The quality of an earlier JPEG, if there was one; no finding does not mean that there was none."""
    if container.kind != "JPEG" or container.size[0] * container.size[1] > MOST_PIXELS:
        return
    with Image.open(BytesIO(container.data), formats=["JPEG", "MPO"]) as decoded:
        decoded.draft("L", decoded.size)  # the luminance as it is in the file
        if decoded.mode != "L":
            return
        luminance, table = np.asarray(decoded), np.array(decoded.quantization[0])  # type: ignore[attr-defined]
    if table.max() > COARSEST:
        return
    quality, gain = earlier_quality(_middle(luminance), table)
    if gain >= LEAST_GAIN:
        yield Finding("recompression", NEUTRAL, Message("provenance.recompressed", quality=quality))


def earlier_quality(luminance: NDArray[np.uint8], table: NDArray[np.int_]) -> tuple[int, float]:
    """The likeliest quality of an earlier JPEG, and how much better it explains the coefficients than none does.

    Args:
        luminance: of the decoded file, ``(H, W) uint8``.
        table: its quantisation table, ``(64,)`` row by row.

    Returns:
        The quality, and the gain in log-likelihood per coefficient, in nats; 0 if there is too little texture.
    """
    coefficients = _coefficients(luminance)
    gains, count = np.zeros(len(QUALITIES)), 0
    if len(coefficients) < FEWEST_BLOCKS:
        return QUALITIES[0], 0.0
    for row, column in FREQUENCIES:
        values, last = coefficients[:, row, column], int(table[8 * row + column])
        quantised = np.rint(values / last).astype(int)
        counts = np.bincount(quantised[abs(quantised) <= LARGEST] + LARGEST, minlength=2 * LARGEST + 1)
        counts[LARGEST] = 0  # zeros are many and say little
        count += counts.sum()
        spread = max(float(np.abs(values).mean()), 0.3)
        once = counts @ _log_shares(last, None, spread)
        steps = standard_tables()[[quality - 1 for quality in QUALITIES], 8 * row + column]
        for step in set(steps.tolist()) - {last}:
            gains[steps == step] += counts @ _log_shares(last, step, spread) - once
    best = int(gains.argmax())
    return QUALITIES[best], float(gains[best] / max(count, 1))


def _middle(luminance: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The part in the middle, on the grid of the blocks."""
    top, left = (max(0, side - LARGEST_SIDE) // 2 // 8 * 8 for side in luminance.shape)
    return luminance[top : top + LARGEST_SIDE, left : left + LARGEST_SIDE]


def _coefficients(luminance: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The DCT of each block of 8 × 8 pixels that has texture and no pixel cut off at black or white, ``(N, 8, 8)``."""
    rows, columns = (side // 8 for side in luminance.shape)
    blocks = luminance[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8).swapaxes(1, 2).reshape(-1, 8, 8)
    lowest, highest = blocks.min(axis=(1, 2)), blocks.max(axis=(1, 2))
    blocks = blocks[(lowest > 0) & (highest < 255) & (highest - lowest.astype(int) > 3)]
    transformed: NDArray[np.float64] = dctn(blocks.astype(np.float64) - 128, axes=(1, 2), norm="ortho")
    return transformed


def _log_shares(last: int, step: int | None, spread: float) -> NDArray[np.float64]:
    """The expected share of each quantised coefficient except zero, as logarithms, ``(2 * LARGEST + 1,)``.

    Args:
        last: the step of the last quantisation.
        step: that of the one before; None for a picture that was quantised once.
        spread: mean size of the coefficients, which follow Laplace's distribution (Lam & Goodman 2000).
    """
    bins = np.arange(-LARGEST, LARGEST + 1)
    shares = once = _mass(bins, last, spread)
    if step is not None:
        reach = LARGEST * last // step + 3
        earlier = np.arange(-reach, reach + 1)
        ends = [((bins[:, None] + side) * last - earlier * step) / ROUNDING for side in (0.5, -0.5)]
        shares = (ndtr(ends[0]) - ndtr(ends[1])) @ _mass(earlier, step, spread)
    shares = (1 - MIXED_IN) * shares + MIXED_IN * once
    shares[LARGEST] = 0
    logs: NDArray[np.float64] = np.log(np.maximum(shares / shares.sum(), 1e-12))
    return logs


def _mass(bins: NDArray[np.int_], step: int, spread: float) -> NDArray[np.float64]:
    """The share of Laplace's distribution that rounds to each multiple of ``step``."""
    edges = (np.append(bins, bins[-1] + 1) - 0.5) * step
    below = np.where(edges < 0, 0.5 * np.exp(-abs(edges) / spread), 1 - 0.5 * np.exp(-abs(edges) / spread))
    mass: NDArray[np.float64] = np.diff(below)
    return mass
