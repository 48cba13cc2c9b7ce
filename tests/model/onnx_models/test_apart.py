"""Tests of the process that examines an ONNX network."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from model.errors import ArtifactError
from model.onnx_models import apart
from model.onnx_models.apart import Facts, MissingWeights, examine, examine_apart
from tests.model.onnx_models.test_graph import ANSWER, with_external
from tests.support.onnx_graphs import SIDE, classifier, constant, float_value, save, transformer


def test_facts_of_ordinary_networks(tmp_path: Path) -> None:
    logits = Facts("NCHW", SIDE, False, "logits", 2, "")
    assert examine(classifier(tmp_path / "a.onnx"), None) == logits
    assert examine(classifier(tmp_path / "b.onnx", side="side"), SIDE) == logits
    last = examine(classifier(tmp_path / "c.onnx", layout="NHWC", end="Softmax", batch=1), SIDE)
    assert last == Facts("NHWC", SIDE, True, "logits", 2, "Softmax")
    single = examine(classifier(tmp_path / "d.onnx", np.ones((3, 1)), end="Sigmoid"), None)
    assert (single.count, single.ends_in) == (1, "Sigmoid")
    assert examine(transformer(tmp_path / "e.onnx"), None).attentions == ("attentions.0", "attentions.1")


def refused(path: Path, words: str, side: int | None = None) -> None:
    with pytest.raises(ArtifactError, match=words):
        examine(path, side)


def test_network_that_is_not_an_image_classifier_is_refused(tmp_path: Path) -> None:
    refused(classifier(tmp_path / "a.onnx"), "16 pixels, but the files beside it say 32", 32)
    refused(classifier(tmp_path / "b.onnx", side="side"), "input_size")
    refused(classifier(tmp_path / "c.onnx", batch=7), "takes pixels")
    refused(classifier(tmp_path / "d.onnx", side=4096), "4,096 pixels")
    identity = helper.make_node("Identity", ["pixels"], ["logits"])
    refused(save(tmp_path / "e.onnx", [identity], [float_value("logits", ("batch", 3, SIDE, SIDE))]), "no output")
    refused(save(tmp_path / "f.onnx", [identity], ANSWER, shape=("batch", 3)), "takes pixels")
    half = constant("half", np.nan)
    nodes = [
        helper.make_node("ReduceMean", ["pixels", "axes"], ["means"], keepdims=0),
        helper.make_node("Mul", ["means", "half"], ["logits"]),
    ]
    axes = constant("axes", [2, 3], np.int64)
    refused(save(tmp_path / "g.onnx", nodes, [float_value("logits", ("batch", 3))], [axes, half]), "no finite")
    noise = [*nodes[:1], helper.make_node("RandomUniformLike", ["means"], ["logits"])]
    refused(save(tmp_path / "h.onnx", noise, [float_value("logits", ("batch", 3))], [axes]), "different answers")


def test_error_messages_contain_no_path(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    product = helper.make_node("MatMul", ["pixels", "weights"], ["logits"])
    save(folder / "a.onnx", [product], ANSWER)
    save(folder / "b.onnx", [product], ANSWER, [constant("weights", np.ones((7, 2)))])
    for name in ("a.onnx", "b.onnx"):
        with pytest.raises(ArtifactError, match=name) as caught:
            examine(folder / name, SIDE)
        assert str(folder) not in str(caught.value) and str(caught.value).endswith(".")


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match=r"weights\.bin"):
        examine(with_external(tmp_path / "a.onnx", "weights.bin"), None)


@pytest.mark.slow
def test_too_much_memory_ends_only_the_examining_process(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["giant"]),
        helper.make_node("ReduceMean", ["giant"], ["mean"]),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["means"], keepdims=0),
        helper.make_node("Add", ["means", "mean"], ["logits"]),
    ]
    given = [constant("size", [400_000, 400_000], np.int64), constant("axes", [2, 3], np.int64)]
    path = save(tmp_path / "model.onnx", nodes, [float_value("logits", ("batch", 3))], given)
    with pytest.raises(ArtifactError, match=r"model\.onnx (needs more than|can't)"):
        examine_apart(path)


@pytest.mark.slow
def test_too_much_time_ends_the_process(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="or 0 seconds"):
        examine_apart(classifier(tmp_path / "model.onnx"), seconds=0.05)


def test_process_ends_with_who_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "command_of", lambda *_: [sys.executable, "-c", "import time; time.sleep(300)"])
    with pytest.raises(ArtifactError):
        examine_apart(classifier(tmp_path / "model.onnx"), cancelled=lambda: True)


@pytest.mark.slow
def test_process_gives_the_same_result_as_examine(tmp_path: Path) -> None:
    path = classifier(tmp_path / "model.onnx")
    assert examine_apart(path) == examine(path, None)
    with pytest.raises(ArtifactError, match="but the files beside it say 32"):
        examine_apart(path, 32)
