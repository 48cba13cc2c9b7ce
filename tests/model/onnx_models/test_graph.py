"""Tests of refusing hostile ONNX files before any runtime opens them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from model.errors import ArtifactError
from model.onnx_models.graph import check_graph
from tests.support.onnx_graphs import classifier, constant, float_value, save, transformer

ANSWER = [float_value("logits", ("batch", 2))]


def with_external(path: Path, location: str) -> Path:
    """A network that refers to weights in another file."""
    model = onnx.load(str(classifier(path)))
    tensor = model.graph.initializer[1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path.write_bytes(model.SerializeToString())
    return path


def test_ordinary_networks_pass(tmp_path: Path) -> None:
    assert check_graph(classifier(tmp_path / "a.onnx")) == ()
    assert check_graph(transformer(tmp_path / "b.onnx")) == ()
    assert check_graph(with_external(tmp_path / "c.onnx", "c.onnx_data")) == ("c.onnx_data",)


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "folder/data", "..", "a\\b", "."])
def test_weights_outside_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    with pytest.raises(ArtifactError, match="outside its folder"):
        check_graph(with_external(tmp_path / "a.onnx", location))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no protobuf", b"\x00" * 100, b"\x80\x04c__builtin__\nexec\n."])
def test_file_that_is_not_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="no ONNX file"):
        check_graph(path)


def test_custom_operators_are_refused_even_in_nested_graphs(tmp_path: Path) -> None:
    own = helper.make_node("Run", ["pixels"], ["logits"], domain="evil.example")
    with pytest.raises(ArtifactError, match=r"evil\.example\.Run"):
        check_graph(save(tmp_path / "a.onnx", [own], ANSWER, domains=("", "evil.example")))
    inner = helper.make_graph([own], "inner", [], ANSWER)
    choice = helper.make_node("If", ["yes"], ["logits"], then_branch=inner, else_branch=inner)
    with pytest.raises(ArtifactError, match=r"evil\.example\.Run"):
        check_graph(save(tmp_path / "b.onnx", [choice], ANSWER, [constant("yes", True, np.bool_)]))


def test_loops_are_refused(tmp_path: Path) -> None:
    body = helper.make_graph([], "body", [], [])
    loop = helper.make_node("Loop", ["many", "yes"], ["logits"], body=body)
    with pytest.raises(ArtifactError, match="Loop"):
        check_graph(save(tmp_path / "a.onnx", [loop], ANSWER))


def test_giant_tensors_are_refused(tmp_path: Path) -> None:
    giant = TensorProto(name="weights", dims=[1_000_000, 1_000_000], data_type=TensorProto.FLOAT)
    node = helper.make_node("MatMul", ["pixels", "weights"], ["logits"])
    with pytest.raises(ArtifactError, match=r"1,000,000,000,000 numbers"):
        check_graph(save(tmp_path / "a.onnx", [node], ANSWER, [giant]))
    attribute = helper.make_node("Constant", [], ["logits"], value=giant)
    with pytest.raises(ArtifactError, match=r"1,000,000,000,000 numbers"):
        check_graph(save(tmp_path / "b.onnx", [attribute], ANSWER))


def test_tensor_size_that_depends_on_pixel_values_is_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ReduceMax", ["pixels"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["whole", "one"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["logits"]),
    ]
    with pytest.raises(ArtifactError, match="ConstantOfShape"):
        check_graph(save(tmp_path / "a.onnx", nodes, ANSWER, [constant("one", [1], np.int64)]))


def test_tensor_size_that_depends_on_the_input_shape_is_allowed(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["pixels"], ["shape"], end=1),
        helper.make_node("Concat", ["shape", "two"], ["size"], axis=0),
        helper.make_node("ConstantOfShape", ["size"], ["logits"]),
    ]
    assert check_graph(save(tmp_path / "a.onnx", nodes, ANSWER, [constant("two", [2], np.int64)])) == ()
