"""Reads ``config.json`` and ``preprocessor_config.json``, as the Hub has them, as data."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.artifact.preprocessing import LARGEST_INPUT
from model.artifact.small_file import read_small
from model.errors import ArtifactError, message_of
from model.i18n.catalogue import Message

CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
MOST_CLASSES = 1000
LEAST, MOST = 1e-6, 1e6  # of a scale or a deviation; beyond, 32 bits hold a picture of one colour or no numbers
FILTERS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")  # in the order of Pillow's numbers


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if there is no file.

    Raises:
        ArtifactError: if it is too large, or no JSON object.
    """
    if not path.is_file():
        return {}
    try:
        read = json.loads(read_small(path))
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(Message("model.no_json", file=path.name, reason=message_of(error))) from error
    if not isinstance(read, dict):
        raise ArtifactError(Message("onnx.no_object", file=path.name))
    return read


def names_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the classes, in order; empty if ``id2label`` is missing.

    Raises:
        ArtifactError: if ``id2label`` does not number the classes from 0.
    """
    given = config.get("id2label")
    if given is None:
        return ()
    try:
        by_number = {int(number): str(name) for number, name in given.items()}
        if not 0 < len(by_number) <= MOST_CLASSES or sorted(by_number) != list(range(len(by_number))):
            raise ValueError
    except (AttributeError, TypeError, ValueError) as error:
        raise ArtifactError(Message("onnx.id2label", file=CONFIG)) from error
    return tuple(by_number[number] for number in range(len(by_number)))


def preprocessing_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``model.artifact.preprocessing.Preprocessing`` from an image processor's settings; empty for none.

    ``input_size`` is missing if the settings name none: then the network itself must.

    Raises:
        ArtifactError: if a setting has an unknown form, or asks for what is not supported.
    """
    if not given:
        return {}
    fields: dict[str, Any] = {"value_scale": 1.0, "resample": "bilinear"}
    try:
        if given.get("do_rescale", True):
            fields["value_scale"] = _number("rescale_factor", given.get("rescale_factor", 1 / 255), LEAST)
        if given.get("rescale_offset"):
            fields["value_offset"] = -1.0
        if given.get("do_normalize", True) and given.get("image_mean") is not None:
            fields["mean"] = _three("image_mean", given["image_mean"], -MOST)
            fields["std"] = _three("image_std", given["image_std"], LEAST)
        if given.get("do_flip_channel_order"):
            fields["color_order"] = "BGR"
        if given.get("resample") is not None:
            fields["resample"] = dict(enumerate(FILTERS))[int(given["resample"])]
        if given.get("do_pad"):
            raise ArtifactError(Message("onnx.pads", file=PREPROCESSOR))
        return {**fields, **_sizes(given)}
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise ArtifactError(Message("onnx.preprocessor", file=PREPROCESSOR, reason=message_of(error))) from error


def _sizes(given: Mapping[str, Any]) -> dict[str, int]:
    """``input_size``, and ``resized_to`` if the centre of the resized picture is taken."""
    resized = _side(given["size"]) if given.get("do_resize", True) and given.get("size") is not None else None
    cropped = _side(given["crop_size"]) if given.get("do_center_crop") and given.get("crop_size") is not None else None
    share = given.get("crop_pct")
    if resized is not None and cropped is None and share is not None and resized < 384:  # as ConvNext has it
        resized, cropped = int(resized / _number("crop_pct", share, 0.2, 1)), resized
    if cropped is None:
        return {} if resized is None else {"input_size": resized}
    if resized is None or resized == cropped:
        return {"input_size": cropped}
    if resized < cropped:
        raise ValueError(f"a crop of {cropped} pixels from {resized}")
    return {"input_size": cropped, "resized_to": resized}


def _side(size: Any) -> int:
    """The side of a square: from a number, ``shortest_edge``, or an equal ``height`` and ``width``."""
    if isinstance(size, Mapping):
        sides = [size[key] for key in ("shortest_edge", "height", "width") if size.get(key) is not None]
    else:
        sides = list(size) if isinstance(size, list) else [size]
    if len(set(sides)) != 1 or type(sides[0]) is not int or not 1 <= sides[0] <= 2 * LARGEST_INPUT:
        raise ValueError(f"a size of {str(size)[:80]}")
    return int(sides[0])


def _number(name: str, value: Any, least: float, most: float = MOST) -> float:
    if type(value) not in (int, float) or not least <= value <= most:
        raise ValueError(f"{name} {value!r:.80}")
    return float(value)


def _three(name: str, values: Any, least: float) -> list[float]:
    """A number for each channel, from three or from one."""
    numbers = values if isinstance(values, list) else [values]
    if len(numbers) not in (1, 3):
        raise ValueError(f"{name} {values!r:.80}")
    return [_number(name, number, least) for number in numbers] * (3 // len(numbers))
