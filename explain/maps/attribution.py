"""The one result type that every explanation method returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain.maps.unmoved import hardly_moves


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much each place of a face crop speaks for one class.

    Attributions compare by identity, since arrays have no single truth value.

    Attributes:
        method: name of the method, such as ``"lime"`` or ``"attention"``.
        target: the class explained, such as ``"Fake"``.
        map: ``(S, S) float32``, signed; positive speaks for ``target``, negative against it.
        native_shape: rows and columns that the method really resolves: the grid of an attention mask, or
            ``(S, S)`` where superpixels draw the borders pixel by pixel.
        segments: superpixel of each pixel, ``(S, S) int32``, labels ``0..K-1``; None without superpixels.
        weights: ``(K,) float32``, one per superpixel; None without superpixels.
        evidence: what the numbers rest on: samples, seed, R², intercept, local prediction, seconds, complete; where
            many pictures with hidden parts were asked about, the ``lowest`` and ``highest`` P(target) among them.
        intervals: ``(K, 2) float32``, the 95 % interval of each weight; None where the method has none.
        names: what each superpixel shows, ``K`` of them, such as ``"mouth"``; None where nobody knows.

    Raises:
        ValueError: if a name is empty, or the arrays disagree in shape, dtype or number of superpixels.
    """

    method: str
    target: str
    map: NDArray[np.float32]
    native_shape: tuple[int, int]
    segments: NDArray[np.int32] | None
    weights: NDArray[np.float32] | None
    evidence: dict[str, float | int | str | bool]
    intervals: NDArray[np.float32] | None = None
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.method or not self.target:
            raise ValueError(f"method and target need a name, got {self.method!r} and {self.target!r}")
        _require("map", self.map, np.float32, ndim=2)
        if self.map.shape[0] != self.map.shape[1] or self.map.size == 0:
            raise ValueError(f"map must be square and not empty, (S, S), got {self.map.shape}")
        if len(self.native_shape) != 2 or min(self.native_shape) < 1:
            raise ValueError(f"native_shape must be (rows, columns), each at least 1, got {self.native_shape}")
        if self.segments is not None:
            _require("segments", self.segments, np.int32, ndim=2)
            if self.segments.shape != self.map.shape:
                raise ValueError(f"segments must have the map's shape {self.map.shape}, got {self.segments.shape}")
            count = count_superpixels(self.segments)
        if self.weights is not None:
            _require("weights", self.weights, np.float32, ndim=1)
            if self.segments is None:
                raise ValueError("weights belong to superpixels: pass segments too")
            if len(self.weights) != count:
                raise ValueError(f"weights must be one per superpixel, ({count},), got {self.weights.shape}")
        if self.intervals is not None:
            _require("intervals", self.intervals, np.float32, ndim=2)
            if self.weights is None or self.intervals.shape != (len(self.weights), 2):
                raise ValueError(f"intervals must be two bounds per weight, (K, 2), got {self.intervals.shape}")
            if (self.intervals[:, 0] > self.intervals[:, 1]).any():
                raise ValueError("intervals must hold the lower bound first")
        if self.names is not None and (self.segments is None or len(self.names) != count):
            raise ValueError(f"names must be one per superpixel, got {len(self.names)}")

    @property
    def unmoved(self) -> bool:
        """Whether the model's answer hardly depended on what was hidden; False where that was not asked."""
        asked = "lowest" in self.evidence and "highest" in self.evidence
        return asked and hardly_moves(float(self.evidence["lowest"]), float(self.evidence["highest"]))

    def region_values(self, segments: NDArray[np.integer]) -> NDArray[np.float64]:
        """The map's mean over each of the given regions ``(S, S) int``, ``(K,)``: how all maps are compared."""
        labels = segments.ravel()
        return np.bincount(labels, weights=self.map.ravel()) / np.bincount(labels)


def count_superpixels(segments: NDArray[np.integer]) -> int:
    """Number ``K`` of superpixels in ``(S, S) int`` labels that must be exactly ``0..K-1``.

    Raises:
        ValueError: if the labels are not integers, one is negative, or one of ``0..K-1`` is missing.
    """
    if not np.issubdtype(segments.dtype, np.integer) or segments.size == 0:
        raise ValueError(f"segments must be integers and not empty, got {segments.dtype} {segments.shape}")
    labels = np.unique(segments)
    if not np.array_equal(labels, np.arange(len(labels))):
        got = f"{len(labels)} labels from {labels[0]} to {labels[-1]}"
        raise ValueError(f"segments must use every label from 0 to K-1, got {got}")
    return len(labels)


def _require(name: str, array: np.ndarray, dtype: type[np.generic], ndim: int) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != ndim:
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f"{name} must be a {ndim}-D array of {np.dtype(dtype)}, got {got}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
