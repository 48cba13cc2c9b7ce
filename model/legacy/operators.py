"""Understands arithmetic that an author wrote between layers, as ``a / (b + 1e-6)``, which Keras keeps as layers."""

import math
from collections.abc import Mapping
from typing import Any

from model.errors import NotRebuilt
from model.i18n.catalogue import Said

# What Keras 2 (a function of TensorFlow) and Keras 3 (a class) call the same.
OPERATIONS = {
    **dict.fromkeys(("__operators__.add", "math.add", "Add"), "Add"),
    **dict.fromkeys(("math.subtract", "Subtract"), "Subtract"),
    **dict.fromkeys(("math.multiply", "Multiply"), "Multiply"),
    **dict.fromkeys(("math.truediv", "math.divide", "math.divide_no_nan", "realdiv", "TrueDivide", "Divide"), "Divide"),
}
CONSTANT = "_CONSTANT_VALUE"  # stands in Keras 2 where a layer's name would


def operation_of(entry: Mapping[str, Any]) -> str | None:
    """``Add``, ``Subtract``, ``Multiply`` or ``Divide`` where that is what an operator does; None for other layers.

    An H5 file of Keras 3 does not tell the operator from the layer of the same name; on tensors they do the same.
    """
    if entry["class_name"] == "TFOpLambda":
        return OPERATIONS.get(str(entry["config"].get("function")))
    own = not str(entry.get("module") or "keras").startswith("keras")
    return None if own or "." in str(entry["class_name"]) else OPERATIONS.get(str(entry["class_name"]))


def rescaling(entry: Mapping[str, Any], call: Any, name: str) -> dict[str, float]:
    """The arguments of the ``Rescaling`` that an operator on one tensor and one number is.

    Args:
        entry: the operator's description.
        call: where its operands come from, as an ``inbound_node`` tells.
        name: to name it by.

    Raises:
        NotRebuilt: if the other operand is no number, or it is the number that is divided.
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
    raise NotRebuilt(Said("network.constant", layer=repr(name)))


def _operands(call: Any) -> tuple[float | None, float | None]:
    """Both operands in order; None for a tensor."""
    if isinstance(call, Mapping):
        both = [*call["args"], *call.get("kwargs", {}).values()]
    else:
        held = call[0]
        both = [held[2] if held[0] == CONSTANT else held, held[3].get("y")]
    first, second = (None if isinstance(one, list | Mapping) else _number(one) for one in both[:2])
    return first, second


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
