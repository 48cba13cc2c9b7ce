"""A finished job in figures and as a page: how verdicts are distributed, and the strangest photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from explain.batch.photos import Reader
from explain.batch.thumbnail import thumbnail
from explain.bulk.job import JobFolder, Plan
from explain.bulk.storage import source_of
from explain.bulk.task import Found, Task
from explain.html.bulk import Case, summary_page
from model.detector.detector import VERDICTS
from model.errors import UserError
from model.i18n.catalogue import number, translate
from model.photos.photo import open_photo

BINS = 20  # of the histogram of P(Fake)
MOST_FACES = 5  # photos with more are counted with these
CASES = 8  # photos of each kind
READ = ["number", "photo", "faces", "p_fake", "verdict", "by_face", "problem", "problem_key"]
NO_FACE, NOT_JUDGED = "no_face", "not_judged"


@dataclass
class Figures:
    """What a job found.

    Attributes:
        photos: number of photos.
        verdicts: number by verdict, ``no_face`` or ``not_judged``.
        histogram: number of photos by P(Fake) of their most suspicious face, ``(BINS,)``.
        faces: number of photos by number of faces, ``(MOST_FACES + 1,)``; those that could not be judged do not count.
        problems: by key, number of photos and the sentence of the first one.
        strangest: by kind, the photos with the highest score.
    """

    photos: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    histogram: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    faces: NDArray[np.int64] = field(default_factory=lambda: np.zeros(MOST_FACES + 1, np.int64))
    problems: dict[str, tuple[int, str]] = field(default_factory=dict)
    strangest: dict[str, list[tuple[float, int, dict[str, Any]]]] = field(default_factory=dict)

    def add(self, table: pa.Table, middle: float) -> None:
        """Count the rows of a part; ``middle`` is that of the inconclusive band."""
        rows = table.to_pylist()
        self.photos += len(rows)
        for row in rows:
            self._count(row)
        judged = [row for row in rows if row["p_fake"] is not None]
        self._rank("fake", judged, lambda row: row["p_fake"])
        self._rank("undecided", judged, lambda row: -abs(row["p_fake"] - middle))
        self._rank("apart", [row for row in judged if len(row["by_face"]) > 1], _gap)

    def rows(self) -> list[tuple[str, int]]:
        """Names of the verdicts and number of photos, without those that do not occur."""
        names = {verdict: translate(f"verdict.{verdict}") for verdict in VERDICTS}
        names |= {NO_FACE: translate("many.no_face"), NOT_JUDGED: translate("many.not_judged")}
        return [(name, self.verdicts[key]) for key, name in names.items() if self.verdicts[key]]

    def sentence(self) -> str:
        """Number of photos by verdict, in one sentence."""
        shares = ", ".join(translate("many.share", verdict=name, count=count) for name, count in self.rows())
        done = translate("many.done", done=self.photos, count=self.photos)
        return f"{translate('many.summary', done=done, shares=shares)}."

    def _count(self, row: dict[str, Any]) -> None:
        if row["problem"] is not None:
            count, sentence = self.problems.get(row["problem_key"], (0, row["problem"]))
            self.problems[row["problem_key"]] = (count + 1, sentence)
            self.verdicts[NOT_JUDGED] += 1
            return
        self.verdicts[row["verdict"] or NO_FACE] += 1
        self.faces[min(row["faces"], MOST_FACES)] += 1
        if row["p_fake"] is not None:
            self.histogram[min(int(row["p_fake"] * BINS), BINS - 1)] += 1

    def _rank(self, kind: str, rows: Iterable[dict[str, Any]], score: Any) -> None:
        scored = [(score(row), -row["number"], row) for row in rows]
        before = self.strangest.get(kind, [])
        self.strangest[kind] = nlargest(CASES, [*before, *scored], key=lambda ranked: ranked[:2])


def figures_of(folder: JobFolder, plan: Plan, band: tuple[float, float]) -> Figures:
    """The figures of the parts that are done; it holds one part in memory at a time."""
    figures = Figures()
    for table in folder.batches(plan, READ):
        figures.add(table, sum(band) / 2)
    return figures


def write_summary(folder: JobFolder, plan: Plan, band: tuple[float, float]) -> tuple[Figures, str]:
    """Write the page beside the job's folder.

    Returns:
        The figures, and where the page is.
    """
    figures = figures_of(folder, plan, band)
    tasks = _tasks(folder, plan, figures)
    with Reader() as reader:
        cases = {
            kind: [_case(row, _picture(tasks[row["number"]].photo, reader)) for _, _, row in ranked]
            for kind, ranked in figures.strangest.items()
            if ranked
        }
    page = summary_page(
        rows=[(name, number(count, ","), number(count / figures.photos, ".1%")) for name, count in figures.rows()],
        histogram=figures.histogram.tolist(),
        faces=figures.faces.tolist(),
        band=band,
        problems=[(sentence, number(count, ",")) for count, sentence in figures.problems.values()],
        cases=cases,
        request=plan.request,
        photos=figures.photos,
        passed_over=plan.passed_over,
    )
    return figures, folder.write_beside(page, ".html")


def _gap(row: dict[str, Any]) -> float:
    """The largest difference between P(Fake) of the faces of a photo."""
    values = [face["p_fake"] for face in row["by_face"]]
    return float(max(values) - min(values))


def _tasks(folder: JobFolder, plan: Plan, figures: Figures) -> dict[int, Task]:
    wanted = {row["number"] for ranked in figures.strangest.values() for _, _, row in ranked}
    parts = sorted({(place - 1) // plan.size for place in wanted})
    return {task.number: task for part in parts for task in folder.tasks(plan, part) if task.number in wanted}


def _case(row: dict[str, Any], picture: bytes) -> Case:
    return Case(row["photo"], tuple(face["p_fake"] for face in row["by_face"]), row["verdict"], picture)


def _picture(photo: Found, reader: Reader) -> bytes:
    """A small picture; empty if the photo is no longer there."""
    try:
        return thumbnail(open_photo(source_of(photo, reader)).pixels)
    except UserError:
        return b""
