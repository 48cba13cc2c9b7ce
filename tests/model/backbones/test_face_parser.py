"""The converter reads only known files and computes their graph; it executes no code from them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.backbones import face_parser
from model.backbones.face_parser import FOLDER, GRAPH, SHA256, read_package, read_weights, rebuild
from model.errors import ArtifactError


def package_with(folder: Path, contents: dict[str, bytes]) -> Path:
    with tarfile.open(folder / "package.tgz", "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder / "package.tgz"


def test_refuses_a_package_without_the_files_and_a_file_that_is_not_a_package(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"does not hold .*model\.json; version 1\.0\.15"):
        read_package(package_with(tmp_path, {"readme": b"nothing"}))
    (tmp_path / "text.tgz").write_text("text")
    for path in (tmp_path / "text.tgz", tmp_path / "missing.tgz", tmp_path):
        with pytest.raises(ArtifactError, match="no npm package"):
            read_package(path)


def test_refuses_other_files_of_the_same_names(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"model\.json in package\.tgz is not the known file: its SHA-256 differs"):
        read_package(package_with(tmp_path, dict.fromkeys(SHA256, b"another")))


def test_does_not_read_a_file_that_is_larger_than_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_parser, "MAX_BYTES", 6)
    with pytest.raises(ArtifactError, match="does not hold"):
        read_package(package_with(tmp_path, dict.fromkeys(SHA256, b"another")))


def test_reads_nodes_and_weights_of_known_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(6, dtype=np.float32)
    listed = [{"name": "a", "shape": [2, 2], "dtype": "float32"}, {"name": "b", "shape": [2], "dtype": "float32"}]
    graph = {
        "modelTopology": {"node": [{"name": "a", "op": "Const"}]},
        "weightsManifest": [{"paths": ["1.bin", "2.bin"], "weights": listed}],
    }
    # The boundary between the files is in the middle of an array.
    contents = {GRAPH: json.dumps(graph).encode(), "1.bin": values.tobytes()[:10], "2.bin": values.tobytes()[10:]}
    known = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(face_parser, "SHA256", known)
    nodes, weights = read_package(package_with(tmp_path, contents))
    assert nodes == graph["modelTopology"]["node"]  # type: ignore[index]
    assert np.array_equal(weights["a"], [[0, 1], [2, 3]]) and np.array_equal(weights["b"], [4, 5])


def test_weights_may_be_scalars() -> None:
    content = np.float32(0.5).tobytes() + np.int32(7).tobytes()
    listed = [{"name": "x", "shape": [], "dtype": "float32"}, {"name": "n", "shape": [], "dtype": "int32"}]
    assert {name: float(value) for name, value in read_weights(listed, content).items()} == {"x": 0.5, "n": 7}


def node(name: str, op: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
    """A node as TensorFlow.js writes it."""
    written: dict[str, Any] = {}
    for key, values in attributes.items():
        kind = "s" if isinstance(values[0], str) else "i"
        texts = [base64.b64encode(value.encode()).decode() if kind == "s" else str(value) for value in values]
        written[key] = {"list": {kind: texts}}
    return {"name": name, "op": op, "input": list(inputs), "attr": written}


@pytest.mark.slow
def test_graph_is_computed_node_by_node() -> None:
    """The sum of two channels and 1, cut below 0, is pooled and enlarged to the picture's size."""
    ones = [1, 1, 1, 1]
    nodes = [
        node("picture", "Placeholder"),
        node("kernel", "Const"),
        node("bias", "Const"),
        node("sum", "_FusedConv2D", "picture", "kernel", "bias", strides=ones, fused_ops=["BiasAdd", "Relu"]),
        node("pooled", "MaxPool", "sum", ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1]),
        node("shape", "Shape", "picture"),
        *(node(name, "Const") for name in ("first", "last", "step")),
        node("size", "StridedSlice", "shape", "first", "last", "step"),
        node("large", "ResizeBilinear", "pooled", "size"),
        node("unused", "Unknown", "large"),
    ]
    weights = {
        "kernel": np.float32([[[[1], [1], [0]]]]),
        "bias": np.float32([1]),
        **{name: np.int32([value]) for name, value in (("first", 1), ("last", 3), ("step", 1))},
    }
    picture = np.zeros((1, 4, 4, 3), np.float32)
    picture[0, 0, 0] = [2, 3, 100]
    picture[0, 2, 2] = -50
    picture[0, 2:, 2:, 0] -= 10
    found = np.asarray(rebuild(nodes, weights, "large", picture))
    # Pooled: 6, 1 in the first row, 1, 0 in the second. Enlarged from the upper left corner, as in training.
    assert found.shape == (1, 4, 4, 1)
    assert found[0, 0, :, 0].tolist() == [6, 3.5, 1, 1] and found[0, 2, :, 0].tolist() == [1, 0.5, 0, 0]
