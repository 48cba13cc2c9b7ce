"""Small ONNX networks with known outputs, and folders in the layout of the Hugging Face Hub."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 16
GRID = 4  # patches per side of the network with attentions
PREPROCESSOR = {
    "do_resize": True,
    "size": {"height": SIDE, "width": SIDE},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "resample": 2,
}
# Weights of the channel means in the class logits: red increases class 0, blue class 1.
RED_AGAINST_BLUE = np.array([[3.0, -3.0], [0.0, 0.0], [-3.0, 3.0]], np.float32)


def float_value(name: str, shape: Sequence[int | str | None]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def constant(name: str, values: Any, kind: type = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, kind), name)


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Sequence[onnx.TensorProto] = (),
    shape: Sequence[int | str | None] = ("batch", 3, SIDE, SIDE),
    domains: Sequence[str] = ("",),
) -> Path:
    """Write a network that takes ``pixels``."""
    graph = helper.make_graph(nodes, "made", [float_value("pixels", shape)], outputs, constants)
    opsets = [helper.make_opsetid(domain, 18 if domain == "" else 1) for domain in domains]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
    return path


def classifier(
    path: Path,
    weights: Any = RED_AGAINST_BLUE,
    end: str = "",
    layout: str = "NCHW",
    batch: int | str = "batch",
    side: int | str = SIDE,
) -> Path:
    """A linear network on the mean of each channel; ``end`` is an operator after it."""
    shape = (batch, 3, side, side) if layout == "NCHW" else (batch, side, side, 3)
    axes = [2, 3] if layout == "NCHW" else [1, 2]
    last = "logits" if not end else "before"
    nodes = [
        helper.make_node("ReduceMean", ["pixels", "axes"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], [last]),
        *([helper.make_node(end, ["before"], ["logits"])] if end else []),
    ]
    count = np.asarray(weights).shape[1]
    given = [constant("axes", axes, np.int64), constant("weights", weights)]
    return save(path, nodes, [float_value("logits", (batch, count))], given, shape)


def transformer(path: Path) -> Path:
    """Like ``classifier``, with the attentions of two layers: each patch attends to the patches by their redness."""
    cell = SIDE // GRID
    nodes = [
        helper.make_node("ReduceMean", ["pixels", "axes"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["logits"]),
        helper.make_node("AveragePool", ["pixels"], ["cells"], kernel_shape=[cell, cell], strides=[cell, cell]),
        helper.make_node("Gather", ["cells", "red"], ["reds"], axis=1),
        helper.make_node("Reshape", ["reds", "row"], ["rows"]),
        helper.make_node("Mul", ["rows", "sharp"], ["scores"]),
        helper.make_node("Add", ["scores", "square"], ["spread"]),
        helper.make_node("Softmax", ["spread"], ["attentions.0"], axis=-1),
        helper.make_node("Identity", ["attentions.0"], ["attentions.1"]),
    ]
    tokens = GRID * GRID
    given = [
        constant("axes", [2, 3], np.int64),
        constant("weights", RED_AGAINST_BLUE),
        constant("red", [0], np.int64),
        constant("row", [-1, 1, 1, tokens], np.int64),
        constant("sharp", 4.0),
        constant("square", np.zeros((1, 1, tokens, 1))),
    ]
    shape = ("batch", 1, tokens, tokens)
    outputs = [float_value(name, shape) for name in ("attentions.0", "attentions.1")]
    return save(path, nodes, [float_value("logits", ("batch", 2)), *outputs], given)


def hub_folder(
    folder: Path,
    labels: Sequence[str] = ("Fake", "Real"),
    preprocessor: Mapping[str, Any] = PREPROCESSOR,
    weights: Any = RED_AGAINST_BLUE,
    **options: Any,
) -> Path:
    """A folder in the layout of the Hub with a ``classifier``."""
    classifier(folder / "onnx" / "model.onnx", weights, **options)
    describe(folder, labels, preprocessor)
    return folder


def describe(
    folder: Path, labels: Sequence[str] = ("Fake", "Real"), preprocessor: Mapping[str, Any] = PREPROCESSOR
) -> None:
    """Write the Hub's descriptions of a network into its folder."""
    (folder / "config.json").write_text(json.dumps({"id2label": {str(i): name for i, name in enumerate(labels)}}))
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
