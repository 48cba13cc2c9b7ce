"""Networks as Keras 2 describes them."""

from __future__ import annotations

from typing import Any


def layer(name: str, kind: str, config: dict[str, Any], *sources: Any) -> dict[str, Any]:
    """A layer as Keras 2 describes it, called once on the layers named by ``sources``."""
    inputs = [[source, 0, 0, {}] if isinstance(source, str) else source for source in sources]
    return {
        "class_name": kind,
        "config": {"name": name, **config},
        "name": name,
        "inbound_nodes": [inputs] if inputs else [],
    }


def network(*layers: dict[str, Any], end: str, side: int | None = 8, name: str = "net") -> dict[str, Any]:
    """A network of these layers on an input named ``in``."""
    entries = [layer("in", "InputLayer", {"batch_input_shape": [None, side, side, 3]}), *layers]
    config = {"name": name, "layers": entries, "input_layers": [["in", 0, 0]], "output_layers": [[end, 0, 0]]}
    return {"class_name": "Functional", "config": config}


POOL = layer("pool", "GlobalAveragePooling2D", {}, "in")
END = layer("end", "Dense", {"units": 2, "activation": "softmax"}, "pool")
