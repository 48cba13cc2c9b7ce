"""Bounds how many analyses run at the same time, whichever door they came in by."""

import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from explain.cancel import never
from model.i18n.catalogue import Said

LOOK_S = 0.2  # between two looks whether who waits still wants the answer
Step = TypeVar("Step")


class Busy(RuntimeError):
    """Too many wait already; the message is one sentence for the user."""


class Turns:
    """Lets so many analyses run at once; others wait for their turn.

    Args:
        at_once: analyses that run at the same time.
        most_waiting: so many that are in a hurry may wait before the next of them is refused.
    """

    def __init__(self, at_once: int, most_waiting: int = 16) -> None:
        self._at_once = at_once
        self._free = threading.Semaphore(at_once)
        self._most_waiting = most_waiting
        self._lock = threading.Lock()
        self.running = 0
        self.waiting = 0
        self._hurried = 0  # of those who wait; a visitor of the page must not cost a program its answer

    @property
    def taken(self) -> bool:
        """Whether who comes now has to wait."""
        return self.running >= self._at_once

    def each(
        self, steps: Iterator[Step], cancelled: Callable[[], bool] = never, patient: bool = False
    ) -> Iterator[Step]:
        """The steps of an analysis, the first one once its turn has come; none if it is cancelled before.

        Args:
            steps: a generator that has not begun.
            cancelled: asked while waiting.
            patient: wait behind however many there are; a queue before this one already counts them.

        Raises:
            Busy: if too many wait already.
        """
        if not self._begin(cancelled, patient):
            return
        try:
            yield from steps
        finally:
            self._count(running=-1)
            self._free.release()

    def _begin(self, cancelled: Callable[[], bool], patient: bool) -> bool:
        """Wait for a turn; false where it was cancelled before it came."""
        if self._free.acquire(blocking=False):
            self._count(running=1)
            return True
        with self._lock:
            if not patient and self._hurried >= self._most_waiting:
                raise Busy(Said("doors.busy"))
            self.waiting += 1
            self._hurried += not patient
        try:
            while not cancelled():
                if self._free.acquire(timeout=LOOK_S):
                    self._count(running=1)
                    return True
            return False
        finally:
            self._count(waiting=-1, hurried=-int(not patient))

    def _count(self, running: int = 0, waiting: int = 0, hurried: int = 0) -> None:
        with self._lock:
            self.running += running
            self.waiting += waiting
            self._hurried += hurried
