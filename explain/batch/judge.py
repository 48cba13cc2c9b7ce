"""Judges many photos and clips one after the other and yields after each; an unusable one does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from explain.analysis import analyze
from explain.batch.photos import Item, Reader, Source, find
from explain.batch.thumbnail import thumbnail
from explain.cancel import not_cancelled
from explain.result import MOST_JUDGED, Analysis, whole_picture_note
from explain.settings import VERDICT_ALONE, Settings
from explain.stopwatch import Stopwatch
from explain.video.judge import judge_clip
from explain.video.moment import photo_of
from explain.video.result import Clip
from model.clips.answers import Limits
from model.clips.clip import is_clip
from model.detector.detector import Detector
from model.errors import PhotoError, UserError
from model.i18n.catalogue import Message

log = logging.getLogger(__name__)
CLIP_FRAMES = 16  # of each clip; alone, a clip gets more
JudgeClip = Callable[..., Iterator[Clip]]
CLIP_OF_ANY_LENGTH = partial(judge_clip, count=CLIP_FRAMES, limits=Limits())
Analyze = Callable[[Path | bytes, Settings, Detector, Callable[[], bool]], Iterator[Analysis]]


@dataclass(frozen=True)
class FaceVerdict:
    """The model's verdict for one face."""

    p_fake: float
    verdict: str


@dataclass(frozen=True)
class Row:
    """The result for one photo.

    Attributes:
        number: from 1, in the order in which the photos were found.
        name: the file's name, with its path in the given folder or ZIP.
        found: number of faces found.
        faces: the judged ones, largest first; without a face the whole picture, if requested.
        notes: remarks on the photo, one sentence each.
        problem: why it could not be judged, in one sentence; None if it was judged.
        seconds: time spent on it.
        sha256: hex digest of the file; empty if it could not be read.
        item: where to read it again, see ``open_row``.
        thumbnail: a small JPEG of it; empty if it could not be read.
        moment: timestamp of a clip's most suspicious moment; None for a photo.
    """

    number: int
    name: str
    found: int = 0
    faces: tuple[FaceVerdict, ...] = ()
    notes: tuple[Message, ...] = ()
    problem: Message | None = None
    seconds: float = 0.0
    sha256: str = ""
    item: Item | None = field(default=None, compare=False, repr=False)
    thumbnail: bytes = field(default=b"", compare=False, repr=False)
    moment: int | None = None

    @property
    def suspect(self) -> int | None:
        """Index of the most suspicious face in ``faces``; None without one."""
        if not self.faces:
            return None
        return max(range(len(self.faces)), key=lambda place: self.faces[place].p_fake)

    @property
    def p_fake(self) -> float | None:
        """P(Fake) of the most suspicious face; None without a face."""
        return None if self.suspect is None else self.faces[self.suspect].p_fake

    @property
    def verdict(self) -> str | None:
        """Verdict on the most suspicious face, ``Fake``, ``Real`` or ``Inconclusive``; None without a face."""
        return None if self.suspect is None else self.faces[self.suspect].verdict


@dataclass(frozen=True)
class Progress:
    """The state of a run over many photos.

    Attributes:
        rows: one for each photo that is done.
        planned: number of photos in all.
        passed_over: number of other files in folders and ZIPs.
        complete: whether all photos are done.
    """

    rows: tuple[Row, ...]
    planned: int
    passed_over: int
    complete: bool = False

    @property
    def done(self) -> int:
        """Number of photos that are done."""
        return len(self.rows)


def judge_many(
    sources: Iterable[Source],
    detector: Detector,
    cancelled: Callable[[], bool] = not_cancelled,
    whole_picture: bool = False,
    shown: Callable[[Path], str] | None = None,
    analyze: Analyze = analyze,
    gathered: bool = False,
    judge_clip: JudgeClip = CLIP_OF_ANY_LENGTH,
) -> Iterator[Progress]:
    """Judge every face in many photos, without maps; yield once the photos are found, then after each photo.

    An unusable photo, folder or ZIP becomes a row with a sentence.

    Args:
        sources: paths of photos, folders and ZIPs, see ``explain.batch.photos.find``.
        detector: the model.
        cancelled: called between and during photos; once it is true, no further progress comes.
        whole_picture: judge the central square of a photo that shows no face.
        shown: the displayed name of a given path; its last part by default.
        analyze: ``explain.analysis.analyze``, or a server's function that limits how many run at the same time.
        gathered: see ``explain.batch.photos.find``.
        judge_clip: judges a clip; its row has these faces over time; called with ``source``, ``detector``,
            ``cancelled`` and ``whole_picture``.
    """
    found = find(sources, shown, gathered)
    settings = replace(VERDICT_ALONE, whole_picture=whole_picture)
    rows: tuple[Row, ...] = ()
    yield Progress(rows, len(found.items), found.passed_over, not found.items)
    with Reader() as reader:
        for number, item in enumerate(found.items, 1):
            if cancelled():
                return
            row = _row(number, item, reader, settings, detector, cancelled, analyze, judge_clip)
            if row is None:
                return
            rows = (*rows, row)
            yield Progress(rows, len(found.items), found.passed_over, number == len(found.items))


def open_row(row: Row) -> Path | bytes:
    """The photo of a row, for ``analyze``; of a clip its most suspicious moment.

    Raises:
        PhotoError: if it could not be read, or can't be read again.
        ClipError: if the clip can't be read again.
    """
    if row.item is None:
        raise PhotoError(Message("photo.missing"))
    with Reader() as reader:
        source = reader.read(row.item)
    return source if row.moment is None else photo_of(source, row.moment)


def _row(
    number: int,
    item: Item,
    reader: Reader,
    settings: Settings,
    detector: Detector,
    cancelled: Callable[[], bool],
    analyze: Analyze,
    judge_clip: JudgeClip,
) -> Row | None:
    """The row of a photo or a clip; None if it was cancelled before its end."""
    watch = Stopwatch()
    try:
        source = reader.read(item)
        if is_clip(source):
            clips = list(
                judge_clip(source=source, detector=detector, cancelled=cancelled, whole_picture=settings.whole_picture)
            )
            return _row_of_clip(number, item, clips[-1], watch) if clips and clips[-1].complete else None
        steps = list(analyze(source, settings, detector, cancelled))
    except Exception as error:
        return Row(number, item.name, problem=problem_of(error), seconds=watch.elapsed, item=item)
    if not steps or not steps[-1].complete:  # cancelled
        return None
    row = row_of(steps[-1], number, item.name, watch.elapsed)
    return replace(row, item=item, thumbnail=thumbnail(steps[-1].photo.pixels))


def row_of(analysis: Analysis, number: int, name: str, seconds: float) -> Row:
    """The row of a complete analysis."""
    return Row(
        number,
        name,
        found=len(analysis.faces),
        faces=_faces(analysis),
        notes=_notes(analysis),
        seconds=seconds,
        sha256=analysis.photo.sha256,
    )


def problem_of(error: Exception) -> Message:
    """The sentence that a photo's row gets for an error; an unexpected error is logged."""
    if isinstance(error, UserError):
        problem: Message = error.args[0]
        return problem
    log.error("A photo among many could not be judged.", exc_info=error)
    return Message("failed")


def _row_of_clip(number: int, item: Item, clip: Clip, watch: Stopwatch) -> Row:
    suspect = clip.suspect
    notes = (Message("clip.judged", count=len(clip.moments)), *clip.notes)
    return Row(
        number,
        item.name,
        found=len(clip.tracks),
        faces=tuple(FaceVerdict(track.estimate.mean, track.verdict) for track in clip.tracks),
        notes=notes if suspect is None else (*notes, Message("clip.not_calibrated")),
        seconds=watch.elapsed,
        sha256=clip.sha256,
        item=item,
        thumbnail=b"" if suspect is None else suspect.suspicious,
        moment=clip.moments[0].at if suspect is None else suspect.most.moment.at,
    )


def _faces(analysis: Analysis) -> tuple[FaceVerdict, ...]:
    whole = () if analysis.prediction is None else (analysis.prediction,)
    predictions = analysis.predictions or whole
    return tuple(FaceVerdict(prediction.probabilities["Fake"], prediction.verdict) for prediction in predictions)


def _notes(analysis: Analysis) -> tuple[Message, ...]:
    notes = analysis.photo.notes
    if not analysis.faces and analysis.prediction is not None:
        notes += (whole_picture_note(analysis),)
    if len(analysis.faces) > MOST_JUDGED:
        notes += (Message("many.most_judged", most=MOST_JUDGED),)
    return notes
