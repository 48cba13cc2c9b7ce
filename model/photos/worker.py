"""Decodes photos in small processes, so that a file that crashes a decoder ends none but its process.

Run as ``python -m model.photos.worker`` it is such a process, see ``model.apart``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from model.apart import POLL_SECONDS, Answer, Cancelled, NoAnswer, Processes, Why, serve
from model.errors import PhotoError, message_of
from model.i18n.catalogue import Message, as_data, from_data

PROCESSES = 2  # at most
SECONDS = 10  # of the processor, where the system can limit that; the largest photo takes about 3
PATIENCE = 60  # seconds in all; on a busy machine decoding waits for others
MEMORY = 350_000_000  # bytes at the peak of one photo: 14 megapixels of the greediest format
MOST_MEMORY = 1_300_000_000  # of a larger photo, of which one is decoded at a time: 1.65 GB for all together
SENTENCES = {
    Why.CANCELLED: Message("photo.cancelled"),
    Why.TOO_SLOW: Message("photo.too_slow"),
    Why.BROKE_OFF: Message("photo.broke_off"),
    Why.NOT_STARTED: Message("photo.no_decoder"),
}
Notes = tuple[Message, ...]


def decode_apart(data: bytes, cancelled: Cancelled = lambda: False) -> tuple[NDArray[np.uint8], Notes]:
    """``model.photos.decode.decode`` in another process.

    Raises:
        PhotoError: as there, or if the process broke off, took too long, or was stopped because of ``cancelled``.
    """
    return _DECODERS.decode(data, cancelled)


def warm_up_decoder() -> None:
    """Start a process, so that it is ready for the first photo."""
    _DECODERS.processes.warm_up()


class Decoders:
    """The processes.

    A large photo waits until no other large one is decoded; small ones pass it, since it holds no process meanwhile.
    """

    def __init__(self, processes: int = PROCESSES, seconds: float = PATIENCE) -> None:
        self.processes = Processes("model.photos.worker", processes, seconds)
        self._large = threading.Lock()

    def decode(self, data: bytes, cancelled: Cancelled) -> tuple[NDArray[np.uint8], Notes]:
        """See ``decode_apart``."""
        try:
            found = self._decode(data, MEMORY, cancelled)
            if found is None:
                with self._turn_of_large(cancelled):
                    found = self._decode(data, MOST_MEMORY, cancelled)
        except NoAnswer as error:
            raise PhotoError(SENTENCES[error.why]) from error
        if found is None:
            raise PhotoError(Message("photo.memory"))
        return found

    def _decode(self, data: bytes, memory: int, cancelled: Cancelled) -> tuple[NDArray[np.uint8], Notes] | None:
        answer, pixels = self.processes.ask(data, memory, cancelled)
        if "problem" in answer:
            raise PhotoError(from_data(answer["problem"]))
        return None if pixels is None else (pixels, tuple(map(from_data, answer["notes"])))

    @contextmanager
    def _turn_of_large(self, cancelled: Cancelled) -> Iterator[None]:
        while not self._large.acquire(timeout=POLL_SECONDS):
            if cancelled():
                raise NoAnswer(Why.CANCELLED)
        try:
            yield
        finally:
            self._large.release()


_DECODERS = Decoders()


# The process


def _answer(data: bytes, memory: int) -> Answer:
    """The pixels with their notes, a problem, or nothing if more memory is needed."""
    from model.photos.decode import NeedsMemory, decode

    try:
        pixels, notes = decode(data, memory)
        return {"notes": [as_data(note) for note in notes]}, pixels
    except NeedsMemory:
        return {}, None
    except PhotoError as error:
        problem = message_of(error)
        # Some decoders report damage when memory runs out: only what also fails with more is damaged.
        is_sure = memory >= MOST_MEMORY or getattr(problem, "key", "") != "photo.damaged"
        return ({"problem": as_data(problem)} if is_sure else {}), None


def main() -> None:
    """Answer requests until standard input is closed."""
    import model.photos.decode  # noqa: F401  what is loaded now does not count as memory for a photo

    serve(_answer, SECONDS)


if __name__ == "__main__":
    main()
