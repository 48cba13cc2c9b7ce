"""What gradient explanations ask of a Keras network: where its features are, and how a class's log-odds depend on them.

TensorFlow and Keras are imported by the first function that is called, not with this module.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from explain.maps.attribution import ExplanationError
from model.detector.detector import Detector
from model.i18n.catalogue import Said

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def before_attention(network: keras.Model) -> keras.KerasTensor:
    """The features ``(N, h, w, C)`` that the attention block is fed with.

    They are found by what the block does, not by names, so that imported networks are understood, too: the mask goes
    into a product, alone or repeated over the channels; what it is multiplied with are the features, and the batch
    norm that they come out of is the block's own.

    Args:
        network: its outputs are ``probabilities (N, 2)`` and, where there is an attention block, ``attention``.

    Raises:
        ExplanationError: if there is no attention block.
    """
    from keras import layers

    mask = network.output.get("attention")
    if mask is None:
        raise ExplanationError(Said("problem.no_attention_features"))
    for layer in network.layers:
        for node in layer._inbound_nodes if isinstance(layer, layers.Multiply) else ():
            features = [tensor for tensor in node.input_tensors if not _made_of_alone(tensor, mask)]
            if len(features) < len(node.input_tensors):
                maker, sources = _maker(features[0])
                return sources[0] if isinstance(maker, layers.BatchNormalization) else features[0]
    raise ExplanationError(Said("problem.mask_unused"))


def last_convolution(network: keras.Model) -> keras.KerasTensor:
    """The last features ``(N, h, w, C)`` outside the attention block on a grid, of a convolution or a transformer.

    Taken are what the rest of the network sees: after the convolution's batch norm, activation and shortcut. Where
    several scales are joined, the grid is that of the deepest one.

    Args:
        network: see ``before_attention``.

    Raises:
        ExplanationError: if no convolution's grid is larger than 1x1.
    """
    from keras import layers

    convolutions = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
    end = before_attention(network) if "attention" in network.output else network.output["probabilities"]
    if isinstance(_maker(end)[0], layers.Reshape) and math.prod(end.shape[1:3]) > 1:
        return end  # a transformer's tokens, laid on their grid
    before_end = _upstream(end)
    for layer in reversed(network.operations):  # Keras lists them in the order in which they are computed
        for index, node in enumerate(layer._inbound_nodes if isinstance(layer, convolutions) else ()):
            features = node.output_tensors[0]
            if (layer, index) in before_end and math.prod(features.shape[1:3]) > 1:
                return _settled(features, end, network)
    raise ExplanationError(Said("problem.no_convolution"))


class LogOdds:
    """The log-odds of one class under Keras, as the detector computes them from the model's card.

    ``log(P(target) / P(other))`` is the difference of the two logits, divided by the card's temperature and shifted by
    its bias. Its gradient is explained rather than that of P(target), which vanishes where the softmax is saturated:
    there the logits still say what speaks for the class. For the same reason they are read before the last layer's
    softmax or sigmoid.

    Args:
        detector: its ``network`` and ``card`` are used.
        target: one of the card's labels.

    Raises:
        ValueError: if ``target`` is no label of the card.
    """

    def __init__(self, detector: Detector, target: str) -> None:
        card = detector.card
        if target not in card.labels:
            raise ValueError(f"target must be one of {', '.join(card.labels)}, got {target!r}")
        self.network = detector.network
        self._sign = 1.0 if card.labels.index(target) == 0 else -1.0
        self._temperature = card.temperature or 1.0
        self._bias = card.fake_bias if target == "Fake" else -card.fake_bias

    def by_features(
        self, pixels: NDArray[np.float32], features: keras.KerasTensor
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features ``(N, h, w, C)`` of inputs ``(N, s, s, 3)``, and the gradient of the log-odds by each of them."""
        import keras
        import tensorflow as tf

        end = _End(self.network)
        view = keras.Model(self.network.input, [features, end.seen])
        given = tf.convert_to_tensor(pixels)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(given)  # so that everything computed from it is recorded, frozen layers or not
            values, seen = view(given, training=False)
            odds = self._of(end.first_over_second(seen))
        return values.numpy(), tape.gradient(odds, values).numpy()

    def probability_by_pixels(self, pixels: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """P(target) ``(N,)`` of inputs ``(N, s, s, 3)``, as the detector says it to 1e-3, and its gradient by each."""
        import tensorflow as tf

        difference, slopes = _difference_by_pixels(self.network)(tf.convert_to_tensor(pixels))
        odds = self._of(difference.numpy().astype(np.float64))
        probabilities = expit(odds)
        steepness = self._sign / self._temperature * probabilities * (1 - probabilities)
        return probabilities, steepness[:, None, None, None] * slopes.numpy()

    def _of(self, difference: Any) -> Any:
        return self._sign * difference / self._temperature + self._bias


@lru_cache(maxsize=4)
def _difference_by_pixels(network: keras.Model) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Computes ``log(p0 / p1)`` of inputs and its gradient by them, twice as fast as Keras called step by step.

    It is kept for each network, since TensorFlow takes seconds to prepare it. Weights that change are followed.
    """
    import keras
    import tensorflow as tf

    end = _End(network)
    view = keras.Model(network.input, end.seen)

    @tf.function(input_signature=[tf.TensorSpec((None, *network.input.shape[1:]), tf.float32)])
    def by_pixels(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pixels)
            difference = end.first_over_second(view(pixels, training=False))
        return difference, tape.gradient(difference, pixels)

    return by_pixels


class _End:
    """A network's last layer without its softmax or sigmoid.

    Attributes:
        seen: what that layer is fed with; the probabilities themselves where it is of an unknown kind.
    """

    def __init__(self, network: keras.Model) -> None:
        from keras import layers

        self.seen = network.output["probabilities"]
        layer, sources = _maker(self.seen)
        # Imported networks with a single sigmoid p end in [1 - p, p].
        self._single = isinstance(layer, layers.Concatenate)
        if self._single:
            layer, sources = _maker(sources[-1])
        wanted = "sigmoid" if self._single else "softmax"
        found = "softmax" if isinstance(layer, layers.Softmax) else _activation(layer)
        self._known = found == wanted
        self._dense = layer if self._known and isinstance(layer, layers.Dense) else None
        if self._known:
            self.seen = sources[0]

    def first_over_second(self, seen: tf.Tensor) -> tf.Tensor:
        """``log(p0 / p1)`` ``(N,)`` from a batch of ``seen``."""
        import tensorflow as tf

        seen = tf.cast(seen, tf.float32)
        if not self._known:
            logits = tf.math.log(tf.maximum(seen, np.finfo(np.float32).tiny))
            return logits[:, 0] - logits[:, 1]
        if self._dense is not None:
            seen = tf.matmul(seen, self._dense.kernel)
            seen = seen if self._dense.bias is None else seen + self._dense.bias
        return -seen[:, 0] if self._single else seen[:, 0] - seen[:, 1]


def _activation(layer: Any) -> str | None:
    return getattr(getattr(layer, "activation", None), "__name__", None)


# Keras has no public way from a tensor to what made it once a layer is used twice, as in some imported networks; the
# history of its symbolic tensors is what Keras itself walks along.


def _maker(tensor: keras.KerasTensor) -> tuple[Any, list[keras.KerasTensor]]:
    """The layer that made a symbolic tensor, and what it was fed with."""
    layer, index, _ = tensor._keras_history
    return layer, layer._inbound_nodes[index].input_tensors


def _place(tensor: keras.KerasTensor) -> tuple[Any, int]:
    """Which call of which layer made a tensor: the same for every copy of it."""
    layer, index, _ = tensor._keras_history
    return layer, index


def _made_of_alone(tensor: keras.KerasTensor, origin: keras.KerasTensor) -> bool:
    """Whether a tensor is ``origin``, or made of it by layers that take nothing else."""
    while _place(tensor) != _place(origin):
        sources = _maker(tensor)[1]
        if len(sources) != 1:
            return False
        tensor = sources[0]
    return True


def _upstream(tensor: keras.KerasTensor) -> set[tuple[Any, int]]:
    """Every call of a layer that a tensor depends on, its own included."""
    waiting, seen = [tensor], {_place(tensor)}
    while waiting:
        for source in _maker(waiting.pop())[1]:
            if _place(source) not in seen:
                seen.add(_place(source))
                waiting.append(source)
    return seen


def _settled(tensor: keras.KerasTensor, end: keras.KerasTensor, network: keras.Model) -> keras.KerasTensor:
    """A convolution's features after the layers that work on each place of them alone, up to ``end``."""
    from keras import layers

    local = (layers.BatchNormalization, layers.Activation, layers.ReLU, layers.LeakyReLU, layers.Add, layers.Dropout)
    users = defaultdict(list)
    for layer in network.operations:
        for node in layer._inbound_nodes:
            for source in node.input_tensors:
                users[_place(source)].append(node)
    while _place(tensor) != _place(end):
        uses = users[_place(tensor)]
        if len(uses) != 1 or not isinstance(uses[0].operation, local):
            break
        tensor = uses[0].output_tensors[0]
    return tensor
