"""Keeps track of which run each visitor waits for, so that an older one ends before a newer one shows anything."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PATIENCE_S = 10  # for the older run to end; it checks between batches, so it needs far less


@dataclass(eq=False)
class _Run:
    ended: threading.Event = field(default_factory=threading.Event)


class Runs:
    """Which run each visitor waits for: a newer one, or Cancel, ends the one before."""

    def __init__(self) -> None:
        self._current: dict[str, _Run] = {}
        self._last: dict[str, _Run] = {}
        self._lock = threading.Lock()

    @contextmanager
    def begin(self, visitor: str) -> Iterator[Callable[[], bool]]:
        """Begin a run once the visitor's run before has ended; the yielded function says whether this one must end.

        Waiting prevents that updates of the older run arrive after the newer run has cleared the page.
        """
        run = _Run()
        with self._lock:
            before = self._last.get(visitor)
            self._current[visitor] = self._last[visitor] = run
        if before is not None:
            before.ended.wait(PATIENCE_S)
        try:
            yield lambda: self._current.get(visitor) is not run
        finally:
            run.ended.set()
            with self._lock:
                for runs in (self._current, self._last):
                    if runs.get(visitor) is run:
                        del runs[visitor]

    def stop(self, visitor: str) -> None:
        """End the visitor's run, if there is one."""
        with self._lock:
            self._current.pop(visitor, None)

    def waiting(self, visitor: str) -> bool:
        """Whether the visitor waits for a run."""
        return visitor in self._current
