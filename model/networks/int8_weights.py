"""Stores int8 weights only once in a model folder: Keras reads them from the LiteRT file.

A complete Keras weights file would double the folder's size. Here the weights file contains only the weights that are
floats in the LiteRT file, and for every other weight the name of its tensor in the LiteRT file.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

LEAST_SIZE = 1024  # LiteRT's converter does not quantise kernels with fewer numbers
LARGEST = 127  # of int8
TENSOR = "litert_tensor"  # attribute of an empty dataset: the name of the weight's tensor in the LiteRT file


def round_kernels(network: "keras.Model") -> None:
    """Round each large kernel in place, as LiteRT's converter does, so that both have the same numbers."""
    for variable in network.weights:
        if _is_quantised(variable):
            values, steps = quantise(np.asarray(variable))
            variable.assign(values * steps)


def quantise(kernel: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round a kernel ``(..., C)`` to int8 (symmetric), with steps ``(C,) float32``: it is about ``int8 * steps``."""
    steps = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1))) / np.float32(LARGEST)
    steps = np.where(steps > 0, steps, 1).astype(np.float32)
    return np.rint(kernel / steps).astype(np.int8), steps


def write_weights(network: "keras.Model", litert: Path, path: Path) -> None:
    """Write a network's weights, without those that are int8 in its LiteRT file.

    Args:
        network: after ``round_kernels``.
        litert: the LiteRT file written from it.
        path: HDF5 file to write.
    """
    held = {values.tobytes(): name for name, (values, _) in _int8_tensors(litert).items()}
    with h5py.File(path, "w") as file:
        for variable in network.weights:
            values = np.asarray(variable)
            name = held.get(_as_in_litert(quantise(values)[0]).tobytes()) if _is_quantised(variable) else None
            if name is None:
                halved = values.astype(np.float16)
                file.create_dataset(variable.path, data=halved if np.array_equal(halved, values) else values)
            else:
                file.create_dataset(variable.path, shape=None, dtype="f4").attrs[TENSOR] = name


def holds_all_weights(path: Path) -> bool:
    """Whether a weights file can be read by Keras, that is, ``write_weights`` did not write it."""
    with h5py.File(path) as file:
        return "layers" in file or "_layer_checkpoint_dependencies" in file


def read_weights(network: "keras.Model", litert: Path, path: Path) -> None:
    """Load the weights that ``write_weights`` wrote.

    Args:
        network: of the same architecture; changed in place.
        litert: the LiteRT file.
        path: the file that ``write_weights`` wrote.

    Raises:
        KeyError: if a weight is missing.
        ValueError: if a weight has another shape.
    """
    tensors = _int8_tensors(litert)
    with h5py.File(path) as file:
        for variable in network.weights:
            dataset = file[variable.path]
            if TENSOR in dataset.attrs:
                values, steps = tensors[dataset.attrs[TENSOR]]
                variable.assign(_as_in_keras(values) * steps)
            else:
                variable.assign(dataset[()].astype(np.float32))


def _is_quantised(variable: "keras.Variable") -> bool:
    is_kernel = variable.path.endswith("kernel") and len(variable.shape) in (2, 4)
    return is_kernel and int(np.prod(variable.shape)) >= LEAST_SIZE


def _as_in_litert(kernel: NDArray[Any]) -> NDArray[Any]:
    """``(in, out)`` as ``(out, in)``, ``(h, w, in, out)`` as ``(out, h, w, in)``."""
    return np.moveaxis(kernel, -1, 0)


def _as_in_keras(kernel: NDArray[Any]) -> NDArray[Any]:
    return np.moveaxis(kernel, 0, -1)


def _int8_tensors(litert: Path) -> dict[str, tuple[NDArray[np.int8], NDArray[np.float32]]]:
    """Values and steps, by name, of the int8 tensors in a LiteRT file with one step per index of their first axis."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(litert), experimental_op_resolver_type=resolver)
    found = {}
    for details in interpreter.get_tensor_details():
        steps = details["quantization_parameters"]["scales"]
        if details["dtype"] == np.int8 and len(details["shape"]) and len(steps) == details["shape"][0]:
            found[details["name"]] = (interpreter.get_tensor(details["index"]), steps.astype(np.float32))
    return found
