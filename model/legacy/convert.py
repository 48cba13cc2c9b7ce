"""Rebuilds a network from an old Keras ``.h5`` file, of which only the plain description and the numbers are used."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from model.errors import ArtifactError, NotRebuilt, told_by
from model.i18n.catalogue import Said
from model.legacy.described import STAND_IN, weights_alone
from model.legacy.graph import read_plan
from model.legacy.h5 import LegacyFile, Weight, open_legacy
from model.legacy.match import Report, load_by_shape, repeats_the_mask
from model.networks.attention import RescaleGAP
from model.networks.layers import RESCALE_GAP
from model.networks.plan import LayerPlan, Plan

MAX_FEATURES = 64_000_000  # numbers in one result for one picture; EfficientNetB7 at 600 pixels has 35 million
# The original divides by the mask alone; this keeps an all-zero mask finite without changing any other.
EPSILON = 1e-12
IMAGENET_UNKNOWN = (
    "Whether its training began from ImageNet's weights can't be known from weights alone: Keras then scales the "
    "colours once more, which this network does not. If its verdicts look wrong, save the whole network with "
    "model.save('NAME.h5') and import that."
)


@dataclass(frozen=True)
class Imported:
    """A rebuilt network, the plan it follows (None where an architecture of ours was used) and what matched."""

    network: keras.Model
    plan: Plan | None
    report: Report = field(default_factory=Report)


def import_network(path: Path, architecture: str = STAND_IN, lambda_divides: bool = False) -> Imported:
    """Rebuild the network of an H5 file that Keras 2 or 3 wrote, with its weights.

    Args:
        path: the file; it is only read.
        architecture: whose code to use where the file's own description is missing or not known.
        lambda_divides: see ``model.legacy.graph.read_plan``.

    Returns:
        A network from ``(N, s, s, 3)`` to ``probabilities (N, 2)`` and, where it has one, ``attention (N, h, w, 1)``.
        A single sigmoid p becomes ``[1 - p, p]``: the label encoder gives 0 to the first class and 1 to the second.

    Raises:
        ArtifactError: if the file can't be used; the message says why.
    """
    with open_legacy(path) as file:
        try:
            if file.config is None:
                raise NotRebuilt(weights_alone(path))
            plan = read_plan(file.config, lambda_divides)
            network = build_plan(plan, file.size)
            report = _load(network, plan, file.weights)
            return Imported(network, plan, replace(report, notes=plan.notes))
        except NotRebuilt as reason:
            return _fall_back(path, file, architecture, told_by(reason))
        except ArtifactError as error:
            raise ArtifactError(Said("model.unusable", file=path.name, reason=told_by(error))) from error


def build_plan(plan: Plan, held: int | None = None) -> keras.Model:
    """Build the network of a plan with Keras 3's own layers, its weights still random.

    Args:
        plan: every layer in it is one of ``model.networks.layers.LAYERS``.
        held: how many numbers the file holds; a plan that asks for more is refused before memory is given to it.

    Raises:
        NotRebuilt: if layers don't fit each other, or the plan asks for too much.
    """
    results = [keras.Input(plan.input_shape, name=_free("pixels", plan))]
    made: dict[int, layers.Layer] = {}
    asked = 0
    for call in plan.calls:
        sources = [results[number] for number in call.inputs]
        layer = plan.layers[call.layer]
        if call.layer not in made:
            asked += _declared(layer, sources[0].shape)
            if held is not None and asked > held:
                raise NotRebuilt(Said("network.too_many_weights", layer=repr(layer.name)))
        try:
            if call.layer not in made:
                made[call.layer] = _layer(layer)
            result = made[call.layer](sources if len(sources) > 1 else sources[0])
        except (ValueError, TypeError, IndexError) as error:
            told = {"layer": repr(layer.name), "reason": str(error).strip().splitlines()[0][:200]}
            raise NotRebuilt(Said("network.does_not_fit", **told)) from error
        if math.prod(size or 1 for size in result.shape[1:]) > MAX_FEATURES:
            raise NotRebuilt(Said("network.too_large", layer=repr(layer.name)))
        results.append(result)
    outputs = {"probabilities": _two_way(plan, results[plan.output])}
    if plan.mask is not None:
        outputs["attention"] = results[plan.mask]
    return keras.Model(results[0], outputs, name="legacy")


def _free(name: str, plan: Plan) -> str:
    """A name for a layer of ours that no layer of the plan has."""
    taken = {layer.name for layer in plan.layers}
    while name in taken:
        name += "_added"
    return name


def _layer(plan: LayerPlan) -> layers.Layer:
    if plan.kind == RESCALE_GAP:
        return RescaleGAP(EPSILON, name=plan.name)
    return getattr(layers, plan.kind)(name=plan.name, **plan.arguments)


def _declared(layer: LayerPlan, shape: Sequence[int | None]) -> int:
    """How many weights a layer is going to have."""
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
    """The network's result as two probabilities."""
    last = plan.layers[plan.calls[plan.output - 1].layer]
    activation = "softmax" if last.kind == "Softmax" else last.arguments.get("activation")
    if tuple(output.shape[1:]) == (2,) and activation == "softmax":
        return output
    if tuple(output.shape[1:]) == (1,) and activation == "sigmoid":
        first = layers.Rescaling(-1.0, 1.0, name=_free("first_class", plan))(output)
        return layers.Concatenate(name=_free("both_classes", plan))([first, output])
    shape = "x".join(map(str, output.shape[1:]))
    raise ArtifactError(Said("network.result", shape=shape, activation=str(activation)))


def _load(network: keras.Model, plan: Plan, weights: Sequence[Weight]) -> Report:
    """Give every layer of a rebuilt network its numbers, by the place in the file that its own name points to.

    Raises:
        NotRebuilt: if numbers are missing or have another shape.
    """
    stored: dict[tuple[str, str], list[Weight]] = defaultdict(list)
    for weight in weights:
        stored[weight.group, weight.layer].append(weight)
    matched = 0
    for layer_plan in plan.layers:
        layer = network.get_layer(layer_plan.name)
        if not layer.weights:
            continue
        found = stored.pop((layer_plan.group, layer_plan.saved_name), [])
        by_name = {weight.variable: weight for weight in found}
        wanted = [variable.name for variable in layer.weights]
        # A variable may have changed its name between versions (a depthwise kernel has); its place has not.
        ordered = [by_name[name] for name in wanted] if set(wanted) <= by_name.keys() else found
        shapes = [tuple(variable.shape) for variable in layer.weights]
        if [weight.shape for weight in ordered] != shapes:
            held = ", ".join(str(weight.shape) for weight in ordered) or Said("network.nothing")
            raise NotRebuilt(Said("network.weights", layer=repr(layer_plan.name), wanted=str(shapes), held=held))
        _assign(layer, [weight.read() for weight in ordered])
        matched += len(ordered)
    return Report(matched, unused=tuple(weight.name for left in stored.values() for weight in left))


def _assign(layer: layers.Layer, values: Sequence[NDArray[np.float32]]) -> None:
    layer.set_weights(values)
    if isinstance(layer, layers.Normalization):
        layer.finalize_state()  # it computes with constants made of its weights


def _fall_back(path: Path, file: LegacyFile, architecture: str, reason: Said | str) -> Imported:
    """Use an architecture of ours whose weights are those of the file, all of them.

    Raises:
        ArtifactError: if they are not.
    """
    from model.networks.registry import ARCHITECTURES, build

    told: dict[str, Any] = {"file": path.name, "reason": reason, "name": architecture}
    if architecture not in ARCHITECTURES:
        raise ArtifactError(Said("network.no_stand_in", **{**told, "name": repr(architecture)}))
    network = build(architecture)
    ones = tuple(weight for weight in file.weights if repeats_the_mask(weight))
    report = load_by_shape(network, file.weights)
    if report.missing:
        told |= {"missing": len(report.missing), "count": len(network.weights), "example": report.missing[0]}
        raise ArtifactError(Said("network.weights_missing", **told))
    unused = tuple(name for name in report.unused if name not in {weight.name for weight in ones})
    if unused:
        raise ArtifactError(Said("network.weights_left", **told, left=len(unused), example=unused[0]))
    notes = [f"{reason} The architecture {architecture} was used instead, since all its weights were found."]
    if architecture.startswith("efficientnet"):
        notes.append(IMAGENET_UNKNOWN)
    return Imported(network, None, replace(report, unused=unused, notes=tuple(notes)))


def rebuild(description: Mapping[str, Any]) -> keras.Model:
    """The network of an imported model folder's ``config.json``, its weights still random."""
    return build_plan(Plan.from_json(description))
