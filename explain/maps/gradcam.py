"""Grad-CAM and HiResCAM: which features on a layer's grid push towards the class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from explain.cancel import not_cancelled
from explain.maps.attribution import Attribution
from explain.maps.keras_gradients import LogOdds, before_attention, last_convolution
from explain.maps.subject import Subject
from explain.stopwatch import Stopwatch
from model.artifact.preprocessing import to_input

if TYPE_CHECKING:
    import keras

Choose = Callable[["keras.Model"], "keras.KerasTensor"]
Weigh = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


def gradcam(subject: Subject, cancelled: Callable[[], bool] = not_cancelled) -> Iterator[Attribution]:
    """Grad-CAM (Selvaraju et al., arXiv 1610.02391) on the last convolution outside the attention block.

    A channel's weight is the mean over the grid of the gradient of the target's log-odds (see
    ``explain.maps.keras_gradients.LogOdds``). The map is the channels' weighted sum; as in the paper, only its positive
    part is kept. It is divided by its maximum, never stretched between minimum and maximum, and enlarged bilinearly.

    Args:
        subject: what to explain; its regions and hidden picture are not used.
        cancelled: called before the gradient.

    Returns:
        An iterator over one attribution in 0..1, none if cancelled. Its evidence holds ``scale``, the maximum before
        the division, in units of log-odds; if nothing speaks for the class, the map is 0 and ``empty`` is true.

    Raises:
        ExplanationError: if the network has no convolution with a grid.
    """
    return _map_on_layer("gradcam", last_convolution, class_activation, subject, cancelled)


def gradcam_attention(subject: Subject, cancelled: Callable[[], bool] = not_cancelled) -> Iterator[Attribution]:
    """Grad-CAM on the features before the attention block, as in the thesis; otherwise like ``gradcam``.

    Raises:
        ExplanationError: if the network has no attention block.
    """
    return _map_on_layer("gradcam_attention", before_attention, class_activation, subject, cancelled)


def hirescam(subject: Subject, cancelled: Callable[[], bool] = not_cancelled) -> Iterator[Attribution]:
    """HiResCAM (Draelos and Carin, arXiv 2011.08891) on the features before the attention block.

    Grad-CAM gives a channel the same weight at every place. That is wrong if a mask weights the places before pooling:
    a place that the mask leaves out may still get a high value. HiResCAM multiplies each place by its own gradient, so
    the map is the contribution of each place to the log-odds, as far as these are linear in the features. For a network
    without an attention block it uses the last convolution. Otherwise like ``gradcam``.

    Raises:
        ExplanationError: if the network has no convolution with a grid.
    """
    return _map_on_layer("hirescam", _before_pooling, place_activation, subject, cancelled)


def _before_pooling(network: keras.Model) -> keras.KerasTensor:
    return before_attention(network) if "attention" in network.output else last_convolution(network)


def _map_on_layer(
    method: str, choose: Choose, weigh: Weigh, subject: Subject, cancelled: Callable[[], bool]
) -> Iterator[Attribution]:
    if cancelled():
        return
    watch = Stopwatch()
    odds = LogOdds(subject.detector, subject.target)
    layer = choose(odds.network)
    features, gradients = odds.by_features(to_input(subject.crop[None], subject.detector.card.preprocessing), layer)
    grid = weigh(features[0], gradients[0])
    scale = float(grid.max())
    side = len(subject.crop)
    shares = grid / np.float32(scale or 1.0)
    enlarged = np.asarray(cv2.resize(shares, (side, side), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    evidence: dict[str, float | int | str | bool] = {
        "scale": scale,
        "empty": scale == 0,
        "seconds": watch.elapsed,
        "complete": True,
    }
    yield Attribution(method, subject.target, enlarged, (grid.shape[0], grid.shape[1]), None, None, evidence)


def class_activation(features: NDArray[np.float32], gradients: NDArray[np.float32]) -> NDArray[np.float32]:
    """The map ``(h, w)``, 0 or more, of features ``(h, w, C)`` and the gradients by them: equation 2 of the paper."""
    weights = gradients.mean(axis=(0, 1))
    return np.maximum(features @ weights, 0)


def place_activation(features: NDArray[np.float32], gradients: NDArray[np.float32]) -> NDArray[np.float32]:
    """The map ``(h, w)``, 0 or more, of features ``(h, w, C)`` and the gradients by them, each place by its own."""
    return np.maximum((features * gradients).sum(axis=-1), 0)
