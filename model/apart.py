"""Keeps small processes that read untrusted files: a file that crashes a library ends one of them, not the server.

A process has a limit on its memory and time, is kept for the next file, and is replaced when it ends. What it does is
up to the module that it runs, which calls ``serve``.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from model.parent import end_with_parent
from model.paths import ROOT

POLL_SECONDS = 0.05  # between two checks whether a process must be killed
_REQUEST, _ANSWER = struct.Struct(">QQ"), struct.Struct(">I")  # bytes of the file, memory; bytes of the JSON
_MOST_TEXT = 100_000  # bytes of that JSON; it holds a few sentences
Cancelled = Callable[[], bool]
Array = NDArray[np.uint8]
Answer = tuple[dict[str, Any], Array | None]


class Why(Enum):
    """Why there is no answer."""

    CANCELLED = auto()
    TOO_SLOW = auto()
    BROKE_OFF = auto()
    NOT_STARTED = auto()


class NoAnswer(Exception):
    """A process gave no answer; the argument is a ``Why``."""

    @property
    def why(self) -> Why:
        """Why there is none."""
        reason: Why = self.args[0]
        return reason


class Processes:
    """Processes that run one module, started when they are needed and kept.

    Args:
        module: its name; it is run by ``python -m`` and calls ``serve``.
        most: processes at the same time.
        seconds: that a file may take in all; on a busy machine a process waits for others.
    """

    def __init__(self, module: str, most: int, seconds: float) -> None:
        self._module, self._seconds = module, seconds
        self._free: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        for _ in range(most):
            self._free.put(None)
        atexit.register(self.close)

    def ask(self, data: bytes, memory: int, cancelled: Cancelled) -> Answer:
        """The answer of a process to a file.

        Args:
            data: the file.
            memory: bytes that the process may take for it.
            cancelled: once it is true, the process is ended.

        Raises:
            NoAnswer: if it was cancelled, took too long, broke off, or cannot be started.
        """
        process = self._next(cancelled)
        try:
            if process is None or process.has_ended():
                process = _Process(self._module)
            return process.ask(data, memory, self._seconds, cancelled)
        except OSError as error:
            raise NoAnswer(Why.NOT_STARTED) from error
        finally:
            self._free.put(None if process is None or process.has_ended() else process)

    def warm_up(self) -> None:
        """Start a process, if there is none, so that the first request need not wait for it."""
        with suppress(queue.Empty, OSError):
            process = self._free.get_nowait()
            try:
                if process is None or process.has_ended():
                    process = _Process(self._module)
            finally:
                self._free.put(process)

    def close(self) -> None:
        """End the processes that are idle; new ones start when they are needed."""
        waiting = []
        with suppress(queue.Empty):
            while True:
                waiting.append(self._free.get_nowait())
        for process in waiting:
            if process is not None:
                process.end()
            self._free.put(None)

    def _next(self, cancelled: Cancelled) -> _Process | None:
        while True:
            with suppress(queue.Empty):
                return self._free.get(timeout=POLL_SECONDS)
            if cancelled():
                raise NoAnswer(Why.CANCELLED)


class _Process:
    """One process, which answers one request at a time."""

    def __init__(self, module: str) -> None:
        command = command_of(module)
        channels: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        # No threads for linear algebra: their stacks count as memory. A session of its own: an interrupt from the
        # keyboard reaches only this process, which then ends the other by closing its input.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **channels)

    def has_ended(self) -> bool:
        """Whether it can't answer any more."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """Kill it; the caller that waits for its answer sees that it ended."""
        self._process.kill()

    def end(self) -> None:
        """Kill it, and wait until it is gone."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0 if self.has_ended() else POLL_SECONDS)  # one that ends by itself says why
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what it did not read is lost
                if pipe is not None:
                    pipe.close()

    def ask(self, data: bytes, memory: int, seconds: float, cancelled: Cancelled) -> Answer:
        """See ``Processes.ask``."""
        with WATCH.over(self, seconds, cancelled) as why:
            try:
                return self._exchange(data, memory)
            except (OSError, EOFError, ValueError, TypeError) as error:  # the last two: it wrote what it should not
                self.end()
                is_late = hasattr(signal, "SIGPROF") and self._process.returncode == -signal.SIGPROF
                reason = Why.TOO_SLOW if is_late else Why.BROKE_OFF
                raise NoAnswer(why[0] if why else reason) from error
            except BaseException:  # what it still says belongs to no request
                self.end()
                raise

    def _exchange(self, data: bytes, memory: int) -> Answer:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None and answers is not None
        requests.write(_REQUEST.pack(len(data), memory))
        requests.write(data)
        requests.flush()
        (length,) = _ANSWER.unpack(exactly(answers, _ANSWER.size))
        if length > _MOST_TEXT:  # it was taken over, or writes at random
            raise ValueError(length)
        answer = json.loads(exactly(answers, length))
        if not isinstance(answer, dict):
            raise ValueError(type(answer))
        if "shape" not in answer:
            return answer, None
        pixels = np.empty(answer["shape"], np.uint8)
        view = pixels.data.cast("B")
        while len(view):
            count = answers.readinto(view)  # type: ignore[attr-defined]
            if not count:
                raise EOFError
            view = view[count:]
        return answer, pixels


def command_of(module: str, *arguments: str) -> list[str]:
    """The command of a process that runs one of our modules without warnings; run it in ``ROOT``."""
    return [sys.executable, "-W", "ignore", "-m", module, *arguments]


class Killable(Protocol):
    """What a ``Watch`` can watch over."""

    def kill(self) -> None:
        """End it at once."""


class Watch:
    """One thread, which kills processes that take too long or were cancelled; it sleeps while none is busy."""

    def __init__(self) -> None:
        self._tasks: dict[Killable, tuple[float, Cancelled, list[Why]]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, process: Killable, seconds: float, cancelled: Cancelled) -> Iterator[list[Why]]:
        """Watch over a process in a block; the list says why it was killed."""
        why: list[Why] = []
        with self._changed:
            self._tasks[process] = (time.monotonic() + seconds, cancelled, why)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield why
        finally:
            with self._changed:
                del self._tasks[process]

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._tasks)
                for process, (deadline, cancelled, why) in self._tasks.items():
                    late = time.monotonic() > deadline
                    if not why and (late or cancelled()):
                        why.append(Why.TOO_SLOW if late else Why.CANCELLED)
                        process.kill()
            time.sleep(POLL_SECONDS)


WATCH = Watch()


def exactly(pipe: IO[bytes], count: int) -> bytes:
    """So many bytes of a pipe.

    Raises:
        EOFError: if it ends before.
    """
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data


# In the process


def serve(answer_to: Callable[[bytes, int], Answer], seconds: float) -> None:
    """Answer requests until standard input is closed, or the process that reads the answers has ended.

    Args:
        answer_to: takes a file and the memory for it; returns data for JSON, and an array ``uint8`` or None.
        seconds: of the processor for one file, where the system can limit that.
    """
    end_with_parent()
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    while len(head := requests.read(_REQUEST.size)) == _REQUEST.size:
        size, memory = _REQUEST.unpack(head)
        data = exactly(requests, size)
        limit(memory, seconds)
        answer, pixels = answer_to(data, memory)
        text = json.dumps(answer if pixels is None else {**answer, "shape": pixels.shape}).encode()
        answers.write(_ANSWER.pack(len(text)) + text)
        if pixels is not None:
            answers.write(np.ascontiguousarray(pixels).data)
        answers.flush()


def limit(more: int, seconds: float) -> None:
    """Let this process take so many bytes more than it has now, and so many seconds, where the system can limit that.

    The signal at the end of the seconds ends the process, in the middle of native code as well.
    """
    with suppress(AttributeError):
        signal.setitimer(signal.ITIMER_PROF, seconds)
    with suppress(ImportError, OSError):
        import resource

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        limit_memory(pages * resource.getpagesize() + more)


def limit_memory(most: int) -> None:
    """Bound this process's address space in bytes, if the system can: Windows can't, and macOS may refuse."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, highest = resource.getrlimit(resource.RLIMIT_AS)  # of the container or the shell: it must stay
        resource.setrlimit(resource.RLIMIT_AS, (most, highest))
