"""Decodes photos in small processes, so that a file made to break a decoder costs one sentence and not the server.

A process has a limit on its memory and time, is kept for the next photo, and is replaced when it ends. Run as
``python -m model.photos.worker`` it is such a process, which reads requests from standard input.
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
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from model.errors import PhotoError, message_of
from model.i18n.catalogue import Message, as_data, from_data
from model.paths import ROOT

PROCESSES = 2  # at most
SECONDS = 10  # of the processor, where the system can limit that; the largest photo takes about 3
PATIENCE = 60  # seconds in all; on a busy machine decoding waits for others
MEMORY = 350_000_000  # bytes at the peak of one photo: 14 megapixels of the greediest format
MOST_MEMORY = 1_300_000_000  # of a larger photo, of which one is decoded at a time: 1.65 GB for all together
LOOK = 0.05  # seconds between two looks at whether to break off
_REQUEST, _ANSWER = struct.Struct(">QQ"), struct.Struct(">I")  # bytes of the file, memory; bytes of the JSON
_MOST_TEXT = 100_000  # bytes of that JSON; it holds a few notes
Notes = tuple[Message, ...]
Cancelled = Callable[[], bool]


def decode_apart(data: bytes, cancelled: Cancelled = lambda: False) -> tuple[NDArray[np.uint8], Notes]:
    """``model.photos.decode.decode`` in another process.

    Raises:
        PhotoError: as there, or if the process broke off, took too long, or was stopped because of ``cancelled``.
    """
    return _DECODERS.decode(data, cancelled)


class Decoders:
    """The processes, started when they are needed.

    A large photo waits until no other large one is decoded; small ones pass it, since it holds no process meanwhile.
    """

    def __init__(self, processes: int = PROCESSES, seconds: float = PATIENCE) -> None:
        self._free: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        for _ in range(processes):
            self._free.put(None)
        self._large = threading.Lock()
        self._seconds = seconds

    def decode(self, data: bytes, cancelled: Cancelled) -> tuple[NDArray[np.uint8], Notes]:
        """See ``decode_apart``."""
        answer = self._ask(data, MEMORY, cancelled)
        if answer is None:
            with self._alone(cancelled):
                answer = self._ask(data, MOST_MEMORY, cancelled)
        if answer is None:
            raise PhotoError(Message("photo.memory"))
        return answer

    def close(self) -> None:
        """End the processes that are idle; new ones start when they are needed."""
        with suppress(queue.Empty):
            waiting = []
            while True:
                waiting.append(self._free.get_nowait())
        for process in waiting:
            if process is not None:
                process.end()
            self._free.put(None)

    def _ask(self, data: bytes, memory: int, cancelled: Cancelled) -> tuple[NDArray[np.uint8], Notes] | None:
        process = self._next(cancelled)
        try:
            if process is None or process.has_ended():
                process = _Process()
            answer = process.ask(data, memory, self._seconds, cancelled)
        except OSError as error:
            raise PhotoError(Message("photo.no_decoder")) from error
        finally:
            self._free.put(None if process is None or process.has_ended() else process)
        return answer

    def _next(self, cancelled: Cancelled) -> _Process | None:
        while True:
            with suppress(queue.Empty):
                return self._free.get(timeout=LOOK)
            _check(cancelled)

    @contextmanager
    def _alone(self, cancelled: Cancelled) -> Iterator[None]:
        while not self._large.acquire(timeout=LOOK):
            _check(cancelled)
        try:
            yield
        finally:
            self._large.release()


def _check(cancelled: Cancelled) -> None:
    if cancelled():
        raise PhotoError(Message("photo.cancelled"))


class _Process:
    """One process, which answers one request at a time."""

    def __init__(self) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "model.photos.worker"]
        channels: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        # Without threads for linear algebra, whose stacks count as memory. A session of its own: an interrupt from the
        # keyboard reaches only this process, which then ends the other by closing its input.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **channels)

    def has_ended(self) -> bool:
        """Whether it can't be asked any more."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """Kill it; the caller that waits for its answer sees that it ended."""
        self._process.kill()

    def end(self) -> None:
        """Kill it, and wait until it is gone."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0 if self.has_ended() else LOOK)  # one that ends by itself says why
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what it did not read is lost
                if pipe is not None:
                    pipe.close()

    def ask(
        self, data: bytes, memory: int, seconds: float, cancelled: Cancelled
    ) -> tuple[NDArray[np.uint8], Notes] | None:
        """Let it decode a file; None if that needs more memory.

        Raises:
            PhotoError: as ``decode_apart``.
        """
        with WATCH.over(self, seconds, cancelled) as why:
            try:
                return self._exchange(data, memory)
            except (OSError, EOFError, ValueError) as error:  # the last one: it wrote what it should not
                self.end()
                is_late = hasattr(signal, "SIGPROF") and self._process.returncode == -signal.SIGPROF
                key = "photo.too_slow" if is_late else "photo.broke_off"
                raise PhotoError(why[0] if why else Message(key)) from error
            except PhotoError:
                raise
            except BaseException:  # what it still says belongs to no request
                self.end()
                raise

    def _exchange(self, data: bytes, memory: int) -> tuple[NDArray[np.uint8], Notes] | None:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None and answers is not None
        requests.write(_REQUEST.pack(len(data), memory))
        requests.write(data)
        requests.flush()
        (length,) = _ANSWER.unpack(exactly(answers, _ANSWER.size))
        if length > _MOST_TEXT:  # it was taken over, or writes at random
            raise ValueError(length)
        answer = json.loads(exactly(answers, length))
        if "problem" in answer:
            raise PhotoError(from_data(answer["problem"]))
        if "shape" not in answer:
            return None
        pixels = np.empty(answer["shape"], np.uint8)
        view = pixels.data.cast("B")
        while len(view):
            count = answers.readinto(view)  # type: ignore[attr-defined]
            if not count:
                raise EOFError
            view = view[count:]
        return pixels, tuple(map(from_data, answer["notes"]))


class Killable(Protocol):
    """What a ``Watch`` can watch over."""

    def kill(self) -> None:
        """End it at once."""


class Watch:
    """One thread, which kills processes that take too long or whose caller cancels; it sleeps while none is busy."""

    def __init__(self) -> None:
        self._tasks: dict[Killable, tuple[float, Cancelled, list[Message]]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, process: Killable, seconds: float, cancelled: Cancelled) -> Iterator[list[Message]]:
        """Watch over a process in a block; the list says why it was killed."""
        why: list[Message] = []
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
                        why.append(Message("photo.too_slow" if late else "photo.cancelled"))
                        process.kill()
            time.sleep(LOOK)


WATCH = Watch()
_DECODERS = Decoders()
atexit.register(_DECODERS.close)


def exactly(pipe: IO[bytes], count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data


# The process


def main() -> None:
    """Answer requests until standard input is closed."""
    from model.photos.decode import NeedsMemory, decode

    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    while len(head := requests.read(_REQUEST.size)) == _REQUEST.size:
        size, memory = _REQUEST.unpack(head)
        data = exactly(requests, size)
        limit(memory, SECONDS)
        pixels: NDArray[np.uint8] | None = None
        try:
            pixels, notes = decode(data, memory)
            answer = {"shape": pixels.shape, "notes": [as_data(note) for note in notes]}
        except NeedsMemory:
            answer = {}
        except PhotoError as error:
            problem = message_of(error)
            # Some decoders call a lack of memory a damage: only what also fails with more is damaged.
            is_sure = memory >= MOST_MEMORY or getattr(problem, "key", "") != "photo.damaged"
            answer = {"problem": as_data(problem)} if is_sure else {}
        text = json.dumps(answer).encode()
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
    with suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
