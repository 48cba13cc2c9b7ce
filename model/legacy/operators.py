"""Reads arithmetic between layers, such as ``a / (b + 1e-6)``, which Keras stores as layers."""

import math
from collections.abc import Mapping
from typing import Any

from model.errors import NotRebuilt
from model.i18n.catalogue import Message

# Names of the same operation in Keras 2 (a function of TensorFlow) and Keras 3 (a class).
OPERATIONS = {
    **dict.fromkeys(("__operators__.add", "math.add", "Add"), "Add"),
    **dict.fromkeys(("math.subtract", "Subtract"), "Subtract"),
    **dict.fromkeys(("math.multiply", "Multiply"), "Multiply"),
    **dict.fromkeys(("math.truediv", "math.divide", "math.divide_no_nan", "realdiv", "TrueDivide", "Divide"), "Divide"),
}
CONSTANT = "_CONSTANT_VALUE"  # Keras 2 writes it in place of a layer's name


def operation_of(entry: Mapping[str, Any]) -> str | None:
    """``Add``, ``Subtract``, ``Multiply`` or ``Divide`` if the entry is such an operator; None for other layers.

    An H5 file of Keras 3 does not distinguish an operator from the layer of the same name; both compute the same.
    """
    if entry["class_name"] == "TFOpLambda":
        return OPERATIONS.get(str(entry["config"].get("function")))
    own = not str(entry.get("module") or "keras").startswith("keras")
    return None if own or "." in str(entry["class_name"]) else OPERATIONS.get(str(entry["class_name"]))


def rescaling(entry: Mapping[str, Any], call: Any, name: str) -> dict[str, float]:
    """The arguments of the ``Rescaling`` layer that replaces an operator on a tensor and a number.

    Args:
        entry: the operator's description.
        call: one of its ``inbound_nodes``, which holds its operands.
        name: the layer's name, for the error.

    Raises:
        NotRebuilt: if not exactly one operand is a finite number, or if that is a dividend or a divisor near 0.
    """
    first, second = _operands(call)
    number = first if second is None else second
    if (first is None) != (second is None) and number is not None and math.isfinite(number):
        operation, reverse = operation_of(entry), second is None
        if operation == "Add":
            return {"scale": 1.0, "offset": number}
        if operation == "Subtract":
            return {"scale": -1.0, "offset": number} if reverse else {"scale": 1.0, "offset": -number}
        if operation == "Multiply":
            return {"scale": number, "offset": 0.0}
        if operation == "Divide" and not reverse and abs(number) > 1e-30:
            return {"scale": 1 / number, "offset": 0.0}
    raise NotRebuilt(Message("network.constant", layer=repr(name)))


def _operands(call: Any) -> tuple[float | None, float | None]:
    """Both operands in order; None for a tensor."""
    if isinstance(call, Mapping):
        both = [*call["args"], *call.get("kwargs", {}).values()]
    else:
        reference = call[0]
        both = [reference[2] if reference[0] == CONSTANT else reference, reference[3].get("y")]
    first, second = (None if isinstance(operand, list | Mapping) else _number(operand) for operand in both[:2])
    return first, second


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
