"""The one result type that every explanation method returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain.maps.lime_fit import Neighbourhood
from explain.maps.subject import Subject
from explain.maps.unmoved import hardly_moves
from explain.regions.superpixels import count_superpixels
from model.errors import UserError

NUMBERED = 3  # regions with a number on the picture, which the sentence of reason hides


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much each place of a face crop speaks for one class.

    Attributions compare by identity, since arrays have no single truth value.

    Attributes:
        method: name of the method, such as ``"lime"`` or ``"attention"``.
        target: the class explained, such as ``"Fake"``.
        map: ``(S, S) float32``, signed; positive speaks for ``target``, negative against it.
        native_shape: the method's real resolution in rows and columns: the grid of an attention mask, or
            ``(S, S)`` where superpixels draw the borders pixel by pixel.
        segments: superpixel of each pixel, ``(S, S) int32``, labels ``0..K-1``; None without superpixels.
        weights: ``(K,) float32``, one per superpixel; None without superpixels.
        evidence: how the map was computed: samples, seed, R², intercept, local prediction, seconds, complete; if
            pictures with large hidden parts were predicted, also the ``lowest`` and ``highest`` P(target) among them.
        intervals: ``(K, 2) float32``, the 95% interval of each weight; None if the method has none.
        names: what each superpixel shows, ``K`` of them, such as ``"mouth"``; None if unknown.
        neighbourhood: the samples that a fitted map was fitted to; None for other methods. No report contains it.

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
    neighbourhood: Neighbourhood | None = None

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
        """Whether the model's answer hardly depended on what was hidden; False if that was not measured."""
        measured = "lowest" in self.evidence and "highest" in self.evidence
        return measured and hardly_moves(float(self.evidence["lowest"]), float(self.evidence["highest"]))

    def region_values(self, segments: NDArray[np.integer]) -> NDArray[np.float64]:
        """The map's mean ``(K,)`` over each of the regions ``(S, S) int``; all maps are compared by these."""
        labels = segments.ravel()
        return np.bincount(labels, weights=self.map.ravel()) / np.bincount(labels)


def _require(name: str, array: np.ndarray, dtype: type[np.generic], ndim: int) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != ndim:
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f"{name} must be a {ndim}-D array of {np.dtype(dtype)}, got {got}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")


def strongest(weights: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """The superpixels with the ``count`` largest absolute weights, strongest first; those of weight 0 are left out."""
    order = np.argsort(-np.abs(weights), kind="stable")[:count]
    return order[weights[order] != 0]


def unsure(attribution: Attribution) -> NDArray[np.bool_]:
    """Whether each superpixel's interval holds zero, ``(K,)``; False if the method gives no intervals."""
    if attribution.intervals is None:
        return np.zeros(0 if attribution.weights is None else len(attribution.weights), bool)
    doubtful: NDArray[np.bool_] = (attribution.intervals[:, 0] <= 0) & (attribution.intervals[:, 1] >= 0)
    return doubtful


def reasons(attribution: Attribution) -> list[int]:
    """The regions that speak most for the target, with intervals above zero, strongest first; at most ``NUMBERED``.

    They are numbered on the map's picture and hidden for the sentence of reason, so that both agree.
    """
    weights, doubtful = attribution.weights, unsure(attribution)
    assert weights is not None
    clear = [int(region) for region in strongest(weights, len(weights)) if weights[region] > 0 and not doubtful[region]]
    return clear[:NUMBERED]


def shown_regions(attribution: Attribution, count: int) -> list[int]:
    """At most ``count`` regions to show: those of ``reasons``, then the strongest others."""
    assert attribution.weights is not None
    first = reasons(attribution)
    others = strongest(attribution.weights, len(attribution.weights))
    return [*first, *(int(region) for region in others if region not in first)][:count]


def map_of_regions(
    method: str, subject: Subject, weights: NDArray[np.float32], evidence: dict[str, float | int | str | bool]
) -> Attribution:
    """A map with one weight for each of the subject's regions, ``(K,) float32``."""
    segments, native = subject.segments, (len(subject.crop), len(subject.crop))
    return Attribution(
        method, subject.target, weights[segments], native, segments, weights, evidence, names=subject.names
    )


class ExplanationError(UserError):
    """This model, or this face, can't be explained by the requested method; the message says why and what to do."""


def progress_of(found: Attribution) -> float | None:
    """Share of a map's work that is done, 0..1; None if unknown."""
    if found.evidence["complete"]:
        return 1.0
    if "budget" not in found.evidence:
        return None
    return float(found.evidence["samples"]) / float(found.evidence["budget"])
