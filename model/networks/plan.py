"""Describes an imported network as flat data: its allowed layers, their arguments and their inputs."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from model.errors import ArtifactError, NotRebuilt
from model.i18n.catalogue import Message

MAX_COUNT = 65_536  # limit for filters, units and sides of a reshape
MAX_SIZE = 1_024  # limit for sides of inputs and kernels, strides and paddings
RESCALE_GAP = "RescaleGAP"
# Layers that do nothing after training. FixedDropout comes from the efficientnet package. RandomCrop is not listed,
# because it always crops.
TRAINING_ONLY = (
    *("GaussianNoise", "GaussianDropout", "AlphaDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
    *("ActivityRegularization", "FixedDropout", "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation"),
    *("RandomContrast", "RandomBrightness", "RandomHeight", "RandomWidth", "RandomGrayscale", "RandomHue"),
    *("RandomSaturation", "RandomSharpness", "RandomShear", "RandomPerspective", "RandomPosterization"),
    *("RandomErasing", "RandomGaussianBlur", "RandomColorJitter", "RandomColorDegeneration", "RandomInvert"),
)
ACTIVATIONS = (
    *("linear", "relu", "relu6", "elu", "selu", "gelu", "silu", "swish", "sigmoid", "hard_sigmoid", "softmax"),
    *("softplus", "softsign", "tanh", "exponential", "leaky_relu", "mish", "hard_silu", "hard_swish"),
)


# Checks of arguments. Each returns the value in the form of our version of Keras, or raises ValueError.


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_COUNT:
        raise ValueError
    return value


def _sizes(value: object) -> int | tuple:
    if isinstance(value, list | tuple) and 0 < len(value) <= 4:
        return tuple(_sizes(item) for item in value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SIZE:
        raise ValueError
    return value


def _sides(value: object) -> int | tuple:
    if isinstance(value, list | tuple) and (len(value) > 3 or any(isinstance(item, list | tuple) for item in value)):
        raise ValueError
    return _sizes(value)


def _axis(value: object) -> int:
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int) or not -5 <= value <= 5:
        raise ValueError
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _numbers(value: object) -> float | list[float]:
    if isinstance(value, list | tuple) and len(value) <= 16:
        return [_number(item) for item in value]
    return _number(value)


def _maybe(check: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else check(value)


def _shape(value: object) -> list[int | None]:
    if not isinstance(value, list | tuple) or len(value) > 5:
        raise ValueError
    return [item if item in (None, -1) else _count(item) for item in value]


def _one_of(*names: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        # Keras 3 may write a function as {"class_name": "function", "config": "relu"}.
        if isinstance(value, Mapping) and str(value.get("module")).startswith(("builtins", "keras")):
            value = value.get("config")
        if value not in names:
            raise ValueError
        return str(value)

    return check


_PADDING = _one_of("valid", "same")
_LAST = _one_of("channels_last")
_ACTIVATION = _maybe(_one_of(*ACTIVATIONS))
_CONVOLUTION = {
    "kernel_size": _sides,
    "strides": _sides,
    "padding": _PADDING,
    "data_format": _LAST,
    "dilation_rate": _sides,
    "activation": _ACTIVATION,
    "use_bias": _flag,
}
_POOLING = {"pool_size": _sides, "strides": _maybe(_sides), "padding": _PADDING, "data_format": _LAST}
_GLOBAL = {"data_format": _LAST, "keepdims": _flag}
_DROPOUT = {"rate": _number, "noise_shape": _maybe(_shape)}

# The allowed layers, each with the arguments that decide what it computes. Initialisers, regularisers and constraints
# are left out, because they only act in training. No other layer is ever built.
LAYERS: dict[str, dict[str, Callable[[object], Any]]] = {
    "Conv2D": {**_CONVOLUTION, "filters": _count, "groups": _count},
    "DepthwiseConv2D": {**_CONVOLUTION, "depth_multiplier": _count},
    "SeparableConv2D": {**_CONVOLUTION, "filters": _count, "depth_multiplier": _count},
    "Dense": {"units": _count, "activation": _ACTIVATION, "use_bias": _flag},
    "BatchNormalization": {"axis": _axis, "momentum": _number, "epsilon": _number, "center": _flag, "scale": _flag},
    "Normalization": {"axis": _axis, "mean": _maybe(_numbers), "variance": _maybe(_numbers), "invert": _flag},
    "Rescaling": {"scale": _numbers, "offset": _numbers},
    "Activation": {"activation": _ACTIVATION},
    "ReLU": {"max_value": _maybe(_number), "negative_slope": _number, "threshold": _number},
    "LeakyReLU": {"negative_slope": _number, "alpha": _number},
    "ELU": {"alpha": _number},
    "Softmax": {"axis": _axis},
    "Dropout": _DROPOUT,
    "GlobalAveragePooling2D": _GLOBAL,
    "GlobalMaxPooling2D": _GLOBAL,
    "AveragePooling2D": _POOLING,
    "MaxPooling2D": _POOLING,
    "ZeroPadding2D": {"padding": _sizes, "data_format": _LAST},
    "Cropping2D": {"cropping": _sizes, "data_format": _LAST},
    "UpSampling2D": {"size": _sides, "interpolation": _one_of("nearest", "bilinear"), "data_format": _LAST},
    "Flatten": {"data_format": _LAST},
    "Reshape": {"target_shape": _shape},
    "Concatenate": {"axis": _axis},
    **{kind: {} for kind in ("Add", "Multiply", "Subtract", "Average", "Maximum", "Identity")},
    RESCALE_GAP: {},
}


def allowed_arguments(kind: str, config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The checked arguments of an allowed layer; arguments that do not change what it computes are left out.

    Raises:
        NotRebuilt: if the layer's kind or a value is not allowed.
    """
    if kind not in LAYERS:
        raise NotRebuilt(Message("network.unknown_layer", layer=repr(name), kind=repr(kind)))
    arguments = {}
    for argument, check in LAYERS[kind].items():
        if argument not in config:
            continue
        try:
            arguments[argument] = check(config[argument])
        except (ValueError, TypeError, OverflowError) as error:
            details = {"layer": repr(name), "argument": argument, "value": _shown(config[argument])}
            raise NotRebuilt(Message("network.unknown_argument", **details)) from error
    if kind == "LeakyReLU" and "alpha" in arguments:  # Keras 2's name
        arguments["negative_slope"] = arguments.pop("alpha")
    return arguments


def _shown(value: object) -> Message | str:
    """A value in at most 60 characters; Python refuses to print integers with thousands of digits."""
    try:
        return str(value)[:60]
    except ValueError:
        return Message("network.huge_number")


PASSING, MAX_STEPS = ("Conv2D", "Dropout", "Activation"), 3  # kinds and number of layers between a mask and its product


@dataclass(frozen=True)
class LayerPlan:
    """A layer: its name, class and arguments, and the names of its weights' group and layer in the old file."""

    name: str
    kind: str
    arguments: dict[str, Any]
    group: str
    saved_name: str


@dataclass(frozen=True)
class Call:
    """A use of a layer: its index in ``Plan.layers``, and its inputs (0: the picture, k: the result of call k)."""

    layer: int
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """A network as flat data: nested networks are replaced by their layers.

    Attributes:
        input_shape: of one picture.
        layers: every layer once.
        calls: ordered so that every input comes before its use.
        output: number of the call (from 1) that gives the probabilities.
        mask: number of the call that gives the attention mask, or None.
        notes: sentences on what was replaced.
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
        """The plan from the data of ``to_json``; the layers' arguments are checked again.

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
        except (NotRebuilt, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ArtifactError(Message("network.kept_damaged")) from error


def find_mask(plan: Plan) -> int | None:
    """The call that computes the attention mask: the last sigmoid of a one-channel convolution that enters a product.

    Up to ``MAX_STEPS`` layers of ``PASSING`` may lie between, such as the thesis's 1x1 convolution, which repeats the
    mask over the channels.
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
