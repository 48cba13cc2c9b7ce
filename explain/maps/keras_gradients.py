"""Gradients for explanations of a Keras network: its feature layers, and the gradient of a class's log-odds.

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
from model.i18n.catalogue import Message

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def before_attention(network: keras.Model) -> keras.KerasTensor:
    """The features ``(N, h, w, C)`` that enter the attention block.

    They are found by the block's structure, not by names, so this also works for imported networks. The mask, alone or
    repeated over the channels, is multiplied with the features; a batch norm directly before them belongs to the
    block.

    Args:
        network: its outputs are ``probabilities (N, 2)`` and, with an attention block, ``attention``.

    Raises:
        ExplanationError: if there is no attention block.
    """
    from keras import layers

    mask = network.output.get("attention")
    if mask is None:
        raise ExplanationError(Message("problem.no_attention_features"))
    for layer in network.layers:
        for node in layer._inbound_nodes if isinstance(layer, layers.Multiply) else ():
            features = [tensor for tensor in node.input_tensors if not _depends_only_on(tensor, mask)]
            if len(features) < len(node.input_tensors):
                producer, sources = _producer(features[0])
                return sources[0] if isinstance(producer, layers.BatchNormalization) else features[0]
    raise ExplanationError(Message("problem.mask_unused"))


def last_convolution(network: keras.Model) -> keras.KerasTensor:
    """The last features ``(N, h, w, C)`` on a grid outside the attention block, from a convolution or a transformer.

    These are the features that the next layers see: after the convolution's batch norm, activation and shortcut. If
    several scales are joined, the grid is that of the deepest one.

    Args:
        network: see ``before_attention``.

    Raises:
        ExplanationError: if no convolution's grid is larger than 1x1.
    """
    from keras import layers

    convolutions = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
    end = before_attention(network) if "attention" in network.output else network.output["probabilities"]
    if isinstance(_producer(end)[0], layers.Reshape) and math.prod(end.shape[1:3]) > 1:
        return end  # a transformer's tokens, laid on their grid
    before_end = _upstream(end)
    for layer in reversed(network.operations):  # Keras lists them in the order in which they are computed
        for index, node in enumerate(layer._inbound_nodes if isinstance(layer, convolutions) else ()):
            features = node.output_tensors[0]
            if (layer, index) in before_end and math.prod(features.shape[1:3]) > 1:
                return _after_local_layers(features, end, network)
    raise ExplanationError(Message("problem.no_convolution"))


class LogOdds:
    """The log-odds of one class under Keras, as the detector computes them from the model's card.

    ``log(P(target) / P(other))`` is the difference of the two logits, divided by the card's temperature and shifted by
    its bias. The explanation uses its gradient and not that of P(target), which vanishes when the softmax is saturated.
    For the same reason the logits are read before the last layer's softmax or sigmoid.

    Args:
        detector: its ``network`` and ``card`` are used.
        target: one of the card's labels.

    Raises:
        ValueError: if ``target`` is not a label of the card.
        ExplanationError: if the network is an ONNX file, or the model is a combined one.
    """

    def __init__(self, detector: Detector, target: str) -> None:
        card = detector.card
        if target not in card.labels:
            raise ValueError(f"target must be one of {', '.join(card.labels)}, got {target!r}")
        if card.onnx is not None or card.parts:
            raise ExplanationError(Message("problem.no_gradients"))
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

        end = _LastLayer(self.network)
        view = keras.Model(self.network.input, [features, end.input])
        inputs = tf.convert_to_tensor(pixels)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)  # records everything computed from it, even in frozen layers
            values, last_input = view(inputs, training=False)
            odds = self._log_odds(end.first_over_second(last_input))
        return values.numpy(), tape.gradient(odds, values).numpy()

    def probability_by_pixels(self, pixels: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """P(target) ``(N,)`` of inputs ``(N, s, s, 3)``, equal to the detector's to 1e-3, and its gradient by each."""
        import tensorflow as tf

        difference, slopes = _difference_by_pixels(self.network)(tf.convert_to_tensor(pixels))
        odds = self._log_odds(difference.numpy().astype(np.float64))
        probabilities = expit(odds)
        steepness = self._sign / self._temperature * probabilities * (1 - probabilities)
        return probabilities, steepness[:, None, None, None] * slopes.numpy()

    def _log_odds(self, difference: Any) -> Any:
        return self._sign * difference / self._temperature + self._bias


@lru_cache(maxsize=4)
def _difference_by_pixels(network: keras.Model) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Compute ``log(p0 / p1)`` of inputs and its gradient in one graph, twice as fast as eager Keras calls.

    It is cached for each network, because TensorFlow needs seconds to build it. It follows changes of the weights.
    """
    import keras
    import tensorflow as tf

    end = _LastLayer(network)
    view = keras.Model(network.input, end.input)

    @tf.function(input_signature=[tf.TensorSpec((None, *network.input.shape[1:]), tf.float32)])
    def by_pixels(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pixels)
            difference = end.first_over_second(view(pixels, training=False))
        return difference, tape.gradient(difference, pixels)

    return by_pixels


class _LastLayer:
    """A network's last layer without its softmax or sigmoid.

    Attributes:
        input: the layer's input; the probabilities themselves if the layer is of an unknown kind.
    """

    def __init__(self, network: keras.Model) -> None:
        from keras import layers

        self.input = network.output["probabilities"]
        layer, sources = _producer(self.input)
        # Imported networks with a single sigmoid p end in [1 - p, p].
        self._single = isinstance(layer, layers.Concatenate)
        if self._single:
            layer, sources = _producer(sources[-1])
        expected = "sigmoid" if self._single else "softmax"
        activation = "softmax" if isinstance(layer, layers.Softmax) else _activation(layer)
        self._known = activation == expected
        self._dense = layer if self._known and isinstance(layer, layers.Dense) else None
        if self._known:
            self.input = sources[0]

    def first_over_second(self, values: tf.Tensor) -> tf.Tensor:
        """``log(p0 / p1)`` ``(N,)`` from a batch of the layer's ``input``."""
        import tensorflow as tf

        values = tf.cast(values, tf.float32)
        if not self._known:
            logits = tf.math.log(tf.maximum(values, np.finfo(np.float32).tiny))
            return logits[:, 0] - logits[:, 1]
        if self._dense is not None:
            values = tf.matmul(values, self._dense.kernel)
            values = values if self._dense.bias is None else values + self._dense.bias
        return -values[:, 0] if self._single else values[:, 0] - values[:, 1]


def _activation(layer: Any) -> str | None:
    return getattr(getattr(layer, "activation", None), "__name__", None)


# Keras has no public way from a tensor to the call that made it if a layer is used twice, as in some imported networks.
# Keras itself follows the history of its symbolic tensors.


def _producer(tensor: keras.KerasTensor) -> tuple[Any, list[keras.KerasTensor]]:
    """The layer that made a symbolic tensor, and its input tensors."""
    layer, index, _ = tensor._keras_history
    return layer, layer._inbound_nodes[index].input_tensors


def _place(tensor: keras.KerasTensor) -> tuple[Any, int]:
    """The layer and call that made a tensor; equal for every copy of it."""
    layer, index, _ = tensor._keras_history
    return layer, index


def _depends_only_on(tensor: keras.KerasTensor, origin: keras.KerasTensor) -> bool:
    """Whether a tensor is ``origin``, or computed from it by layers with no other input."""
    while _place(tensor) != _place(origin):
        sources = _producer(tensor)[1]
        if len(sources) != 1:
            return False
        tensor = sources[0]
    return True


def _upstream(tensor: keras.KerasTensor) -> set[tuple[Any, int]]:
    """Every layer call that a tensor depends on, including its own."""
    waiting, seen = [tensor], {_place(tensor)}
    while waiting:
        for source in _producer(waiting.pop())[1]:
            if _place(source) not in seen:
                seen.add(_place(source))
                waiting.append(source)
    return seen


def _after_local_layers(tensor: keras.KerasTensor, end: keras.KerasTensor, network: keras.Model) -> keras.KerasTensor:
    """A convolution's features after the layers that work on each place separately, up to ``end``."""
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
