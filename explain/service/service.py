"""Shared by all interfaces: models, queue, example cache, kept uploads, and the analysis itself."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial
from os import PathLike
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from explain.analysis import analyze
from explain.cancel import not_cancelled
from explain.comparison import Second, settings_of_second
from explain.maps.registry import MAIN_MAP
from explain.provenance.apart import expect_files
from explain.result import Analysis
from explain.service.example_cache import ExampleCache
from explain.service.metrics import GAUGES, Metrics
from explain.service.process import give_back
from explain.service.queue import AnalysisQueue, Busy, Urgency
from explain.service.uploads import Uploads
from explain.settings import Settings
from explain.video.judge import judge_clip
from explain.video.places import Places
from explain.video.result import Clip
from model.artifact.versions import library_versions, versions_of
from model.available import Models
from model.clips.clip import ON_A_SERVER
from model.detector.detector import Detector
from model.errors import SettingsError, UserError
from model.i18n.catalogue import Message
from model.photos.worker import expect_photos

Source = bytes | str | PathLike[str]
SourceOrFrame = Source | NDArray[np.uint8]
Step = TypeVar("Step")
Result = TypeVar("Result")
# The address from which a request comes, if an interface sets it here instead of passing it on.
CLIENT: ContextVar[str | None] = ContextVar("CLIENT", default=None)
STEPS_AT_ONCE = 2  # a network uses all cores; the second step keeps them busy while the first one is in Python
MAX_OPEN_RUNS = 64  # of the page; they take turns
MOST_VISITORS = 10_000  # with a known client
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
        self.places = Places()
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
        urgency: Urgency | None = None,
    ) -> Iterator[Analysis]:
        """Like ``explain.analysis.analyze``, each step in its turn: verdicts first, then each one's first map.

        Args:
            source: a file's bytes or path, or a frame of a clip, ``(H, W, 3) uint8``, which is never kept.
            settings: see ``Settings``.
            detector: the model.
            cancelled: once it is true, no further analysis comes.
            visitor: name of a visitor who may analyse the same photo several times.
            wait: see ``AnalysisQueue.each``.
            known: an earlier analysis; its results may be taken over, see ``explain.analysis.analyze``.
            client: see ``AnalysisQueue.each``; by default that of the visitor, see ``came_from``, or ``CLIENT``.
            urgency: of every step; None for a single photo: verdict, first map, then the rest.

        Raises:
            Busy: if too many analyses are open already.
            PhotoError: if the source is not a usable photo.
            SettingsError: if ``settings`` names a missing face or region.
        """
        urgency_of = _urgency if urgency is None else lambda _: urgency
        client = client or self._client_of(visitor) or CLIENT.get()
        run = self.example_cache.analyze if detector.shared else analyze
        steps = run(source, settings, detector, cancelled, known)
        analysis = None
        try:
            for number, analysis in enumerate(self.queue.each(steps, cancelled, wait, urgency_of, client)):
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
        """Like ``explain.video.judge.judge_clip``, each frame in its turn, as those of many photos; see ``analyze``.

        Args:
            wait: wait for a place; the limits are those of a server.

        Raises:
            Busy: if there is no place, or too many analyses are open already.
            ClipError, SettingsError: see ``explain.video.judge.judge_clip``.
        """
        client = client or self._client_of(visitor)
        analyze_frame = partial(self.analyze, wait=True, client=client, urgency=Urgency.FIRST_MAP)
        with self.places.take(wait, lambda: cancelled() or self.queue.closed) as taken:
            if not taken and not cancelled():
                raise Busy(Message("interfaces.busy"))
            if taken:
                yield from judge_clip(source, detector, count, ON_A_SERVER, cancelled, whole_picture, analyze_frame)

    def both(
        self,
        source: Source,
        settings: Settings,
        detector: Detector,
        second: Detector | None = None,
        client: str | None = None,
    ) -> Iterator[tuple[Analysis, Second | None]]:
        """The steps of an analysis; then, if there is a second model, that analysis with each step of the second one's.

        Args:
            source: a file's bytes or path.
            settings: see ``Settings``; the second model explains the class that the first one explains.
            detector: the model.
            second: another model, or None.
            client: see ``analyze``.

        Raises:
            Busy, PhotoError, SettingsError: see ``analyze``.
        """
        first = None
        for first in self.analyze(source, settings, detector, client=client):
            yield first, None
        if second is None or first is None or not first.complete:
            return
        settings = settings_of_second(first, settings)
        for step in self.analyze(source, settings, second, client=client, urgency=Urgency.REST):
            yield first, Second.of(first, step, second.card)

    def detectors(self, model: str | None, second: str | None) -> tuple[Detector, Detector | None]:
        """The model of that name, the first one for none, and a second one, if it is named.

        Raises:
            ArtifactError: if there is no such model, or it can't be used.
            SettingsError: if both are the same.
        """
        first = self.models.get(model or self.models.first)
        if not second:
            return first, None
        check_other(first.name, second)
        return first, self.models.get(second)

    def prepare(self) -> None:
        """Start the processes that read files, so that the first visitor does not wait for them."""
        expect_photos()
        expect_files()

    def came_from(self, visitor: str, client: str) -> None:
        """Note the client, such as an address, from which a visitor of the page comes."""
        self._clients[visitor] = client
        if len(self._clients) > MOST_VISITORS:
            self._clients.pop(next(iter(self._clients)), None)

    def _client_of(self, visitor: str | None) -> str | None:
        """The client of a visitor; the name may have the suffix of a run, such as ``/many``."""
        return self._clients.get((visitor or "").partition("/")[0])

    def in_turn(self, before: Analysis | None, work: Callable[..., Result], *given: Any) -> Result:
        """Do some work on a finished step, such as drawing it, in a turn of the queue.

        Args:
            before: the step before that one.
            work: what to do.
            given: its arguments.
        """
        with self.queue.turn(_urgency(before)):  # without a turn at the end of the server
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


def check_other(first: str, second: str) -> None:
    """Check that a second model is another one.

    Raises:
        SettingsError: if not.
    """
    if first == second:
        raise SettingsError(Message("second.same_model", model=second))


def _urgency(latest: Analysis | None) -> Urgency:
    """How urgent the step after this one is."""
    if latest is None or latest.prediction is None:
        return Urgency.VERDICT
    has_first_map = MAIN_MAP in latest.attributions or MAIN_MAP not in latest.settings.methods
    return Urgency.REST if has_first_map else Urgency.FIRST_MAP


def last(steps: Iterator[Step]) -> Step | None:
    """The last of the steps; None without steps."""
    latest = deque(steps, 1)
    return latest[0] if latest else None
