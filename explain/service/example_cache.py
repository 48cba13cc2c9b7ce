"""Remembers what was found of the examples, so that the next visitor who tries one does not wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from os import PathLike

from explain.analysis import Analysis, analyze
from explain.cancel import never
from explain.examples import example_of, examples
from explain.settings import Settings
from model.detector.detector import Detector
from model.photos.photo import open_photo

MOST = 32  # analyses; each of an example takes about 2 MB
PAUSE_S = 1.0  # between two looks whether the visitors leave the machine alone


class Memory:
    """Takes the road of ``analyze`` for every photo, and remembers where it led for the examples alone.

    Visitors' photos are never kept.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, Settings, str], Analysis] = {}
        self._lock = threading.Lock()

    def analyze(
        self,
        source: bytes | str | PathLike[str],
        settings: Settings,
        detector: Detector,
        cancelled: Callable[[], bool] = never,
    ) -> Iterator[Analysis]:
        """As ``explain.analysis.analyze``; of an example that is known, the complete analysis at once."""
        photo = open_photo(source)
        if example_of(photo.sha256) is None:
            yield from analyze(photo, settings, detector, cancelled)
            return
        key = (photo.sha256, settings, detector.name)
        known = self._known.get(key)
        if known is not None:
            yield known
            return
        for analysis in analyze(photo, settings, detector, cancelled):
            if analysis.complete:
                self._remember(key, analysis)
            yield analysis

    def _remember(self, key: tuple[str, Settings, str], analysis: Analysis) -> None:
        with self._lock:
            self._known[key] = analysis
            while len(self._known) > MOST:
                del self._known[next(iter(self._known))]

    def learn_examples(self, settings: Settings, detector: Callable[[], Detector], busy: Callable[[], bool]) -> None:
        """Analyse every example while nobody needs the machine, in a thread that ends with the program.

        Args:
            settings: those that the page starts with.
            detector: tells the model that the page starts with by then.
            busy: whether a visitor is being served, or a model imported; the learning then waits.
        """

        def learn() -> None:
            for example in examples():
                wait()
                for _ in self.analyze(example.path, settings, detector()):
                    wait()

        def wait() -> None:
            while busy():
                time.sleep(PAUSE_S)

        threading.Thread(target=learn, name="learn-examples", daemon=True).start()
