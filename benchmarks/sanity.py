"""Whether maps depend on what a model has learnt: they must fall apart as its weights are shuffled part by part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from explain.maps.attention import attention
from explain.maps.attribution import Attribution
from explain.maps.gradcam import gradcam, gradcam_attention, hirescam
from explain.maps.integrated_gradients import FIRST_STEPS, integrated_gradients
from explain.maps.lime import lime
from explain.maps.subject import Subject
from explain.trust.agreement import rank_correlation
from model.detector.detector import Detector
from model.detector.engine import Engine
from model.paths import SHIPPED

if TYPE_CHECKING:
    import keras

INTACT = "intact"
# Few samples, and the fewest steps of the integral: enough to tell a map that has fallen apart from one that has not.
LIME_SAMPLES = 300
BATCH = 4  # pictures stay in the processor's cache: twice as fast as sixty-four


class KerasDetector(Detector):
    """The shipped model run by Keras instead of LiteRT, so that its answers follow changes of its weights."""

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
    """Shuffle a network's weights part by part, from the verdict down to the pixels; the weights stay shuffled.

    This is the cascading randomization of Adebayo et al. (arXiv 1810.03292). Each array of weights keeps its numbers
    and loses their order, so that the features keep about their size.

    Args:
        network: a part of it is all layers whose names share their first word, such as ``stage6``.
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
    """How much each region speaks for the class, ``(K,)``."""
    return found.region_values(segments)


def _strength(found: Attribution, segments: NDArray[np.integer]) -> NDArray[np.float64]:
    """How much each region matters, for or against the class, ``(K,)``."""
    return np.abs(found.region_values(segments))


def _pixels(found: Attribution, segments: NDArray[np.integer]) -> NDArray[np.float64]:
    """How much each region's pixels matter, whether or not they cancel, ``(K,)``."""
    labels = segments.ravel()
    return np.bincount(labels, weights=np.abs(found.map).ravel()) / np.bincount(labels)


METHODS: dict[str, Callable[[Subject], Iterator[Attribution]]] = {
    "attention": attention,
    "gradcam": gradcam,
    "gradcam_attention": gradcam_attention,
    "hirescam": hirescam,
    "integrated_gradients": partial(integrated_gradients, most_steps=FIRST_STEPS),
    "lime": partial(lime, samples=LIME_SAMPLES),
}
# What is compared: a method's map, and how its regions are read. Maps without a sign are read in one way alone.
READINGS = {
    "attention": ("attention", _strength),
    "gradcam": ("gradcam", _strength),
    "gradcam_attention": ("gradcam_attention", _strength),
    "hirescam": ("hirescam", _strength),
    "lime": ("lime", _strength),
    "integrated_gradients": ("integrated_gradients", _strength),
    "lime, signed": ("lime", _direction),
    "integrated_gradients, signed": ("integrated_gradients", _direction),
    "integrated_gradients, pixels": ("integrated_gradients", _pixels),
}


def decay(
    subject: Subject, seeds: Sequence[int], parts: Collection[str] | None = None
) -> list[dict[str, dict[str, float]]]:
    """How far maps still rank a face's regions as the intact network's did, while the network is shuffled.

    The network is whole again afterwards.

    Args:
        subject: what to explain; its detector must follow its network's weights, see ``KerasDetector``.
        seeds: one cascade each.
        parts: after which parts to look, beside ``INTACT``; None for all.

    Returns:
        For each seed, by part and reading (see ``READINGS``) Spearman's rank correlation with the intact network's map,
        -1..1; 0 where a map is the same everywhere.
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
