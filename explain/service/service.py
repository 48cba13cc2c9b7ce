"""Shared by all interfaces: models, queue, example cache, kept uploads, and the analysis itself."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from os import PathLike
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from explain.cancel import not_cancelled
from explain.maps.registry import MAIN_MAP
from explain.result import Analysis
from explain.service.example_cache import ExampleCache
from explain.service.metrics import GAUGES, Metrics
from explain.service.process import give_back
from explain.service.queue import LOOK_S, AnalysisQueue, Busy, Urgency
from explain.service.uploads import Uploads
from explain.settings import Settings
from explain.video.judge import judge_clip
from explain.video.result import Clip
from model.artifact.versions import library_versions, versions_of
from model.available import Models
from model.clips.clip import ON_A_SERVER
from model.detector.detector import Detector
from model.errors import UserError
from model.i18n.catalogue import Message

Source = bytes | str | PathLike[str]
SourceOrFrame = Source | NDArray[np.uint8]
Step = TypeVar("Step")
Result = TypeVar("Result")
STEPS_AT_ONCE = 2  # a network uses all cores; the second step keeps them busy while the first one is in Python
MAX_OPEN_RUNS = 64  # of the page; they take turns
MOST_VISITORS = 10_000  # whose clients are known
MAX_CLIPS = 2  # that are decoded at the same time, each with up to 0.8 GB
MAX_OPEN_BATCHES = 4  # runs over many photos; each photo also takes its turns


class Service:
    """Analyses photos for all interfaces.

    Args:
        models: the available ones.
        uploads: keeps each photo that could be read, if it has a folder.
        queue: shares the processor among all analyses.
    """

    def __init__(self, models: Models, uploads: Uploads | None = None, queue: AnalysisQueue | None = None) -> None:
        self.models = models
        self.queue = queue or AnalysisQueue(STEPS_AT_ONCE)
        self.example_cache = ExampleCache()
        self.metrics = Metrics()
        self._uploads = uploads or Uploads()
        self._opened = time.monotonic()
        self._clips = threading.BoundedSemaphore(MAX_CLIPS)
        self._clients: dict[str, str] = {}  # by visitor, the earliest one first

    def analyze(
        self,
        source: SourceOrFrame,
        settings: Settings,
        detector: Detector,
        cancelled: Callable[[], bool] = not_cancelled,
        *,
        visitor: str | None = None,
        wait: bool = False,
        known: Analysis | None = None,
        client: str | None = None,
        among_many: bool = False,
    ) -> Iterator[Analysis]:
        """Like ``explain.analysis.analyze``, each step in its turn: verdicts first, then each one's first map.

        Args:
            source: a file's bytes or path, or a frame of a clip, ``(H, W, 3) uint8``, which is never kept.
            settings: see ``Settings``.
            detector: the model.
            cancelled: once it is true, no further analysis comes.
            visitor: name of a visitor who may analyse the same photo several times.
            wait: see ``AnalysisQueue.each``.
            known: an earlier analysis whose results may be taken over, see ``explain.analysis.analyze``.
            client: see ``AnalysisQueue.each``; by default that of the visitor, see ``came_from``.
            among_many: the photo is one of many, whose verdicts can wait for those of single photos.

        Raises:
            Busy: if too many analyses are open already.
            PhotoError: if the source is not a usable photo.
            SettingsError: if ``settings`` names a missing face or region.
        """
        urgency = _of_many if among_many else _urgency
        client = client or self._clients.get((visitor or "").partition("/")[0])
        steps = self.example_cache.analyze(source, settings, detector, cancelled, known)
        analysis = None
        try:
            for number, analysis in enumerate(self.queue.each(steps, cancelled, wait, urgency, client)):
                if number == 0 and not isinstance(source, np.ndarray):  # now it is known to be a photo
                    self._uploads.keep(source, visitor)
                yield analysis
        except Exception as error:
            self.metrics.add("whyfake_refusals_total", type(error).__name__)
            raise
        finally:
            if analysis is not None:
                self.metrics.add_analysis(analysis)
            give_back()

    def judge_clip(
        self,
        source: Source,
        detector: Detector,
        count: int,
        cancelled: Callable[[], bool] = not_cancelled,
        *,
        visitor: str | None = None,
        wait: bool = False,
        client: str | None = None,
        whole_picture: bool = False,
    ) -> Iterator[Clip]:
        """Like ``explain.video.judge.judge_clip``, each frame in its turn, as those of many photos.

        Args:
            source: a file's bytes or path.
            detector: the model.
            count: number of even times.
            cancelled: once it is true, no further result comes.
            visitor: name of the visitor.
            wait: wait for as long as ``MAX_CLIPS`` others are judged.
            client: see ``analyze``.
            whole_picture: see ``explain.video.judge.judge_clip``.

        Raises:
            Busy: if so many others are judged, or too many analyses are open already.
            ClipError: if the clip can't be used, or exceeds the limits of a server.
            SettingsError: if ``count`` is out of range.
        """
        with self._place_for_a_clip(wait, cancelled) as granted:
            if granted:
                client = client or self._clients.get((visitor or "").partition("/")[0])
                analyze = partial(self.analyze, wait=True, client=client, among_many=True)
                yield from judge_clip(source, detector, count, ON_A_SERVER, cancelled, whole_picture, analyze)

    @contextmanager
    def _place_for_a_clip(self, wait: bool, cancelled: Callable[[], bool]) -> Iterator[bool]:
        """One of the places for clips; false if cancelled before one was free."""
        while not self._clips.acquire(timeout=LOOK_S):
            if not wait:
                raise Busy(Message("interfaces.busy"))
            if cancelled() or self.queue.closed:
                yield False
                return
        try:
            yield True
        finally:
            self._clips.release()

    def came_from(self, visitor: str, client: str) -> None:
        """Note the client, such as an address, from which a visitor of the page comes."""
        self._clients[visitor] = client
        if len(self._clients) > MOST_VISITORS:
            self._clients.pop(next(iter(self._clients)), None)

    def in_turn(self, before: Analysis | None, work: Callable[..., Result], *given: Any) -> Result:
        """Do some work on a step that was made, such as drawing it, before further steps of anybody are made.

        Args:
            before: the step before that one.
            work: what to do.
            given: its arguments.
        """
        with self.queue.turn(_urgency(before)):  # at the end of the server there are no turns, and it is still drawn
            return work(*given)

    def list_models(self) -> list[dict[str, Any]]:
        """The available models, the default one first; unused ones have only a name."""
        return [
            {"name": name, "first": name == self.models.first, "open": self.models.is_open(name), **self._facts(name)}
            for name in self.models.names
        ]

    def _facts(self, name: str) -> dict[str, Any]:
        unknown = ("architecture", "calibrated", "inconclusive_band", "sha256", "licence", "problem")
        facts: dict[str, Any] = dict.fromkeys(unknown)
        if not self.models.is_open(name):  # opening a large model may take minutes
            return facts
        try:
            card = self.models.get(name).card
        except UserError as error:
            return {**facts, "problem": str(error)}
        return {
            **facts,
            "architecture": card.architecture,
            "calibrated": card.temperature is not None,
            "inconclusive_band": list(card.inconclusive_band),
            "sha256": dict(card.sha256),
            "licence": card.licence,
        }

    def ready(self) -> bool:
        """Whether photos can be judged: the first model is open, its files are there, and the server does not end."""
        first = self.models.first
        return not self.queue.closed and self.models.is_open(first) and self.models.get(first).has_files

    def gauges(self) -> dict[str, float]:
        """The current values of the gauges of ``Metrics``."""
        queue = self.queue
        values = queue.running, queue.waiting, queue.ahead()
        return dict(zip(GAUGES, map(float, values), strict=True))

    def health(self) -> dict[str, Any]:
        """The server's state: uptime, open models, running and waiting analyses, versions."""
        return {
            "status": "ok",
            "uptime_seconds": round(time.monotonic() - self._opened, 1),
            "models_open": [name for name in self.models.names if self.models.is_open(name)],
            "running": self.queue.running,
            "waiting": self.queue.waiting,
            "versions": {**versions_of(("gradio",)), **library_versions()},
        }


def _urgency(latest: Analysis | None) -> Urgency:
    """How urgent the step after this one is."""
    if latest is None or latest.prediction is None:
        return Urgency.VERDICT
    has_first_map = MAIN_MAP in latest.attributions or MAIN_MAP not in latest.settings.methods
    return Urgency.REST if has_first_map else Urgency.FIRST_MAP


def _of_many(latest: Analysis | None) -> Urgency:
    return Urgency.FIRST_MAP


def last(steps: Iterator[Step]) -> Step | None:
    """The last of the steps; None without steps."""
    latest = deque(steps, 1)
    return latest[0] if latest else None
