"""Tests of making a model folder of an ONNX model: its probabilities are those of the graph."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper
from scipy.special import expit

from model.artifact.card import CARD, ONNX, digest, read_card, write_card
from model.detector import onnx_engine
from model.detector.detector import Detector
from model.errors import ArtifactError
from model.i18n.catalogue import Message
from model.onnx_models import folder as onnx_folder
from model.onnx_models.apart import Facts
from model.onnx_models.folder import Place, model_folder
from model.onnx_models.request import Request
from tests.model.onnx_models.test_graph import with_external
from tests.support.onnx_graphs import (
    PREPROCESSOR,
    RED_AGAINST_BLUE,
    SIDE,
    classifier,
    constant,
    describe,
    float_value,
    hub_folder,
    save,
    transformer,
)

RED, BLUE = (np.full((1, 256, 256, 3), color, np.uint8) for color in ([230, 20, 20], [20, 20, 230]))


def opened(source: Path, *fake_labels: str, sees: str = "") -> Detector:
    return Detector(model_folder(Request(str(source), fake_labels, sees)), source.name)


def p_fake(detector: Detector, crops: np.ndarray) -> float:
    return float(detector.probabilities(crops)[0][detector.card.labels.index("Fake")])


def test_hub_folder_gives_the_probabilities_of_its_graph(tmp_path: Path) -> None:
    detector = opened(hub_folder(tmp_path / "net"))
    means = RED[0, 0, 0] / 255 * 2 - 1
    first, second = means @ RED_AGAINST_BLUE
    assert p_fake(detector, RED) == pytest.approx(expit(first - second), abs=1e-5)
    assert p_fake(detector, BLUE) < 0.01
    with pytest.raises(ArtifactError, match="no Keras form"):
        assert detector.network
    prediction = detector.predict(RED[0])
    assert not prediction.calibrated and prediction.attention is None
    assert detector.card.sha256 == {ONNX: digest(tmp_path / "net" / "onnx" / "model.onnx")}
    many = np.concatenate([RED, BLUE] * 5)
    np.testing.assert_allclose(detector.probabilities(many)[:2], detector.probabilities(many)[8:], atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "weights", "options"),
    [
        (("Real", "Fake"), RED_AGAINST_BLUE[:, ::-1], {}),
        (("Fake", "Real"), RED_AGAINST_BLUE, {"end": "Softmax"}),
        (("Fake", "Real"), RED_AGAINST_BLUE, {"layout": "NHWC", "batch": 1}),
        (("Real", "Fake"), RED_AGAINST_BLUE[:, :1] * 2, {}),
        (("Fake",), RED_AGAINST_BLUE[:, :1] * 2, {"end": "Sigmoid"}),
        (("real",), RED_AGAINST_BLUE[:, 1:] * 2, {}),
    ],
)
def test_every_form_of_the_same_network_gives_the_same_probabilities(
    tmp_path: Path, labels: tuple[str, ...], weights: Any, options: dict[str, Any]
) -> None:
    plain = opened(hub_folder(tmp_path / "plain"))
    changed = opened(hub_folder(tmp_path / "other", labels, weights=weights, **options))
    for crops in (RED, BLUE, np.concatenate([BLUE, RED, RED])):
        assert p_fake(changed, crops) == pytest.approx(p_fake(plain, crops), abs=1e-5)


@pytest.mark.parametrize("labels", [("Fake",), ("Fake", "Real")])
def test_photo_with_outputs_that_are_not_finite_is_refused(tmp_path: Path, labels: tuple[str, ...]) -> None:
    """For example a 16-bit network that overflows: without this check the verdict would be Real."""
    nodes = [
        helper.make_node("ReduceMean", ["pixels", "axes"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["before"]),
        helper.make_node("Sub", ["one", "before"], ["left"]),
        helper.make_node("Log", ["left"], ["logits"]),
    ]
    weights = RED_AGAINST_BLUE[:, :1] * np.array([[1, 0.1][: len(labels)]], np.float32)
    given = [constant("axes", [2, 3], np.int64), constant("weights", weights), constant("one", 1.0)]
    save(tmp_path / "net" / "model.onnx", nodes, [float_value("logits", ("batch", len(labels)))], given)
    describe(tmp_path / "net", labels)
    detector = opened(tmp_path / "net")
    assert p_fake(detector, BLUE) > 0.5
    with pytest.raises(ArtifactError, match=r"net gives no finite numbers for this photo; .+\.$"):
        detector.predict(RED[0])


def test_probabilities_of_several_fake_classes_are_summed(tmp_path: Path) -> None:
    labels = ("midjourney", "real", "sdxl")
    weights = np.stack([RED_AGAINST_BLUE[:, 0], RED_AGAINST_BLUE[:, 1], RED_AGAINST_BLUE[:, 0]], axis=1)
    detector = opened(hub_folder(tmp_path / "net", labels, weights=weights))
    logits = (RED[0, 0, 0] / 255 * 2 - 1) @ RED_AGAINST_BLUE
    assert p_fake(detector, RED) == pytest.approx(expit(logits[0] - logits[1] + np.log(2)), abs=1e-5)
    assert detector.card.sees == "picture"


def test_error_for_unclear_names_says_which_option_to_use(tmp_path: Path) -> None:
    source = hub_folder(tmp_path / "net", ("LABEL_0", "LABEL_1"))
    with pytest.raises(ArtifactError, match=r"'LABEL_0', 'LABEL_1'; name each one by --fake-label"):
        opened(source)
    assert p_fake(opened(source, "LABEL_0"), RED) > 0.99
    assert p_fake(opened(source, "1"), RED) < 0.01


def test_single_file_needs_a_card_with_its_preprocessing(tmp_path: Path) -> None:
    path = classifier(tmp_path / "net.onnx")
    with pytest.raises(ArtifactError, match=r"No file says how net\.onnx expects"):
        opened(path)
    way = {"value_scale": 1 / 127.5, "value_offset": -1}
    (tmp_path / CARD).write_text(json.dumps({"preprocessing": way, "labels": ["fake", "real"], "sees": "picture"}))
    detector = opened(path)
    assert p_fake(detector, RED) > 0.99 and detector.card.sees == "picture"
    assert opened(path, sees="face").card.sees == "face"
    (tmp_path / CARD).write_text(json.dumps({"preprocessing": {}, "labels": ["fake", "real"], "sees": "face"}))
    assert opened(path).card.preprocessing.value_scale == 1, "each field has a value if it is missing"
    (tmp_path / CARD).write_text(json.dumps({"preprocessing": {"unknown": 1}}))
    with pytest.raises(ArtifactError, match=r"unknown"):
        opened(path, "0")


def test_network_is_examined_once_and_keeps_its_calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request(str(hub_folder(tmp_path / "net")))
    folder = model_folder(request)
    write_card(folder, replace(read_card(folder), temperature=2.0))
    monkeypatch.setattr(onnx_folder, "examine_apart", None)
    assert model_folder(request) == folder and read_card(folder).temperature == 2.0
    model_folder(replace(request, fake_labels=("Real",)))
    assert read_card(folder).temperature is None, "the calibration was fitted with the other order of classes"


def test_weights_in_a_separate_file_are_used(tmp_path: Path) -> None:
    for name in ("net.onnx_data", "far.bin"):
        source = with_external(tmp_path / name / "net.onnx", name)
        describe(source.parent)
        with pytest.raises(ArtifactError, match=f"missing: {name}"):
            opened(source)
        (source.parent / name).write_bytes(RED_AGAINST_BLUE.tobytes())
        detector = opened(source)
        assert p_fake(detector, RED) > 0.99
        assert detector.card.sha256.keys() == {ONNX, name}
    with pytest.raises(ArtifactError, match="outside its folder or not a file of weights"):
        opened(with_external(source.with_name("other.onnx"), CARD), "0")
    secret = tmp_path / "secret"
    secret.write_bytes(RED_AGAINST_BLUE.tobytes())
    (source.parent / name).unlink()
    (source.parent / name).symlink_to(secret)
    with pytest.raises(ArtifactError, match="outside its folder"):
        opened(source)


def test_too_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_folder, "MAX_BYTES", 100)
    with pytest.raises(ArtifactError, match="GB allowed"):
        opened(hub_folder(tmp_path / "net"))


def test_transformer_rolls_out_its_attention(tmp_path: Path) -> None:
    source = transformer(tmp_path / "net" / "onnx" / "model.onnx").parent.parent
    describe(source)
    crop = np.zeros((256, 256, 3), np.uint8)
    crop[64:128, 128:192, 0] = 255  # the patch in row 1, column 2
    detector = opened(source)
    attention = detector.predict(crop).attention
    assert detector.rolls_out_attention and attention is not None and attention.shape == (4, 4)
    assert np.unravel_index(np.argmax(attention), (4, 4)) == (1, 2) and attention.max() == 1
    even = detector.predict(RED[0]).attention
    assert even is not None and even.min() > 0.99, "uniform attention gives a uniform map"


def test_folder_without_one_onnx_file_is_refused(tmp_path: Path) -> None:
    source = hub_folder(tmp_path / "net")
    shutil.move(source / "onnx" / "model.onnx", source / "onnx" / "a.onnx")
    assert p_fake(opened(source), RED) > 0.99
    shutil.copy(source / "onnx" / "a.onnx", source / "onnx" / "b.onnx")
    with pytest.raises(ArtifactError, match=r"a\.onnx, b\.onnx"):
        opened(source)
    shutil.rmtree(source / "onnx")
    (source / "model.safetensors").touch()
    with pytest.raises(ArtifactError, match="optimum-cli export onnx"):
        opened(source)


def test_refused_file_is_called_by_the_name_that_was_given(tmp_path: Path) -> None:
    source = hub_folder(tmp_path / "net")
    shutil.move(source / "onnx" / "model.onnx", source / "mine.onnx")

    def refuse(path: Path, side: int | None) -> Facts:
        raise ArtifactError(Message("onnx.random", file=path.name))

    for path, name in ((source / "mine.onnx", "mine.onnx"), (source, "net")):
        with pytest.raises(ArtifactError, match=f"^{name} "):
            model_folder(Request(str(path)), place=Place(tmp_path / "cache", refuse))


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_engine, "PACKAGES", ("no_such_package",))
    with pytest.raises(ArtifactError, match=r"no_such_package; run pip install -r requirements-onnx\.txt"):
        opened(hub_folder(tmp_path / "net"))


def test_size_of_an_open_network_comes_from_its_description(tmp_path: Path) -> None:
    small = opened(hub_folder(tmp_path / "net", side="side"))
    assert small.card.preprocessing.input_size == SIDE
    describe(tmp_path / "net", preprocessor={**PREPROCESSOR, "size": 32})
    assert opened(tmp_path / "net").card.preprocessing.input_size == 32


def test_mask_of_the_network_is_used_as_the_attention_map(tmp_path: Path) -> None:
    cell = SIDE // 4
    nodes = [
        helper.make_node("ReduceMean", ["pixels", "axes"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["logits"]),
        helper.make_node("Gather", ["pixels", "red"], ["reds"], axis=1),
        helper.make_node("AveragePool", ["reds"], ["cells"], kernel_shape=[cell, cell], strides=[cell, cell]),
        helper.make_node("Sigmoid", ["cells"], ["attention"]),
    ]
    given = [
        constant("axes", [2, 3], np.int64),
        constant("weights", RED_AGAINST_BLUE),
        constant("red", [0], np.int64),
    ]
    outputs = [float_value("attention", ("batch", 1, 4, 4)), float_value("logits", ("batch", 2))]
    save(tmp_path / "net" / "model.onnx", nodes, outputs, given)
    describe(tmp_path / "net")
    detector = opened(tmp_path / "net")
    attention = detector.predict(RED[0]).attention
    assert attention is not None and not detector.rolls_out_attention
    np.testing.assert_allclose(attention, np.full((4, 4), expit(230 / 255 * 2 - 1)), rtol=1e-5)
