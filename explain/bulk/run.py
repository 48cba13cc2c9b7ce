"""Runs a bulk job: makes its plan or continues it, and writes each part when its photos are done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from explain.bulk.job import JobFolder, Plan
from explain.bulk.sources import found_in
from explain.bulk.stages import Request, Stages
from explain.bulk.storage import is_url
from explain.bulk.task import Task
from explain.cancel import not_cancelled
from model.detector.detector import Detector
from model.errors import SettingsError
from model.i18n.catalogue import Message

AT_ONCE = 16  # photos; their faces go through the network together


class Work(Protocol):
    """Yields the row of every photo of some parts, in any order; fewer if it is cancelled."""

    def __call__(
        self, folder: JobFolder, plan: Plan, request: Request, parts: Sequence[int]
    ) -> Iterator[dict[str, Any]]:
        """See ``in_process``."""


@dataclass(frozen=True)
class Progress:
    """Number of photos that have their row, and of all photos."""

    done: int
    planned: int


def opened(source: str, out: str, request: Request, detector: Detector, size: int) -> tuple[JobFolder, Plan]:
    """A job's folder with its plan, of an earlier run or a new one.

    Args:
        source: see ``explain.bulk.sources.found_in``.
        out: the folder, see ``JobFolder``.
        request: see ``Request``.
        detector: its model.
        size: photos of a part.

    Raises:
        SettingsError: if the folder holds another job, or the source can't be read.
    """
    folder = JobFolder(out)
    wanted = _as_data(source, request, detector)
    plan = folder.plan()
    if plan is None:
        return folder, folder.make_plan(found_in(source), size, wanted)
    others = sorted(name for name in wanted if plan.request.get(name) != wanted[name])
    if others:
        raise SettingsError(Message("bulk.other_job", place=out, names=", ".join(others)))
    return folder, plan


def run(folder: JobFolder, plan: Plan, request: Request, work: Work) -> Iterator[Progress]:
    """Do the parts that are missing; yields at first and after each photo. No photo gets two rows."""
    missing = list(folder.missing(plan))
    done = plan.photos - sum(map(plan.photos_of, missing))
    yield Progress(done, plan.photos)
    open_parts: dict[int, dict[int, dict[str, Any]]] = {}
    waiting = set(missing)
    for row in work(folder, plan, request, missing):
        part = (row["number"] - 1) // plan.size
        rows = open_parts.setdefault(part, {}) if part in waiting else {row["number"]: row}
        if row["number"] in rows:  # an engine that lost a worker may do a photo again
            continue
        rows[row["number"]] = row
        if len(rows) == plan.photos_of(part):
            folder.write(plan, part, list(rows.values()))
            waiting.remove(part)
            del open_parts[part]
        done += 1
        yield Progress(done, plan.photos)


def in_process(
    detector: Detector | None = None, cancelled: Callable[[], bool] = not_cancelled, at_once: int = AT_ONCE
) -> Work:
    """The engine that needs no other package: one photo after the other in this process.

    Args:
        detector: the model, opened before.
        cancelled: called between and within photos; once it is true, no further row comes.
        at_once: number of photos; their faces go through the network together.
    """

    def work(folder: JobFolder, plan: Plan, request: Request, parts: Sequence[int]) -> Iterator[dict[str, Any]]:
        stages = Stages(request, detector)
        for part in parts:
            source: Iterator[Task] = iter(folder.tasks(plan, part))
            while tasks := list(islice(source, at_once)):
                state = [] if cancelled() else [stages.find_faces(task, cancelled) for task in tasks]
                if cancelled():
                    return
                for photo in stages.predict(state):
                    row = stages.to_row(photo, cancelled)
                    if row is None:
                        return
                    yield row

    return work


def _as_data(source: str, request: Request, detector: Detector) -> dict[str, Any]:
    """The part of the request that decides the result: runs that differ in it are different jobs."""
    data = asdict(request)
    del data["folder"], data["language"]  # the same model may lie elsewhere
    place = source if is_url(source) else str(Path(source).absolute())
    parts = {part.name: part.weight for part in detector.card.parts}
    model = {"sha256": dict(detector.card.sha256), **({"parts": parts} if parts else {})}
    return {**data, "methods": list(request.methods), "input": place, **model}
