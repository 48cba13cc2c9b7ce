"""Runs an ONNX network and reads its outputs as its card says."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.artifact.card import MASK
from model.artifact.interface import LOGITS, Interface
from model.artifact.preprocessing import LABELS
from model.detector.engine import check_interrupted, threads
from model.detector.rollout import rollout
from model.errors import ArtifactError
from model.i18n.catalogue import Message

BATCH = 4  # pictures; larger batches are hardly faster on CPUs, and progress would be coarser
PACKAGES = ("onnx", "onnxruntime")
FATAL_ONLY = 4  # ONNX Runtime's level at which only fatal errors are printed


def require_onnx() -> None:
    """Check that ONNX models can be opened.

    Raises:
        ArtifactError: if a package is missing.
    """
    for name in PACKAGES:
        if find_spec(name) is None:
            raise ArtifactError(Message("onnx.missing", package=name))


def open_session(path: Path) -> Any:
    """An ONNX Runtime session on the CPU; its errors are those of the library."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def fitting(pixels: NDArray[np.float32], layout: str, kind: str) -> NDArray[np.floating]:
    """Pictures ``(N, S, S, 3) float32`` in a network's layout and type, such as ``tensor(float16)``."""
    arranged = pixels.transpose(0, 3, 1, 2) if layout == "NCHW" else pixels
    return np.ascontiguousarray(arranged, np.float16 if "float16" in kind else np.float32)


def probabilities_of(answers: NDArray[np.floating], interface: Interface) -> NDArray[np.float32]:
    """``(N, 2)`` in the order of ``LABELS`` from the output with the classes, ``(N, K)`` or ``(N,)``."""
    from scipy.special import expit, softmax  # here, since every command imports this module, if only for its help

    columns = answers.reshape(len(answers), -1).astype(np.float64)
    if columns.shape[1] != len(interface.classes):
        raise ValueError(f"the output must have {len(interface.classes)} columns, got {columns.shape[1]}")
    if len(interface.classes) == 1:
        high = expit(columns[:, 0]) if interface.answers == LOGITS else columns[:, 0].clip(0, 1)
        low = expit(-columns[:, 0]) if interface.answers == LOGITS else 1 - high
        by_class = {interface.classes[0]: high}
        return np.stack([by_class.get(label, low) for label in LABELS], axis=1).astype(np.float32)
    shares = softmax(columns, axis=1) if interface.answers == LOGITS else columns.clip(0, None)
    sides = np.array(interface.classes)
    sums = np.stack([shares[:, sides == label].sum(axis=1) for label in LABELS], axis=1)
    total = sums.sum(axis=1, keepdims=True)
    return np.where(total == 0, 0.5, sums / np.where(total == 0, 1, total)).astype(np.float32)  # NaN stays


class OnnxEngine:
    """Runs an ONNX file as ``model.detector.engine.Engine`` runs a LiteRT file; threads can share it.

    Args:
        path: the file.
        interface: how to read it.

    Raises:
        ArtifactError: if ONNX Runtime is not installed.
    """

    def __init__(self, path: Path, interface: Interface) -> None:
        require_onnx()
        self._interface = interface
        self._session = open_session(path)
        self._input = self._session.get_inputs()[0]

    @property
    def largest_batch(self) -> int:
        """How many pictures the network gets at a time."""
        return 1 if self._interface.one_at_a_time else BATCH

    def __call__(self, pixels: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        """``probabilities (N, 2)``, and ``attention (N, h, w, 1)`` if the network has a mask.

        Args:
            pixels: ``(N, S, S, 3) float32``, N of 1 or more, prepared as the card says.
        """
        mask = self._interface.mask
        names = [self._interface.output, *([mask] if mask else [])]
        starts = range(0, len(pixels), self.largest_batch)
        parts = [self._run(names, pixels[start : start + self.largest_batch]) for start in starts]
        answers = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
        outputs = {"probabilities": probabilities_of(answers[0], self._interface)}
        if mask:
            outputs[MASK] = _mask(answers[1])
        return outputs

    def rollouts(self, pixels: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Attention rollout ``(N, h, w) float32`` of each picture; None if the network gives no attentions."""
        names = self._interface.attentions
        if not names:
            return None
        return np.stack([self._rollout(self._run(names, picture[None])) for picture in pixels])

    def _rollout(self, outputs: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
        # One output per layer (1, heads, T, T), or one of all layers with an axis for the single picture.
        return rollout(np.concatenate([output.reshape(-1, *output.shape[-3:]) for output in outputs]))

    def _run(self, names: Sequence[str], pixels: NDArray[np.float32]) -> list[NDArray[np.floating]]:
        check_interrupted()
        fed = fitting(pixels, self._interface.layout, self._input.type)
        return list(self._session.run(list(names), {self._input.name: fed}))


def _mask(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """``(N, h, w, 1)`` in 0..1 from ``(N, h, w)`` with an axis of one channel anywhere."""
    if values.ndim == 4:
        values = values[:, 0] if values.shape[1] == 1 else values[..., 0]
    return values[..., None].astype(np.float32).clip(0, 1)
