"""Tests whether maps depend on the trained weights: they must change when the weights are shuffled part by part."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from explain.maps.attribution import Attribution
from explain.maps.integrated_gradients import FIRST_STEPS, integrated_gradients
from explain.maps.lime import lime
from explain.maps.registry import METHODS as REGISTERED
from explain.maps.registry import Explain
from explain.maps.subject import Subject
from explain.trust.agreement import rank_correlation
from model.detector.detector import Detector
from model.detector.engine import Engine
from model.paths import SHIPPED

if TYPE_CHECKING:
    import keras

INTACT = "intact"
# Few samples for LIME, and the fewest steps of the integral, are enough to see whether a map has changed.
LIME_SAMPLES = 300
BATCH = 4  # fits into the processor's cache, so it is twice as fast as 64


class KerasDetector(Detector):
    """The shipped model run with Keras instead of LiteRT, so that changes of its weights change its answers."""

    def __init__(self) -> None:
        super().__init__(SHIPPED)
        self._engine = _KerasEngine(self.network)


class _KerasEngine(Engine):
    def __init__(self, network: keras.Model) -> None:
        import tensorflow as tf

        signature = [tf.TensorSpec((None, *network.input.shape[1:]), tf.float32)]
        self._answer = tf.function(lambda pixels: network(pixels, training=False), input_signature=signature)

    def __call__(self, pixels: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        parts = [self._answer(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def cascade(network: keras.Model, seed: int) -> Iterator[str]:
    """Shuffle a network's weights part by part, from the output to the input; the weights stay shuffled.

    This is the cascading randomization of Adebayo et al. (arXiv 1810.03292). Each array keeps its values, in a random
    order, so that the features keep approximately their magnitude.

    Args:
        network: changed in place; layers with the same first word in their names, such as ``stage6``, are one part.
        seed: decides the order.

    Returns:
        An iterator over the name of the part that was shuffled last; the first is ``INTACT``.
    """
    random = np.random.default_rng(seed)
    yield INTACT
    layers = [layer for layer in reversed(network.layers) if layer.weights]
    for part in dict.fromkeys(_part(layer) for layer in layers):
        for layer in layers:
            if _part(layer) == part:
                weights = layer.get_weights()
                layer.set_weights([random.permuted(weight.ravel()).reshape(weight.shape) for weight in weights])
        yield part


def _part(layer: keras.Layer) -> str:
    return layer.name.split("_")[0]


def _direction(found: Attribution, segments: NDArray[np.integer]) -> NDArray[np.float64]:
    """Signed weight of each region for the class, ``(K,)``."""
    return found.region_values(segments)


def _strength(found: Attribution, segments: NDArray[np.integer]) -> NDArray[np.float64]:
    """Absolute weight of each region, ``(K,)``."""
    return np.abs(found.region_values(segments))


def _pixels(found: Attribution, segments: NDArray[np.integer]) -> NDArray[np.float64]:
    """Mean absolute value of each region's pixels, so that values of opposite sign do not cancel, ``(K,)``."""
    labels = segments.ravel()
    return np.bincount(labels, weights=np.abs(found.map).ravel()) / np.bincount(labels)


QUICKER: dict[Explain, Explain] = {
    integrated_gradients: partial(integrated_gradients, most_steps=FIRST_STEPS),
    lime: partial(lime, samples=LIME_SAMPLES),
}
METHODS = {
    name: QUICKER.get(method.explain, method.explain)
    for name, method in REGISTERED.items()
    if method.by_default or method.needs_gradients
}
# The compared values: a method, and the function that computes a value per region from its map. Only maps with a sign
# have several readings.
READINGS = {
    **{name: (name, _strength) for name in METHODS},
    **{f"{name}, signed": (name, _direction) for name in METHODS if REGISTERED[name].explain in QUICKER},
    **{f"{name}, pixels": (name, _pixels) for name in METHODS if REGISTERED[name].explain is integrated_gradients},
}


def decay(
    subject: Subject, seeds: Sequence[int], parts: Collection[str] | None = None
) -> list[dict[str, dict[str, float]]]:
    """Rank correlation of maps with the maps of the intact network, while the network is shuffled part by part.

    The network is restored afterwards.

    Args:
        subject: the subject to explain; changes of the network's weights must change its detector's answers, see
            ``KerasDetector``.
        seeds: one cascade for each seed.
        parts: the parts after which to measure, in addition to ``INTACT``; None for all.

    Returns:
        For each seed, Spearman's rank correlation with the intact network's map over the regions, -1..1, by part and
        reading (see ``READINGS``); 0 if a map is constant.
    """
    network = subject.detector.network
    weights = network.get_weights()
    intact = _readings(subject)
    found = []
    try:
        for seed in seeds:
            network.set_weights(weights)
            likeness = {INTACT: dict.fromkeys(intact, 1.0)}
            for part in cascade(network, seed):
                if part != INTACT and (parts is None or part in parts):
                    now = _readings(subject)
                    likeness[part] = {name: rank_correlation(intact[name], now[name]) for name in intact}
            found.append(likeness)
    finally:
        network.set_weights(weights)
    return found


def _readings(subject: Subject) -> dict[str, NDArray[np.float64]]:
    maps = {name: list(explain(subject))[-1] for name, explain in METHODS.items()}
    return {name: read(maps[method], subject.segments) for name, (method, read) in READINGS.items()}
