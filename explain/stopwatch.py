"""Measures how long an analysis and its steps take."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType


class Stopwatch:
    """Seconds since its creation, and per step; time between ``pause`` and ``resume`` does not count.

    Args:
        seconds: of earlier steps, to which new ones are added.
    """

    def __init__(self, seconds: Mapping[str, float] = MappingProxyType({})) -> None:
        self.seconds: dict[str, float] = dict(seconds)
        self._started = self._last = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds so far, without pauses."""
        return time.perf_counter() - self._started

    def lap(self, name: str) -> None:
        """End a step of this name."""
        now = time.perf_counter()
        self.seconds = {**self.seconds, name: now - self._last}
        self._last = now

    def pause(self) -> float:
        """Stop the clock while the caller works; return the seconds so far."""
        self._paused = time.perf_counter()
        return self._paused - self._started

    def resume(self) -> None:
        """Start the clock again."""
        pause_seconds = time.perf_counter() - self._paused
        self._started += pause_seconds
        self._last += pause_seconds
