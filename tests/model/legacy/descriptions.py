"""Network descriptions in the format of Keras 2, and a helper that changes the description in a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py


def layer(name: str, kind: str, config: dict[str, Any], *sources: Any) -> dict[str, Any]:
    """A layer in the format of Keras 2, called once on the layers named by ``sources``."""
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


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the description in a file."""
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)


def layer_named(config: dict[str, Any], name: str) -> dict[str, Any]:
    """The entry of a layer of the outermost network."""
    return next(entry for entry in config["config"]["layers"] if entry["name"] == name)


POOL = layer("pool", "GlobalAveragePooling2D", {}, "in")
END = layer("end", "Dense", {"units": 2, "activation": "softmax"}, "pool")
