"""Runs a network fast on this machine, for any batch size and from any thread."""

import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.artifact.card import KEPT, MASK, PLAIN
from model.errors import ArtifactError, SettingsError
from model.i18n.catalogue import Message

# One interpreter per size: an interpreter allocates its memory again when its batch size changes. Four pictures fit
# into the processor's cache: the shipped network takes 4.2 ms per picture in batches of 4 and 5.2 ms in batches of 64
# (2 cores, AVX2).
BATCH_SIZES = (1, 4)
MAX_ACTIVATION_BYTES = 512_000_000  # limit for the largest tensor of a batch; several exist at a time
MAX_THREADS = 4  # more threads do not make small networks faster
THREADS = "WHYFAKE_THREADS"


_stopped: ContextVar[Callable[[], bool]] = ContextVar("stopped", default=lambda: False)


class Interrupted(BaseException):
    """The caller wants no more answers. It is no ``Exception``, so that code that handles errors does not catch it."""


@contextmanager
def interrupted_when(stopped: Callable[[], bool]) -> Iterator[None]:
    """Inside the block, in this thread, every network asks ``stopped`` before each of its own small batches.

    Raises:
        Interrupted: out of the block, once ``stopped()`` is true: a batch of a slow network's caller takes seconds.
    """
    before = _stopped.set(stopped)
    try:
        yield
    finally:
        _stopped.reset(before)


def check_interrupted() -> None:
    """Raise ``Interrupted`` if the caller wants no more answers."""
    if _stopped.get()():
        raise Interrupted


def threads() -> int:
    """How many threads a network may use in this process.

    ``WHYFAKE_THREADS`` gives the number where the system does not show it, as in a container with a limited share of
    the processors.

    Raises:
        SettingsError: if ``WHYFAKE_THREADS`` is no number of threads.
    """
    given = os.environ.get(THREADS)
    if not given:
        return min(_cores(), MAX_THREADS)
    if not given.isdecimal() or int(given) == 0:
        raise SettingsError(Message("model.threads", variable=THREADS, given=given))
    return int(given)


def _cores() -> int:
    """How many cores this process may use: a container or ``taskset`` may limit them. On macOS, all cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ClosedEngine:
    """Replaces an engine that was closed to free its memory."""

    def __call__(self, pixels: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        """Never answers.

        Raises:
            ArtifactError: always.
        """
        raise ArtifactError(Message("model.closed"))


class Engine:
    """Runs a LiteRT file; threads can share it.

    Of the runtimes that were measured with these networks on CPUs, LiteRT is the fastest (3 to 5 times TensorFlow's
    throughput), and it loads in a twentieth of TensorFlow's time.
    """

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()
        self._threads = threads()
        self._runners: dict[int, Any] = {}
        self._lock = threading.Lock()

    @cached_property
    def largest_batch(self) -> int:
        """The largest of ``BATCH_SIZES`` within ``MAX_ACTIVATION_BYTES``, or 1 if even one picture exceeds it."""
        most = max(1, MAX_ACTIVATION_BYTES // max(1, self._activation_bytes()))
        return max(size for size in BATCH_SIZES if size <= most)

    def _activation_bytes(self) -> int:
        """Bytes per picture of the largest tensor with the batch as its first axis; weights have no such axis."""
        details = self._interpreter().get_tensor_details()
        batched = [tensor for tensor in details if tensor["shape_signature"][:1].tolist() == [-1]]
        sizes = (math.prod(map(int, tensor["shape"][1:])) * np.dtype(tensor["dtype"]).itemsize for tensor in batched)
        return max(sizes, default=0)

    def __call__(self, pixels: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        """Run the network.

        Args:
            pixels: ``(N, S, S, 3) float32``, N of 1 or more, scaled as the network's card says.

        Returns:
            The network's outputs by name, ``(N, ...) float32``.

        Raises:
            ValueError: if ``pixels`` is not a batch of at least one picture.
        """
        if pixels.ndim != 4 or not len(pixels):
            raise ValueError(f"pixels must be (N, S, S, 3) with N >= 1, but has shape {pixels.shape}.")
        parts = []
        step = self.largest_batch
        for start in range(0, len(pixels), step):
            check_interrupted()
            parts.append(self._run(pixels[start : start + step]))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    @cached_property
    def leaves_out_patches(self) -> bool:
        """Whether the network can compute its answer from a subset of a picture's patches."""
        return KEPT in self._interpreter().get_signature_list()

    @cached_property
    def patch_grid(self) -> tuple[int, int] | None:
        """Rows and columns of the patches, as in the attention mask; None if patches can't be left out."""
        if not self.leaves_out_patches:
            return None
        outputs = self._interpreter().get_signature_runner(PLAIN).get_output_details()
        rows, columns = outputs[MASK]["shape_signature"][1:3]
        return int(rows), int(columns)

    def of_kept(self, pixels: NDArray[np.float32], kept: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        """``probabilities (N, 2) float32`` of one picture for N selections of its patches.

        Args:
            pixels: ``(S, S, 3) float32``, scaled as the network's card says.
            kept: for each selection, the indices ``(T,) int32`` of its patches, counted row by row.
        """
        answers = np.empty((len(kept), 2), np.float32)
        # The interpreter allocates its memory again when the number of patches changes: run equal numbers together.
        for row in sorted(range(len(kept)), key=lambda row: len(kept[row])):
            check_interrupted()
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
            runner = interpreter.get_signature_runner(PLAIN)  # it allocates its memory when it is called
        else:
            interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], shape)
            interpreter.allocate_tensors()
            runner = interpreter.get_signature_runner()
        return runner, next(iter(runner.get_input_details()))

    def _interpreter(self) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(model_content=self._content, num_threads=self._threads)
