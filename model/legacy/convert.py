"""Rebuilds a network from an old Keras ``.h5`` file, from its description and weights only; no code in it runs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from model.errors import ArtifactError, NotRebuilt, message_of
from model.i18n.catalogue import Message
from model.legacy.described import STAND_IN, weights_alone
from model.legacy.graph import read_plan
from model.legacy.h5 import LegacyFile, Weight, open_legacy
from model.legacy.match import Report, load_by_shape, repeats_the_mask
from model.networks.plan import Plan
from model.networks.rebuild import build_plan

IMAGENET_UNKNOWN = (
    "Whether its training began from ImageNet's weights can't be known from weights alone: Keras then scales the "
    "colours once more, which this network does not. If its verdicts look wrong, save the whole network with "
    "model.save('NAME.h5') and import that."
)


@dataclass(frozen=True)
class Imported:
    """A rebuilt network, its plan (None if one of our own architectures was used) and which weights matched."""

    network: keras.Model
    plan: Plan | None
    report: Report = field(default_factory=Report)


def import_network(path: Path, architecture: str = STAND_IN, lambda_divides: bool = False) -> Imported:
    """Rebuild the network of an H5 file that Keras 2 or 3 wrote, with its weights.

    Args:
        path: the file; it is only read.
        architecture: the architecture to use if the file's own description is missing or not supported.
        lambda_divides: see ``model.legacy.graph.read_plan``.

    Returns:
        A network from ``(N, s, s, 3)`` to ``probabilities (N, 2)`` and, if it has a mask, ``attention (N, h, w, 1)``.
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
            return _fall_back(path, file, architecture, message_of(reason))
        except ArtifactError as error:
            raise ArtifactError(Message("model.unusable", file=path.name, reason=message_of(error))) from error


def _load(network: keras.Model, plan: Plan, weights: Sequence[Weight]) -> Report:
    """Load the weights of each layer of a rebuilt network from the group with the layer's name in the file.

    Raises:
        NotRebuilt: if weights are missing or have another shape.
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
        names = [variable.name for variable in layer.weights]
        # Keras versions may name a variable differently (such as a depthwise kernel); its position is the same.
        ordered = [by_name[name] for name in names] if set(names) <= by_name.keys() else found
        shapes = [tuple(variable.shape) for variable in layer.weights]
        if [weight.shape for weight in ordered] != shapes:
            found_shapes = ", ".join(str(weight.shape) for weight in ordered) or Message("network.nothing")
            details = {"layer": repr(layer_plan.name), "wanted": str(shapes), "held": found_shapes}
            raise NotRebuilt(Message("network.weights", **details))
        _assign(layer, [weight.read() for weight in ordered])
        matched += len(ordered)
    return Report(matched, unused=tuple(weight.name for left in stored.values() for weight in left))


def _assign(layer: layers.Layer, values: Sequence[NDArray[np.float32]]) -> None:
    layer.set_weights(values)
    if isinstance(layer, layers.Normalization):
        layer.finalize_state()  # it computes with constants made of its weights


def _fall_back(path: Path, file: LegacyFile, architecture: str, reason: Message | str) -> Imported:
    """Use one of our own architectures, if the file holds exactly its weights.

    Raises:
        ArtifactError: if it does not.
    """
    from model.networks.registry import ARCHITECTURES, build

    details: dict[str, Any] = {"file": path.name, "reason": reason, "name": architecture}
    if architecture not in ARCHITECTURES:
        raise ArtifactError(Message("network.no_stand_in", **{**details, "name": repr(architecture)}))
    network = build(architecture)
    ones = tuple(weight for weight in file.weights if repeats_the_mask(weight))
    report = load_by_shape(network, file.weights)
    if report.missing:
        details |= {"missing": len(report.missing), "count": len(network.weights), "example": report.missing[0]}
        raise ArtifactError(Message("network.weights_missing", **details))
    unused = tuple(name for name in report.unused if name not in {weight.name for weight in ones})
    if unused:
        raise ArtifactError(Message("network.weights_left", **details, left=len(unused), example=unused[0]))
    notes = [f"{reason} The architecture {architecture} was used instead, since all its weights were found."]
    if architecture.startswith("efficientnet"):
        notes.append(IMAGENET_UNKNOWN)
    return Imported(network, None, replace(report, unused=unused, notes=tuple(notes)))
