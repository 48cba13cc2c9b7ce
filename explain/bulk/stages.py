"""The stages of a bulk job, which are the functions that ``explain.analysis.analyze`` calls one after the other.

Finding faces (with decoding) needs a processor for each photo; predicting runs the network on many photos at once; the
last stage makes the maps, if any are requested, and the row of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from explain.analysis import first_step, later_steps
from explain.batch.judge import Row, problem_of, row_of
from explain.batch.photos import Reader
from explain.bulk.records import map_records, record
from explain.bulk.storage import source_of
from explain.bulk.task import Task
from explain.cancel import not_cancelled
from explain.predictions import predict
from explain.result import Analysis
from explain.settings import VERDICT_ALONE, Settings
from explain.stopwatch import Stopwatch
from model.detector.detector import Detector
from model.i18n.catalogue import Message, use_language

NO_PIXELS = np.zeros((1, 1, 3), np.uint8)  # later stages need the faces' crops alone


@dataclass(frozen=True)
class Request:
    """What a job does with each photo; plain values, so that they can be stored and sent.

    Attributes:
        folder: the model's folder.
        model: its name.
        methods: the maps to make of the most suspicious face.
        samples: see ``Settings``, as ``seed`` and ``whole_picture``.
        seed: decides everything drawn at random.
        whole_picture: judge the central square of a photo that shows no face.
        language: of the sentences in the table.
    """

    folder: str
    model: str
    methods: tuple[str, ...] = ()
    samples: int = Settings.samples
    seed: int = Settings.seed
    whole_picture: bool = False
    language: str = "en"

    @property
    def settings(self) -> Settings:
        """The settings of each photo's analysis until its verdict; maps are requested afterwards."""
        return replace(VERDICT_ALONE, whole_picture=self.whole_picture, samples=self.samples, seed=self.seed)

    @property
    def explaining(self) -> Settings:
        """The settings that make the maps.

        Raises:
            SettingsError: if a map or a number is unknown.
        """
        return replace(self.settings, methods=self.methods)

    def open(self) -> Detector:
        """The model.

        Raises:
            ArtifactError: if it can't be used.
        """
        return Detector(Path(self.folder), self.model)


@dataclass(frozen=True)
class PhotoState:
    """A photo between two stages.

    Attributes:
        task: which one.
        analysis: so far, without the photo's pixels; None with a problem.
        size: the photo's width and height in pixels.
        problem: why there is no analysis.
        seconds: spent on it.
    """

    task: Task
    analysis: Analysis | None = None
    size: tuple[int, int] = (0, 0)
    problem: Message | None = None
    seconds: float = 0.0


class Stages:
    """The three stages with their model; a worker needs those that it runs.

    Args:
        request: see ``Request``.
        detector: the model, opened before; None opens it.
    """

    def __init__(self, request: Request, detector: Detector | None = None) -> None:
        self._request = request
        self._detector = detector or request.open()
        self._reader = Reader()

    def find_faces(self, task: Task, cancelled: Callable[[], bool] = not_cancelled) -> PhotoState:
        """Read a photo and find its faces; an unusable one gets its problem."""
        watch = Stopwatch()
        try:
            source = source_of(task.photo, self._reader)
            analysis, _ = first_step(source, self._request.settings, self._detector, cancelled)
        except Exception as error:
            return PhotoState(task, problem=problem_of(error), seconds=watch.elapsed)
        height, width = analysis.photo.pixels.shape[:2]
        analysis = replace(analysis, photo=replace(analysis.photo, pixels=NO_PIXELS))
        return PhotoState(task, analysis, (width, height), seconds=watch.elapsed)

    def predict(self, photos: Sequence[PhotoState]) -> list[PhotoState]:
        """Judge all faces of several photos in one pass of the network; the order stays."""
        watch = Stopwatch()
        waiting = [state.analysis for state in photos if state.analysis is not None and not state.analysis.complete]
        if not waiting:
            return list(photos)
        try:
            judged = iter(predict(waiting, self._detector))
        except Exception as error:
            if len(photos) == 1:
                return [replace(photos[0], analysis=None, problem=problem_of(error))]
            return [alone for state in photos for alone in self.predict([state])]  # the others must not suffer
        share = watch.elapsed / len(waiting)
        return [
            state
            if state.analysis is None or state.analysis.complete
            else replace(state, analysis=next(judged), seconds=state.seconds + share)
            for state in photos
        ]

    def to_row(self, state: PhotoState, cancelled: Callable[[], bool] = not_cancelled) -> dict[str, Any] | None:
        """The photo's row, with the maps that were requested; None if it was cancelled."""
        with use_language(self._request.language):
            watch, name, number = Stopwatch(), state.task.photo.name, state.task.number
            if state.analysis is None:
                return record(Row(number, name, problem=state.problem, seconds=state.seconds), *self._where(state), [])
            try:
                row = row_of(self._finished(state.analysis, ()), number, name, state.seconds)
                explained = None
                if self._request.methods and row.suspect is not None:
                    explained = self._finished(
                        _turned_to(state.analysis, row.suspect), self._request.methods, cancelled
                    )
            except Exception as error:
                return record(Row(number, name, problem=problem_of(error)), *self._where(state), [])
            if explained is not None and not explained.complete:
                return None
            row = replace(row, seconds=row.seconds + watch.elapsed)
            return record(row, *self._where(state), [] if explained is None else map_records(explained))

    def _finished(
        self, analysis: Analysis, methods: tuple[str, ...], cancelled: Callable[[], bool] = not_cancelled
    ) -> Analysis:
        """The last analysis with these maps."""
        if analysis.complete:
            return analysis
        analysis = replace(analysis, settings=replace(analysis.settings, methods=methods))
        *_, last = later_steps(analysis, self._detector, cancelled, known=analysis)
        return last

    @staticmethod
    def _where(state: PhotoState) -> tuple[str, tuple[int, int]]:
        return state.task.photo.place, state.size


def _turned_to(analysis: Analysis, face: int) -> Analysis:
    """The analysis of another of the photo's faces."""
    if not analysis.faces:
        return analysis
    settings = replace(analysis.settings, face=face)
    return replace(analysis, settings=settings, chosen=analysis.faces[face], prediction=analysis.predictions[face])
