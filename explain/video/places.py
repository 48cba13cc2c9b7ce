"""Limits how many clips a server judges at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAX_CLIPS = 2  # each is decoded with up to 0.8 GB
LOOK_S = 0.2  # between two checks whether a waiting caller has cancelled


class Places:
    """``MAX_CLIPS`` places, one for each clip that is judged."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(MAX_CLIPS)

    @contextmanager
    def take(self, wait: bool, cancelled: Callable[[], bool]) -> Iterator[bool]:
        """Hold a place inside the block; false if there is none.

        Args:
            wait: whether to wait for one until ``cancelled`` is true.
            cancelled: called while waiting.
        """
        taken = self._free.acquire(blocking=False)
        while wait and not taken and not cancelled():
            taken = self._free.acquire(timeout=LOOK_S)
        try:
            yield taken
        finally:
            if taken:
                self._free.release()
