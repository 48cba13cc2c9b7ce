"""Communicates with the process that decodes a clip: it reads the open file and writes one answer after the other.

The process waits while its last answer is not read, so at most two frames are in memory.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import IO, Any

import numpy as np

from model.apart import WATCH, Why, command_of, exactly
from model.clips.answers import Facts, Limits, Picture
from model.errors import ClipError
from model.i18n.catalogue import Message, from_data
from model.paths import ROOT

LENGTH = struct.Struct(">I")  # bytes of an answer's JSON; a frame's pixels follow it
MOST_TEXT = 100_000  # bytes of that JSON
PATIENCE = 60  # seconds between two answers; on a busy machine decoding waits for others
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class Request:
    """What to decode.

    Attributes:
        limits: what the clip may have.
        count: number of even times; used if ``at`` is None.
        at: the timestamp of a single frame.
    """

    limits: Limits
    count: int = 1
    at: int | None = None

    def to_text(self) -> str:
        """As an argument of the process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Request:
        """From an argument of the process."""
        data = json.loads(text)
        return cls(Limits(**data["limits"]), data["count"], data["at"])


def answers(file: IO[bytes], request: Request, cancelled: Cancelled) -> Generator[Facts | Picture, None, None]:
    """The answers of a process that decodes an open file; it ends with this generator.

    Raises:
        ClipError: if the process refuses the clip, breaks off, takes too long, or was stopped because of ``cancelled``.
    """
    try:
        process = _Process(file, request)
    except OSError as error:
        raise ClipError(Message("photo.no_decoder")) from error
    try:
        while (answer := process.next(cancelled)) is not None:
            yield answer
    finally:
        process.end()


class _Process:
    def __init__(self, file: IO[bytes], request: Request) -> None:
        command = command_of("model.clips.worker", request.to_text())
        channels: dict[str, Any] = {"stdin": file, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        # As for photos: no threads for linear algebra, and no interrupts from the keyboard.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **channels)

    def kill(self) -> None:
        """Kill the process; the code that reads its answers then finds that it has ended."""
        self._process.kill()

    def end(self) -> None:
        """Kill it, and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def next(self, cancelled: Cancelled) -> Facts | Picture | None:
        """The next answer; None at the end."""
        while True:
            with WATCH.over(self, PATIENCE, cancelled) as why:
                try:
                    answer = self._read()
                except (OSError, EOFError, ValueError, TypeError, KeyError) as error:  # it wrote what it should not
                    raise ClipError(self._problem(why)) from error
            if answer == {"end": True}:
                return None
            if isinstance(answer, Facts | Picture):
                return answer

    def _read(self) -> Facts | Picture | dict[str, Any]:
        pipe = self._process.stdout
        assert pipe is not None
        (length,) = LENGTH.unpack(exactly(pipe, LENGTH.size))
        if length > MOST_TEXT:
            raise ValueError(length)
        answer: dict[str, Any] = json.loads(exactly(pipe, length))
        if "problem" in answer:
            raise ClipError(from_data(answer["problem"]))
        if "facts" in answer:
            return Facts(**answer["facts"])
        if "shape" not in answer:
            return answer
        height, width = answer["shape"]
        pixels = np.frombuffer(exactly(pipe, height * width * 3), np.uint8).reshape(height, width, 3)
        notes = tuple(map(from_data, answer["notes"]))
        return Picture(pixels, answer["at"], answer["seconds"], answer["after_cut"], notes)

    def _problem(self, why: list[Why]) -> Message:
        """Why there is no answer."""
        if why:
            return Message("clip.cancelled" if why[0] is Why.CANCELLED else "clip.too_slow")
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        is_late = hasattr(signal, "SIGPROF") and self._process.returncode == -signal.SIGPROF
        return Message("clip.too_slow" if is_late else "clip.broke_off")
