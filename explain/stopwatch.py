"""Measures how long the steps of an analysis take."""

from __future__ import annotations

import time


class Stopwatch:
    """Seconds by the name of a step; time between ``pause`` and ``resume`` does not count."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds = {**self.seconds, name: now - self._last}
        self._last = now

    def pause(self) -> None:
        self._paused = time.perf_counter()

    def resume(self) -> None:
        self._last += time.perf_counter() - self._paused
