"""Keeps track of which run each visitor waits for, so that an older one ends."""

import threading
from collections.abc import Callable


class Runs:
    """Which run each visitor waits for: a newer one, or Cancel, ends the one before."""

    def __init__(self) -> None:
        self._current: dict[str, object] = {}
        self._lock = threading.Lock()

    def start(self, visitor: str) -> Callable[[], bool]:
        """Begin a run; the result tells whether it shall end."""
        ticket = object()
        with self._lock:
            self._current[visitor] = ticket
        return lambda: self._current.get(visitor) is not ticket

    def stop(self, visitor: str) -> None:
        """End the visitor's run, if there is one."""
        with self._lock:
            self._current.pop(visitor, None)

    def waiting(self, visitor: str) -> bool:
        """Whether a run of the visitor is under way."""
        return visitor in self._current
