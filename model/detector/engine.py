"""Runs a network fast on this machine, for any batch size and from any thread."""

import math
import os
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.artifact.card import KEPT, PLAIN

# One interpreter each: changing an interpreter's batch size makes it plan its memory again. Four pictures stay in the
# processor's cache: the shipped network takes 4.2 ms a picture in fours and 5.2 ms in sixty-fours (2 cores, AVX2).
BATCH_SIZES = (1, 4)
MAX_ACTIVATION_BYTES = 512_000_000  # what the largest tensor of a batch may take; several are held at a time
MAX_THREADS = 4  # small networks gain nothing beyond


def _cores() -> int:
    """How many cores this process may use, which a container or ``taskset`` may have cut; on macOS all there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Engine:
    """A LiteRT network behind one call.

    LiteRT is chosen because it is the fastest of the runtimes measured for these networks on CPUs (3 to 5 times
    TensorFlow's throughput) and loads in a twentieth of TensorFlow's time.
    """

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()
        self._threads = min(_cores(), MAX_THREADS)
        self._runners: dict[int, Any] = {}
        self._lock = threading.Lock()

    @cached_property
    def largest_batch(self) -> int:
        """The largest of ``BATCH_SIZES`` whose memory stays bounded; a large network on large pictures takes few."""
        most = max(1, MAX_ACTIVATION_BYTES // max(1, self._activation_bytes()))
        return max(size for size in BATCH_SIZES if size <= most)

    def _activation_bytes(self) -> int:
        """Of the largest tensor that one picture brings about; tensors of weights have no open first side."""
        details = self._interpreter().get_tensor_details()
        open_ones = [one for one in details if len(one["shape_signature"]) and one["shape_signature"][0] == -1]
        sizes = (math.prod(map(int, one["shape"][1:])) * np.dtype(one["dtype"]).itemsize for one in open_ones)
        return max(sizes, default=0)

    def __call__(self, pixels: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        """Run the network.

        Args:
            pixels: ``(N, S, S, 3) float32``, N of 1 or more, scaled as the network's card says.

        Returns:
            Each of the network's outputs by name, ``(N, ...) float32``.

        Raises:
            ValueError: if ``pixels`` is not a batch of at least one picture.
        """
        if pixels.ndim != 4 or not len(pixels):
            raise ValueError(f"pixels must be (N, S, S, 3) with N >= 1, but has shape {pixels.shape}.")
        parts = []
        step = self.largest_batch
        for start in range(0, len(pixels), step):
            parts.append(self._run(pixels[start : start + step]))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    @cached_property
    def leaves_out_patches(self) -> bool:
        """Whether the network can be asked about some of a picture's patches alone."""
        return KEPT in self._interpreter().get_signature_list()

    @cached_property
    def patch_grid(self) -> tuple[int, int] | None:
        """Rows and columns of the patches, which are those of the attention mask; None where none can be left out."""
        if not self.leaves_out_patches:
            return None
        outputs = self._interpreter().get_signature_runner(PLAIN).get_output_details()
        rows, columns = outputs["attention"]["shape_signature"][1:3]
        return int(rows), int(columns)

    def of_kept(self, pixels: NDArray[np.float32], kept: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        """``probabilities (N, 2)`` of one picture when the network sees N choices of its patches.

        Args:
            pixels: ``(S, S, 3) float32``, scaled as the network's card says.
            kept: numbers of the patches that are seen, row by row, ``(T,) int32`` each.
        """
        answers = np.empty((len(kept), 2), np.float32)
        # Another number of patches makes the interpreter plan its memory again: ask about equal numbers in a row.
        for row in sorted(range(len(kept)), key=lambda row: len(kept[row])):
            with self._lock:
                answers[row] = self._kept_runner(pixels=pixels[None], kept=kept[row])["probabilities"][0]
        return answers

    @cached_property
    def _kept_runner(self) -> Any:
        return self._interpreter().get_signature_runner(KEPT)

    def _run(self, pixels: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        size = next(size for size in BATCH_SIZES if size >= len(pixels))
        padded = np.zeros((size, *pixels.shape[1:]), np.float32)
        padded[: len(pixels)] = pixels
        with self._lock:
            if size not in self._runners:
                self._runners[size] = self._load(padded.shape)
            runner, input_name = self._runners[size]
            outputs = runner(**{input_name: padded})
            return {name: np.array(values[: len(pixels)]) for name, values in outputs.items()}

    def _load(self, shape: tuple[int, ...]) -> tuple[Any, str]:
        interpreter = self._interpreter()
        if len(interpreter.get_signature_list()) > 1:
            runner = interpreter.get_signature_runner(PLAIN)  # which plans its own memory when it is called
        else:
            interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], shape)
            interpreter.allocate_tensors()
            runner = interpreter.get_signature_runner()
        return runner, next(iter(runner.get_input_details()))

    def _interpreter(self) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(model_content=self._content, num_threads=self._threads)
