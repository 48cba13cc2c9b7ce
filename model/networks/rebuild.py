"""Builds the network of a plan from Keras' own layers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import layers

from model.errors import ArtifactError, NotRebuilt, one_line
from model.i18n.catalogue import Message
from model.networks.attention import RescaleGAP
from model.networks.plan import RESCALE_GAP, LayerPlan, Plan

MAX_FEATURES = 64_000_000  # in one layer's result for one picture; EfficientNetB7 at 600 pixels has 35 million
# The original divides by the mask alone. This keeps the result finite for an all-zero mask and changes no other.
EPSILON = 1e-12


def build_plan(plan: Plan, held: int | None = None) -> keras.Model:
    """Build the network of a plan from Keras 3's own layers, with random weights.

    Args:
        plan: every layer in it is one of ``model.networks.plan.LAYERS``.
        held: count of numbers in the file's weights; a plan that needs more is refused before memory is allocated.

    Returns:
        A network from ``(N, S, S, 3)`` to ``probabilities (N, 2)`` and, if the plan has a mask, ``attention``.

    Raises:
        NotRebuilt: if layers don't fit each other, or the plan needs too many weights or too large results.
        ArtifactError: if the network's result is not the probability of two classes.
    """
    results = [keras.Input(plan.input_shape, name=_free("pixels", plan))]
    made: dict[int, layers.Layer] = {}
    needed = 0
    for call in plan.calls:
        sources = [results[number] for number in call.inputs]
        layer = plan.layers[call.layer]
        if call.layer not in made:
            needed += _declared(layer, sources[0].shape)
            if held is not None and needed > held:
                raise NotRebuilt(Message("network.too_many_weights", layer=repr(layer.name)))
        try:
            if call.layer not in made:
                made[call.layer] = _layer(layer)
            result = made[call.layer](sources if len(sources) > 1 else sources[0])
        except (ValueError, TypeError, IndexError) as error:
            details = {"layer": repr(layer.name), "reason": one_line(error)}
            raise NotRebuilt(Message("network.does_not_fit", **details)) from error
        if math.prod(size or 1 for size in result.shape[1:]) > MAX_FEATURES:
            raise NotRebuilt(Message("network.too_large", layer=repr(layer.name)))
        results.append(result)
    outputs = {"probabilities": _two_way(plan, results[plan.output])}
    if plan.mask is not None:
        outputs["attention"] = results[plan.mask]
    return keras.Model(results[0], outputs, name="legacy")


def _free(name: str, plan: Plan) -> str:
    """A name for an added layer that no layer of the plan has."""
    taken = {layer.name for layer in plan.layers}
    while name in taken:
        name += "_added"
    return name


def _layer(plan: LayerPlan) -> layers.Layer:
    if plan.kind == RESCALE_GAP:
        return RescaleGAP(EPSILON, name=plan.name)
    return getattr(layers, plan.kind)(name=plan.name, **plan.arguments)


def _declared(layer: LayerPlan, shape: Sequence[int | None]) -> int:
    """A lower bound for the count of numbers in a layer's weights; biases are not counted."""
    arguments, channels = layer.arguments, int(shape[-1] or 1)
    kernel = arguments.get("kernel_size", 1)
    area = math.prod(kernel) if isinstance(kernel, tuple) else kernel**2
    depth = arguments.get("depth_multiplier", 1)
    outputs = arguments.get("filters", arguments.get("units", channels * depth))
    count = {
        "Conv2D": area * channels * outputs // arguments.get("groups", 1),
        "DepthwiseConv2D": area * channels * depth,
        "SeparableConv2D": area * channels * depth + channels * depth * outputs,
        "Dense": channels * outputs,
        "BatchNormalization": channels * 2,
    }
    return count.get(layer.kind, 0)


def _two_way(plan: Plan, output: keras.KerasTensor) -> keras.KerasTensor:
    """The network's result as two probabilities ``(N, 2)``; a sigmoid p becomes ``[1 - p, p]``."""
    last = plan.layers[plan.calls[plan.output - 1].layer]
    activation = "softmax" if last.kind == "Softmax" else last.arguments.get("activation")
    if tuple(output.shape[1:]) == (2,) and activation == "softmax":
        return output
    if tuple(output.shape[1:]) == (1,) and activation == "sigmoid":
        first = layers.Rescaling(-1.0, 1.0, name=_free("first_class", plan))(output)
        return layers.Concatenate(name=_free("both_classes", plan))([first, output])
    shape = "x".join(map(str, output.shape[1:]))
    raise ArtifactError(Message("network.result", shape=shape, activation=str(activation)))


def rebuild(description: Mapping[str, Any]) -> keras.Model:
    """The network of an imported model folder's ``config.json``, with random weights.

    Raises:
        ArtifactError: if the description is damaged, or the network can't be built.
    """
    return build_plan(Plan.from_json(description))
