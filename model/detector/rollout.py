"""Attention rollout: how much each patch reaches the class through all layers of a transformer (arXiv 2005.00928)."""

import math

import numpy as np
from numpy.typing import NDArray

MOST_SPECIAL = 16  # tokens before the patches: class, distillation, registers


def grid_of(tokens: int) -> int | None:
    """Side of the square grid of patches among so many tokens; None if all but a few can't form one."""
    side = math.isqrt(tokens)
    return side if side > 1 and tokens - side * side <= MOST_SPECIAL else None


def rollout(attentions: NDArray[np.floating]) -> NDArray[np.float32]:
    """The rollout of one picture's attention matrices (Abnar & Zuidema, 2020), relative to its strongest patch.

    The heads of each layer are averaged, half of the shortcut around the layer is added, and the layers are multiplied.
    Of the product, the first token's row is used; without special tokens, the mean over all patches.

    Args:
        attentions: ``(layers, heads, T, T)``; in each row, shares of the tokens that sum to 1. The last tokens are the
            patches of a square grid, row by row.

    Returns:
        ``(h, w) float32`` in 0..1. It is divided by its maximum, and nothing is subtracted: an even rollout stays even.

    Raises:
        ValueError: if the shape is not of this kind, or the tokens have no square grid.
    """
    if attentions.ndim != 4 or attentions.shape[2] != attentions.shape[3]:
        raise ValueError(f"attentions must be (layers, heads, T, T), got {attentions.shape}")
    tokens = attentions.shape[2]
    side = grid_of(tokens)
    if side is None:
        raise ValueError(f"{tokens} tokens have no square grid of patches")
    special, reached = tokens - side * side, np.eye(tokens)
    for layer in attentions.astype(np.float64).mean(axis=1):
        mixed = layer + np.eye(tokens)
        reached = mixed / mixed.sum(axis=1, keepdims=True) @ reached
    row = reached[0] if special else reached.mean(axis=0)
    patches = row[special:].reshape(side, side)
    return (patches / max(float(patches.max()), np.finfo(np.float64).tiny)).astype(np.float32)
