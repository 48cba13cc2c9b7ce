"""Answers for the examples from shipped or earlier analyses, so that visitors who try one do not wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from explain.analysis import analyze
from explain.cancel import not_cancelled
from explain.examples import example_of
from explain.result import Analysis
from explain.service.shipped import shipped_analysis
from explain.settings import Settings
from explain.stopwatch import Stopwatch
from model.detector.detector import Detector
from model.errors import PhotoError
from model.photos.photo import open_photo

MOST = 32  # analyses; each takes about 2 MB


class ExampleCache:
    """Runs ``analyze`` for every photo except the examples with an analysis that is shipped or was made before.

    Other models and settings than the shipped ones are computed when a visitor chooses them. Visitors' photos are never
    kept.
    """

    def __init__(self) -> None:
        self._analyses: dict[tuple[str, Settings, str], Analysis] = {}
        self._lock = threading.Lock()

    def analyze(
        self,
        source: bytes | str | PathLike[str] | NDArray[np.uint8],
        settings: Settings,
        detector: Detector,
        cancelled: Callable[[], bool] = not_cancelled,
        known: Analysis | None = None,
    ) -> Iterator[Analysis]:
        """Like ``explain.analysis.analyze``; for a finished example, only the complete analysis.

        Args:
            source: a file's bytes or path, or an RGB array.
            settings: see ``Settings``.
            detector: the model.
            cancelled: called between steps and batches; once it is true, no further analysis comes.
            known: an earlier analysis of the same photo by the same model, to take over what still holds.

        Yields:
            What ``analyze`` yields; the ``seconds`` of a finished example are those of this answer.

        Raises:
            PhotoError, SettingsError, ArtifactError: as ``analyze`` does.
        """
        watch = Stopwatch()
        try:
            photo = open_photo(source, cancelled)
        except PhotoError:
            if cancelled():  # in the middle of decoding
                return
            raise
        watch.lap("open")
        if example_of(photo.sha256) is None:
            yield from analyze(photo, settings, detector, cancelled, known)
            return
        key = (photo.sha256, settings, detector.name)
        finished = self._analyses.get(key) or shipped_analysis(photo, settings, detector)
        if finished is not None:
            self._store(key, finished)
            watch.lap("finished")
            yield replace(finished, seconds=watch.seconds)
            return
        for analysis in analyze(photo, settings, detector, cancelled, known):
            if analysis.complete:
                self._store(key, analysis)
            yield analysis

    def _store(self, key: tuple[str, Settings, str], analysis: Analysis) -> None:
        with self._lock:
            self._analyses[key] = analysis
            while len(self._analyses) > MOST:
                del self._analyses[next(iter(self._analyses))]
