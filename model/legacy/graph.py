"""Turns a network's description by Keras 2 or 3 into a plan of allowed layers; no name in it is imported."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from model.errors import ArtifactError, NotRebuilt
from model.i18n.catalogue import Message
from model.legacy.operators import CONSTANT, operation_of, rescaling
from model.networks.plan import (
    MAX_SIZE,
    RESCALE_GAP,
    TRAINING_ONLY,
    Call,
    LayerPlan,
    Plan,
    allowed_arguments,
    find_mask,
)

MAX_CALLS = 3_000  # EfficientNetB7 has 810
MAX_NESTING = 5
MAX_NAME = 300
MAX_STEPS = 30_000  # layers and references visited, counted again at each call of a nested network; B7 has 1,700
DEFAULT_INPUT = (128, 128, 3)  # the thesis's input, if a file leaves the sides open
NETWORKS = ("Functional", "Model", "Sequential")
POOLING = "GlobalAveragePooling2D"
INERT = "Identity"  # replaces a layer that only acts in training


Node = tuple[str, int]  # a layer's name and the index of one of its calls


class LambdaRefused(ArtifactError):
    """The network contains code, and what it computes can't be known without running it."""


def read_plan(config: Mapping[str, Any], lambda_divides: bool = False) -> Plan:
    """Turn the ``model_config`` of an H5 file into a plan.

    Args:
        config: the parsed ``model_config``.
        lambda_divides: whether the owner states that every Lambda of two inputs is a division. Otherwise only the
            thesis's Lambda counts as one: by its name, or because it follows the poolings of masked features and mask.

    Raises:
        LambdaRefused: if the network contains code other than the thesis's division.
        NotRebuilt: if anything else in it is unknown or unsupported.
    """
    reader = _Reader(lambda_divides)
    try:
        shape = _input_shape(config)
        output = reader.network(config["class_name"], config["config"], [0], ())
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise NotRebuilt(Message("network.damaged")) from error
    plan = Plan(shape, tuple(reader.layers), tuple(reader.calls), output, None, tuple(reader.notes))
    return Plan(shape, plan.layers, plan.calls, output, find_mask(plan), plan.notes)


@dataclass
class _Reader:
    """Collects layers and calls while it visits nested networks."""

    lambda_divides: bool = False
    layers: list[LayerPlan] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _steps: int = 0
    _numbers: dict[tuple[str, ...], int] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)  # names of layers

    def network(self, kind: str, config: Any, inputs: Sequence[int], scope: tuple[str, ...]) -> int:
        """Visit a network that takes the results with these numbers; returns the number of its result."""
        if len(scope) > MAX_NESTING:
            raise NotRebuilt(Message("network.too_nested"))
        if kind not in NETWORKS:
            raise NotRebuilt(Message("network.outermost", kind=repr(str(kind)[:MAX_NAME])))
        if kind == "Sequential":
            entries = config["layers"] if isinstance(config, Mapping) else config
            self._spend(len(entries) + 1)
            result = list(inputs)
            for entry in entries:
                if entry["class_name"] != "InputLayer":
                    result = [self._call(entry, result, scope)]
            return result[0]
        return self._functional(config, inputs, scope)

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise NotRebuilt(Message("network.too_connected"))

    def _functional(self, config: Mapping[str, Any], inputs: Sequence[int], scope: tuple[str, ...]) -> int:
        starts, ends = list(_references(config["input_layers"])), list(_references(config["output_layers"]))
        if len(starts) != len(inputs) or len(ends) != 1:
            raise NotRebuilt(Message("network.one_input"))
        nodes = {
            (_name(entry), index): (entry, list(_references(node)), node)
            for entry in config["layers"]
            for index, node in enumerate(entry.get("inbound_nodes", ()))
        }
        self._spend(len(config["layers"]) + 1 + sum(len(sources) for _, sources, _ in nodes.values()))
        if len(nodes) > MAX_CALLS:
            raise NotRebuilt(Message("network.too_many_layers", limit=MAX_CALLS))
        done = {(name, 0): number for (name, _), number in zip(starts, inputs, strict=True)}
        shifted = _shifted(config, nodes, ends)
        keys = {
            node: [(name, index - (name in shifted)) for name, index in sources]
            for node, (_, sources, _) in nodes.items()
        }
        for node in _topological_order(keys, done):
            entry, _, call = nodes[node]
            done[node] = self._call(entry, [done[key] for key in keys[node]], scope, call)
        name, index = ends[0]
        return done[name, index - (name in shifted)]

    def _call(self, entry: Mapping[str, Any], inputs: Sequence[int], scope: tuple[str, ...], call: Any = None) -> int:
        name = _name(entry)
        if entry["class_name"] in NETWORKS:
            return self.network(entry["class_name"], entry["config"], inputs, (*scope, name))
        if len(self.calls) >= MAX_CALLS:
            raise NotRebuilt(Message("network.too_many_layers", limit=MAX_CALLS))
        path = (*scope, name)
        if path not in self._numbers:
            self._numbers[path] = len(self.layers)
            self.layers.append(self._layer(entry, path, inputs, call))
        self.calls.append(Call(self._numbers[path], tuple(inputs)))
        return len(self.calls)

    def _layer(self, entry: Mapping[str, Any], path: tuple[str, ...], inputs: Sequence[int], call: Any) -> LayerPlan:
        # Layers of a nested network may have the same names as layers outside it.
        choices = (name.replace("/", "_") for name in (path[-1], "_".join(path), f"layer_{len(self.layers)}"))
        name = next(name for name in choices if name not in self._taken)
        self._taken.add(name)
        kind, config = self._kind(entry, path[-1], inputs), entry["config"]
        if kind == "Rescaling" and operation_of(entry):
            config = rescaling(entry, call, path[-1])
        return LayerPlan(name, kind, allowed_arguments(kind, config, path[-1]), path[0], path[-1])

    def _kind(self, entry: Mapping[str, Any], name: str, inputs: Sequence[int]) -> str:
        """The layer's kind in the plan; a division of two inputs becomes the thesis's RescaleGAP."""
        kind = str(entry["class_name"]).split(">")[-1]
        operation = operation_of(entry)
        if operation and len(inputs) == 1:
            return "Rescaling"
        if operation in ("Add", "Subtract", "Multiply"):
            return operation
        if kind in TRAINING_ONLY:
            return INERT
        divides = kind == RESCALE_GAP or operation == "Divide"
        if kind == "Lambda":
            divides = self.lambda_divides or name.lower() == RESCALE_GAP.lower() or self._rescales(inputs)
        if divides and len(inputs) == 2:
            self.notes.append(
                f"The layer {name!r} ({kind}) was replaced by the division of its first input by its second."
            )
            return RESCALE_GAP
        if kind == "Lambda":
            raise LambdaRefused(Message("network.lambda", layer=repr(name), way_out=Message("network.lambda_way_out")))
        module, registered = str(entry.get("module") or "keras"), entry.get("registered_name")
        if module.split(".")[0] != "keras" or registered not in (None, kind):
            origin = str(registered or module)[:MAX_NAME]
            raise NotRebuilt(Message("network.own_layer", layer=repr(name), kind=kind, origin=origin))
        return kind

    def _rescales(self, inputs: Sequence[int]) -> bool:
        """Whether the inputs are the averages of masked features and of the mask, as in the thesis's division."""
        if len(inputs) != 2:
            return False
        features, mask = (self._pooled(number) for number in inputs)
        if not features or not mask or self._kind_of(features) != "Multiply":
            return False
        return mask in self.calls[features - 1].inputs and self._is_mask(mask)

    def _is_mask(self, number: int) -> bool:
        """Whether this is the result of a sigmoid, or of a convolution that may repeat it over the channels."""
        fed_by = self.calls[number - 1].inputs[0] if self._kind_of(number) == "Conv2D" else 0
        return self._is_sigmoid(number) or self._is_sigmoid(fed_by)

    def _is_sigmoid(self, number: int) -> bool:
        return bool(number) and self.layers[self.calls[number - 1].layer].arguments.get("activation") == "sigmoid"

    def _pooled(self, number: int) -> int | None:
        """The call that gave what was pooled (global average) into this result; None if nothing was."""
        while self._kind_of(number) in ("Flatten", "Reshape"):
            number = self.calls[number - 1].inputs[0]
        return self.calls[number - 1].inputs[0] if self._kind_of(number) == POOLING else None

    def _kind_of(self, number: int) -> str | None:
        return self.layers[self.calls[number - 1].layer].kind if number else None


def _name(entry: Mapping[str, Any]) -> str:
    name = entry.get("name") or entry["config"]["name"]
    if not isinstance(name, str) or len(name) > MAX_NAME or len(str(entry["class_name"])) > MAX_NAME:
        raise NotRebuilt(Message("network.name_too_long"))
    return name


def _references(data: Any) -> Iterator[tuple[str, int]]:
    """Each ``(layer, index of its call)`` in ``data``, in any form in which Keras 2 or 3 writes a tensor's source."""
    if isinstance(data, Mapping):
        if data.get("class_name") == "__keras_tensor__":
            name, index, _ = data["config"]["keras_history"]
            yield str(name), int(index)
        else:
            for value in data.values():
                yield from _references(value)
    elif isinstance(data, list | tuple):
        if (
            len(data) >= 3
            and isinstance(data[0], str)
            and isinstance(data[1], int)
            and isinstance(data[2], int | float)
        ):
            if data[0] != CONSTANT:
                yield data[0], data[1]
            data = data[3:]
        for value in data:
            yield from _references(value)


def _topological_order(keys: Mapping[Node, Sequence[Node]], given: Iterable[Node]) -> Iterator[Node]:
    """Every call after its inputs, otherwise in the order of the file (a topological sort)."""
    done, begun = set(given), set[Node]()
    for first in keys:
        waiting = [first]
        while waiting:
            node = waiting[-1]
            missing = [] if node in done else [key for key in keys.get(node, ()) if key not in done]
            if node not in done and (not keys.get(node) or (missing and node in begun)):
                raise NotRebuilt(Message("network.circle"))
            begun.add(node)
            if missing:
                waiting.extend(reversed(missing))
                continue
            waiting.pop()
            if node not in done:
                done.add(node)
                yield node


def _shifted(
    config: Mapping[str, Any], nodes: Mapping[tuple[str, int], Any], ends: Sequence[tuple[str, int]]
) -> set[str]:
    """Nested networks with calls counted from 1: Keras 2 counts building a network as its first call."""
    highest: dict[str, int] = {}
    for name, index in [*ends, *(source for _, sources, _ in nodes.values() for source in sources)]:
        highest[name] = max(index, highest.get(name, 0))
    nested = [entry for entry in config["layers"] if entry["class_name"] in NETWORKS]
    return {_name(entry) for entry in nested if highest.get(_name(entry), 0) >= len(entry["inbound_nodes"])}


def _input_shape(config: Mapping[str, Any]) -> tuple[int, int, int]:
    """Shape of one picture, from the first input layer; open sides get the values of ``DEFAULT_INPUT``."""
    inner = config["config"]
    entries = inner["layers"] if isinstance(inner, Mapping) else inner
    first = entries[0]
    while "layers" in first["config"]:
        first = first["config"]["layers"][0]
    settings = first["config"]
    shape = settings.get("batch_input_shape") or settings.get("batch_shape") or inner.get("build_input_shape")
    sides = [size if given is None else int(given) for given, size in zip(shape[1:], DEFAULT_INPUT, strict=True)]
    height, width, channels = sides
    if channels != 3 or height != width or not 1 <= height <= MAX_SIZE:
        raise NotRebuilt(Message("network.input", height=height, width=width, channels=channels))
    return height, width, channels
