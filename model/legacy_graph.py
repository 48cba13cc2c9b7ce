"""Turns the description of a network by Keras 2 or 3 into a plan of allowed layers; it imports nothing by name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from model.artifact import ArtifactError
from model.legacy_layers import MAX_SIZE, RESCALE_GAP, NotRebuilt, allowed_arguments

MAX_CALLS = 3_000  # EfficientNetB7 has 810
MAX_NESTING = 5
DEFAULT_INPUT = (128, 128, 3)  # of the thesis, where a file leaves the sides open
NETWORKS = ("Functional", "Model", "Sequential")
DIVISIONS = ("math.truediv", "math.divide", "math.divide_no_nan", "realdiv")


class LambdaRefused(ArtifactError):
    """The network holds code whose meaning can't be known without running it."""


@dataclass(frozen=True)
class LayerPlan:
    """A layer: which class with which arguments, and under which names its weights lie in the old file."""

    name: str
    kind: str
    arguments: dict[str, Any]
    group: str
    saved_name: str


@dataclass(frozen=True)
class Call:
    """A use of a layer: its number in ``Plan.layers``, and its inputs (0 the picture, k the result of call k)."""

    layer: int
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """A network as flat data: nested networks are dissolved into their layers.

    Attributes:
        input_shape: of one picture.
        layers: each once.
        calls: in an order in which every input is there before it is needed.
        output: the call whose result is the probabilities.
        mask: the call whose result is the attention mask, or None.
        notes: what was replaced, in sentences.
    """

    input_shape: tuple[int, int, int]
    layers: tuple[LayerPlan, ...]
    calls: tuple[Call, ...]
    output: int
    mask: int | None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As data for ``json.dumps``."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Plan":
        """Back from ``to_json``; every argument is checked again.

        Raises:
            ArtifactError: if anything is missing or not allowed.
        """
        try:
            layers = tuple(
                LayerPlan(**{**layer, "arguments": allowed_arguments(layer["kind"], layer["arguments"], layer["name"])})
                for layer in data["layers"]
            )
            calls = tuple(Call(int(call["layer"]), tuple(map(int, call["inputs"]))) for call in data["calls"])
            height, width, channels = map(int, data["input_shape"])
            fields = {"output": int(data["output"]), "mask": data["mask"], "notes": tuple(data["notes"])}
            return cls((height, width, channels), layers, calls, **fields)
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError("The description of the imported network is damaged.") from error


def read_plan(config: Mapping[str, Any]) -> Plan:
    """Follow the ``model_config`` of an H5 file.

    Raises:
        LambdaRefused: if the network holds code other than the thesis's division.
        NotRebuilt: if anything else in it is not known or not understood.
    """
    reader = _Reader()
    try:
        shape = _input_shape(config)
        output = reader.network(config["class_name"], config["config"], [0], ())
    except ArtifactError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise NotRebuilt("The file's description of its network is damaged or of an unknown form.") from error
    plan = Plan(shape, tuple(reader.layers), tuple(reader.calls), output, None, tuple(reader.notes))
    return Plan(shape, plan.layers, plan.calls, output, find_mask(plan), plan.notes)


@dataclass
class _Reader:
    """Collects layers and calls while it walks through nested networks."""

    layers: list[LayerPlan] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _numbers: dict[tuple[str, ...], int] = field(default_factory=dict)

    def network(self, kind: str, config: Any, inputs: Sequence[int], scope: tuple[str, ...]) -> int:
        """Walk through a network that is fed with these results; returns the number of its own result."""
        if len(scope) > MAX_NESTING:
            raise NotRebuilt("Its networks are nested too deeply.")
        if kind not in NETWORKS:
            raise NotRebuilt(f"The outermost network is of the kind {kind!r}, which is not known.")
        if kind == "Sequential":
            entries = config["layers"] if isinstance(config, Mapping) else config
            result = list(inputs)
            for entry in entries:
                if entry["class_name"] != "InputLayer":
                    result = [self._call(entry, result, scope)]
            return result[0]
        return self._functional(config, inputs, scope)

    def _functional(self, config: Mapping[str, Any], inputs: Sequence[int], scope: tuple[str, ...]) -> int:
        starts, ends = list(_references(config["input_layers"])), list(_references(config["output_layers"]))
        if len(starts) != len(inputs) or len(ends) != 1:
            raise NotRebuilt("A network must have one input and one output.")
        nodes = {
            (_name(entry), index): (entry, list(_references(node)))
            for entry in config["layers"]
            for index, node in enumerate(entry.get("inbound_nodes", ()))
        }
        if len(nodes) > MAX_CALLS:
            raise NotRebuilt(f"It has more than {MAX_CALLS:,} layers.")
        done = {(name, 0): number for (name, _), number in zip(starts, inputs, strict=True)}
        shifted = _shifted(config, nodes, ends)
        while len(done) < len(nodes) + len(starts):
            before = len(done)
            for node, (entry, sources) in nodes.items():
                keys = [(name, index - (name in shifted)) for name, index in sources]
                if node not in done and keys and all(key in done for key in keys):
                    done[node] = self._call(entry, [done[key] for key in keys], scope)
            if len(done) == before:
                raise NotRebuilt("Its layers feed each other in a circle or from nowhere.")
        name, index = ends[0]
        return done[name, index - (name in shifted)]

    def _call(self, entry: Mapping[str, Any], inputs: Sequence[int], scope: tuple[str, ...]) -> int:
        name = _name(entry)
        if entry["class_name"] in NETWORKS:
            return self.network(entry["class_name"], entry["config"], inputs, (*scope, name))
        if len(self.calls) >= MAX_CALLS:
            raise NotRebuilt(f"It has more than {MAX_CALLS:,} layers.")
        path = (*scope, name)
        if path not in self._numbers:
            self._numbers[path] = len(self.layers)
            self.layers.append(self._layer(entry, path, len(inputs)))
        self.calls.append(Call(self._numbers[path], tuple(inputs)))
        return len(self.calls)

    def _layer(self, entry: Mapping[str, Any], path: tuple[str, ...], inputs: int) -> LayerPlan:
        # Layers of a nested network may be called as others outside it.
        taken = {layer.name for layer in self.layers}
        choices = (name.replace("/", "_") for name in (path[-1], "_".join(path), f"layer_{len(taken)}"))
        name = next(name for name in choices if name not in taken)
        kind = self._kind(entry, path[-1], inputs)
        return LayerPlan(name, kind, allowed_arguments(kind, entry["config"], path[-1]), path[0], path[-1])

    def _kind(self, entry: Mapping[str, Any], name: str, inputs: int) -> str:
        """The name of an allowed layer; a division of two inputs stands for the thesis's RescaleGAP."""
        kind = str(entry["class_name"]).split(">")[-1]
        function = entry["config"].get("function") if isinstance(entry["config"], Mapping) else None
        code = kind == "Lambda" or (kind == "TFOpLambda" and function in DIVISIONS)
        if (code or kind in (RESCALE_GAP, "TrueDivide", "Divide")) and inputs == 2:
            self.notes.append(
                f"The layer {name!r} ({kind}) was replaced by the division of its first input by its second."
            )
            return RESCALE_GAP
        if kind == "Lambda":
            raise LambdaRefused(
                f"The layer {name!r} is a Lambda: code in the file, which is never run. Only the division of two "
                "inputs (RescaleGAP) can be replaced."
            )
        module, registered = str(entry.get("module") or "keras"), entry.get("registered_name")
        if module.split(".")[0] != "keras" or registered not in (None, kind):
            raise NotRebuilt(f"The layer {name!r} is a {kind} of the author's own ({registered or module}).")
        return kind


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("name") or entry["config"]["name"])


def _references(data: Any) -> Iterator[tuple[str, int]]:
    """Each ``(layer, index of its call)`` in any of the forms in which Keras 2 and 3 write where tensors come from."""
    if isinstance(data, Mapping):
        if data.get("class_name") == "__keras_tensor__":
            name, index, _ = data["config"]["keras_history"]
            yield str(name), int(index)
        else:
            for value in data.values():
                yield from _references(value)
    elif isinstance(data, list | tuple):
        if len(data) >= 3 and isinstance(data[0], str) and isinstance(data[1], int) and isinstance(data[2], int):
            yield data[0], data[1]
            data = data[3:]
        for value in data:
            yield from _references(value)


def _shifted(
    config: Mapping[str, Any], nodes: Mapping[tuple[str, int], Any], ends: Sequence[tuple[str, int]]
) -> set[str]:
    """Nested networks whose calls are counted from 1: Keras 2 counts the making of a network as its first call."""
    highest: dict[str, int] = {}
    for name, index in [*ends, *(source for _, sources in nodes.values() for source in sources)]:
        highest[name] = max(index, highest.get(name, 0))
    nested = [entry for entry in config["layers"] if entry["class_name"] in NETWORKS]
    return {_name(entry) for entry in nested if highest.get(_name(entry), 0) >= len(entry["inbound_nodes"])}


def _input_shape(config: Mapping[str, Any]) -> tuple[int, int, int]:
    """Of one picture, from the first input layer; sides that are open become those of the thesis."""
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
        raise NotRebuilt(f"Its input is {height}x{width}x{channels}, not a square colour picture.")
    return height, width, channels


def find_mask(plan: Plan) -> int | None:
    """The call that makes the attention mask: a sigmoid of one channel that goes into a product.

    On its way it may be repeated over the channels by a 1x1 convolution, as in the thesis.
    """
    users: dict[int, list[int]] = {}
    for number, call in enumerate(plan.calls, start=1):
        for source in call.inputs:
            users.setdefault(source, []).append(number)

    def multiplies(number: int, steps: int = 3) -> bool:
        kinds = {user: plan.layers[plan.calls[user - 1].layer].kind for user in users.get(number, [])}
        if "Multiply" in kinds.values():
            return True
        passing = [user for user, kind in kinds.items() if kind in ("Conv2D", "Dropout", "Activation")]
        return steps > 0 and any(multiplies(user, steps - 1) for user in passing)

    found = None
    for number, call in enumerate(plan.calls, start=1):
        layer = plan.layers[call.layer]
        fed_by = plan.layers[plan.calls[call.inputs[0] - 1].layer] if call.inputs[0] else layer
        conv = fed_by if layer.kind == "Activation" else layer
        one_channel = conv.kind == "Conv2D" and conv.arguments.get("filters") == 1
        if one_channel and layer.arguments.get("activation") == "sigmoid" and multiplies(number):
            found = number
    return found
