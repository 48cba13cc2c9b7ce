"""Judges many photos one after the other, telling after each what is known; no photo stops the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from explain.analysis import MOST_JUDGED, Analysis, analyze
from explain.batch.photos import Item, Reader, Source, find
from explain.cancel import never
from explain.settings import Settings, SettingsError
from model.detector.detector import Detector
from model.errors import PhotoError
from model.i18n.catalogue import Said

log = logging.getLogger(__name__)
# Nothing but the verdict. It needs no regions, and those of the face are cut twenty times as fast as superpixels.
VERDICT_ALONE = Settings(methods=(), robustness=False, segmentation="facial")
WHOLE_PICTURE = Settings(methods=(), robustness=False, whole_picture=True)  # where there may be no face to cut
Road = Callable[[Path | bytes, Settings, Detector, Callable[[], bool]], Iterator[Analysis]]


@dataclass(frozen=True)
class FaceVerdict:
    """What the model says of one face."""

    p_fake: float
    verdict: str


@dataclass(frozen=True)
class Row:
    """What is known of one photo.

    Attributes:
        number: counted from 1, in the order in which the photos were found.
        name: the file's, with its place in the folder or ZIP that was given.
        found: faces found.
        faces: those judged, the largest first; where none was found, the whole picture if that was asked for.
        notes: what to know of the photo, a sentence each.
        problem: why it could not be judged, in one sentence; None where it could.
        seconds: spent on it.
        sha256: hex digest of the file; empty where it could not be read.
        item: where it lies, see ``open_row``.
    """

    number: int
    name: str
    found: int = 0
    faces: tuple[FaceVerdict, ...] = ()
    notes: tuple[Said, ...] = ()
    problem: Said | None = None
    seconds: float = 0.0
    sha256: str = ""
    item: Item | None = field(default=None, compare=False, repr=False)

    @property
    def suspect(self) -> int | None:
        """Place of the most suspicious one in ``faces``; None where there is none."""
        if not self.faces:
            return None
        return max(range(len(self.faces)), key=lambda place: self.faces[place].p_fake)

    @property
    def p_fake(self) -> float | None:
        """P(Fake) of the most suspicious face; None without one."""
        return None if self.suspect is None else self.faces[self.suspect].p_fake

    @property
    def verdict(self) -> str | None:
        """``Fake``, ``Real`` or ``Inconclusive``, of the most suspicious face; None without one."""
        return None if self.suspect is None else self.faces[self.suspect].verdict


@dataclass(frozen=True)
class Progress:
    """How far it came.

    Attributes:
        rows: of the photos that are done.
        planned: photos in all.
        passed_over: other files in folders and ZIPs.
        complete: nothing more will come.
    """

    rows: tuple[Row, ...]
    planned: int
    passed_over: int
    complete: bool = False

    @property
    def done(self) -> int:
        """How many photos are done."""
        return len(self.rows)


def judge_many(
    sources: Iterable[Source],
    detector: Detector,
    cancelled: Callable[[], bool] = never,
    whole_picture: bool = False,
    shown: Callable[[Path], str] | None = None,
    road: Road = analyze,
) -> Iterator[Progress]:
    """Judge every face in many photos, without maps; yields once the photos are found, then after each of them.

    A photo that can't be used becomes a row with a sentence; so does what is wrong with a folder or a ZIP.

    Args:
        sources: paths of photos, folders and ZIPs, see ``explain.batch.photos.find``.
        detector: the model to ask.
        cancelled: asked between photos and while one is judged; once true, nothing more comes.
        whole_picture: judge the central square of a photo that shows no face.
        shown: what to call a path that was given; its last part by default.
        road: ``explain.analysis.analyze``, or what a server puts before it to bound how many run at once.
    """
    found = find(sources, shown)
    settings = WHOLE_PICTURE if whole_picture else VERDICT_ALONE
    rows: tuple[Row, ...] = ()
    yield Progress(rows, len(found.items), found.passed_over, not found.items)
    with Reader() as reader:
        for number, item in enumerate(found.items, 1):
            if cancelled():
                return
            row = _row(number, item, reader, settings, detector, cancelled, road)
            if row is None:
                return
            rows = (*rows, row)
            yield Progress(rows, len(found.items), found.passed_over, number == len(found.items))


def open_row(row: Row) -> Path | bytes:
    """The photo of a row again, as ``analyze`` takes it.

    Raises:
        PhotoError: if it could not be read, or can't any more.
    """
    if row.item is None:
        raise PhotoError(Said("photo.missing"))
    with Reader() as reader:
        return reader.read(row.item)


def _row(
    number: int,
    item: Item,
    reader: Reader,
    settings: Settings,
    detector: Detector,
    cancelled: Callable[[], bool],
    road: Road,
) -> Row | None:
    """One photo's row; None where it was cancelled before its end."""
    began = time.perf_counter()
    try:
        steps = _judged(reader.read(item), settings, detector, cancelled, road)
        if not steps:  # cancelled before its turn came
            return None
        analysis = steps[-1]
    except (PhotoError, SettingsError) as error:
        return Row(number, item.name, problem=error.args[0], seconds=time.perf_counter() - began, item=item)
    except Exception:
        log.exception("A photo among many could not be judged.")
        return Row(number, item.name, problem=Said("many.failed"), seconds=time.perf_counter() - began, item=item)
    if not analysis.complete:
        return None
    return Row(
        number,
        item.name,
        found=len(analysis.faces),
        faces=_faces(analysis),
        notes=_notes(analysis),
        seconds=time.perf_counter() - began,
        sha256=analysis.photo.sha256,
        item=item,
    )


def _judged(
    photo: Path | bytes, settings: Settings, detector: Detector, cancelled: Callable[[], bool], road: Road
) -> list[Analysis]:
    """The steps of one photo's analysis."""
    try:
        return list(road(photo, settings, detector, cancelled))
    except SettingsError:
        if settings.segmentation == Settings.segmentation:
            raise
        # Facial regions are the quickest to cut, but a face seen from the side may have none.
        return list(road(photo, replace(settings, segmentation=Settings.segmentation), detector, cancelled))


def _faces(analysis: Analysis) -> tuple[FaceVerdict, ...]:
    whole = () if analysis.prediction is None else (analysis.prediction,)
    return tuple(FaceVerdict(one.probabilities["Fake"], one.verdict) for one in analysis.predictions or whole)


def _notes(analysis: Analysis) -> tuple[Said, ...]:
    notes = analysis.photo.notes
    if not analysis.faces and analysis.prediction is not None:
        notes += (Said("first.whole_picture"),)
    if len(analysis.faces) > MOST_JUDGED:
        notes += (Said("many.most_judged", most=MOST_JUDGED),)
    return notes
