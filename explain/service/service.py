"""What every way into the product shares: the models, the queue, the photos kept, and the road itself."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from importlib.metadata import version
from os import PathLike
from typing import Any, TypeVar

from explain.analysis import Analysis
from explain.cancel import never
from explain.service.example_cache import Memory
from explain.service.queue import Turns
from explain.service.uploads import Uploads
from explain.settings import Settings
from model.artifact.versions import library_versions
from model.available import Models
from model.detector.detector import Detector
from model.errors import ArtifactError

Source = bytes | str | PathLike[str]
Step = TypeVar("Step")
BUSY_VISITORS = 4  # analyses at the same time; the rest wait their turn
SEATS = 16  # runs of the page that have begun: who is not served yet is told that they wait


class Doors:
    """Takes photos from every door along one road.

    Args:
        models: to choose from.
        uploads: keeps each photo that could be read, where asked for.
        turns: bounds how many analyses run at once.
    """

    def __init__(self, models: Models, uploads: Uploads | None = None, turns: Turns | None = None) -> None:
        self.models = models
        self.turns = turns or Turns(BUSY_VISITORS)
        self.memory = Memory()
        self._uploads = uploads or Uploads()
        self._opened = time.monotonic()

    def analyze(
        self,
        source: Source,
        settings: Settings,
        detector: Detector,
        cancelled: Callable[[], bool] = never,
        *,
        visitor: str | None = None,
        patient: bool = False,
    ) -> Iterator[Analysis]:
        """As ``explain.analysis.analyze``, once it is this photo's turn.

        Args:
            source: a file's bytes or path.
            settings: see ``Settings``.
            detector: the model to ask.
            cancelled: once true, no further analysis comes.
            visitor: who asks, where the same photo may be asked about again and again.
            patient: see ``Turns.each``.

        Raises:
            Busy: if too many wait already.
            PhotoError: if the source is no usable photo.
            SettingsError: if ``settings`` names a face or a region that is not there.
        """
        steps = self.turns.each(self.memory.analyze(source, settings, detector, cancelled), cancelled, patient)
        for number, analysis in enumerate(steps):
            if number == 0:  # from here on it is known to be a photo
                self._uploads.keep(source, visitor)
            yield analysis

    def list_models(self) -> list[dict[str, Any]]:
        """The models that may be chosen, the first one first; of those never used only the name is known."""
        return [
            {"name": name, "first": name == self.models.first, "open": self.models.is_open(name), **self._facts(name)}
            for name in self.models.names
        ]

    def _facts(self, name: str) -> dict[str, Any]:
        unknown = ("architecture", "calibrated", "inconclusive_band", "sha256", "licence", "problem")
        facts: dict[str, Any] = dict.fromkeys(unknown)
        if not self.models.is_open(name):  # to open a large one may take minutes
            return facts
        try:
            card = self.models.get(name).card
        except ArtifactError as error:
            return {**facts, "problem": str(error)}
        return {
            **facts,
            "architecture": card.architecture,
            "calibrated": card.temperature is not None,
            "inconclusive_band": list(card.inconclusive_band),
            "sha256": dict(card.sha256),
            "licence": card.licence,
        }

    def health(self) -> dict[str, Any]:
        """Whether the server answers, since when, with what, and how much it has to do."""
        return {
            "status": "ok",
            "uptime_seconds": round(time.monotonic() - self._opened, 1),
            "models_open": [name for name in self.models.names if self.models.is_open(name)],
            "running": self.turns.running,
            "waiting": self.turns.waiting,
            "versions": {"gradio": version("gradio"), **library_versions()},
        }


def last(steps: Iterator[Step]) -> Step | None:
    """The last of the steps; None where there are none."""
    latest = deque(steps, 1)
    return latest[0] if latest else None
