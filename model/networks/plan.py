"""A network of others as flat data: which layers, fed with what."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from model.errors import ArtifactError
from model.i18n.catalogue import Said
from model.networks.layers import allowed_arguments

PASSING, MAX_STEPS = ("Conv2D", "Dropout", "Activation"), 3  # what may lie between a mask and its product


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
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ArtifactError(Said("network.kept_damaged")) from error


def find_mask(plan: Plan) -> int | None:
    """The call that makes the attention mask: a sigmoid of one channel that goes into a product.

    On its way it may be repeated over the channels by a 1x1 convolution, as in the thesis.
    """
    users: dict[int, list[int]] = {}
    for number, call in enumerate(plan.calls, start=1):
        for source in call.inputs:
            users.setdefault(source, []).append(number)

    def multiplies(start: int) -> bool:
        waiting, seen = [(start, 0)], {start}
        while waiting:
            number, steps = waiting.pop(0)
            for user in users.get(number, ()):
                kind = plan.layers[plan.calls[user - 1].layer].kind
                if kind == "Multiply":
                    return True
                if kind in PASSING and steps < MAX_STEPS and user not in seen:
                    seen.add(user)
                    waiting.append((user, steps + 1))
        return False

    found = None
    for number, call in enumerate(plan.calls, start=1):
        layer = plan.layers[call.layer]
        fed_by = plan.layers[plan.calls[call.inputs[0] - 1].layer] if call.inputs[0] else layer
        conv = fed_by if layer.kind == "Activation" else layer
        one_channel = conv.kind == "Conv2D" and conv.arguments.get("filters") == 1
        if one_channel and layer.arguments.get("activation") == "sigmoid" and multiplies(number):
            found = number
    return found
