"""The page's table of many photos: it grows while they are judged, can be saved as CSV, and each row can be opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from explain.batch.judge import CLIP_FRAMES, Progress, Row, judge_many, open_row
from explain.batch.photos import MAX_UPLOAD, MEGABYTE
from explain.batch.table import summary, to_csv
from explain.html import fragments
from explain.html.many import photos_table
from explain.page.components.updates import Change, Controls, Updates, notice, sent_as, visible
from explain.page.sessions import Runs
from explain.service.queue import Urgency
from explain.service.refusal import Refused, refusing
from explain.service.service import Service
from explain.stopwatch import Stopwatch
from model.detector.detector import Detector
from model.errors import UserError
from model.i18n.catalogue import in_language, translate, use_language

FILE = "whyfake-photos.csv"
# Added to a visitor's name, so that a run over many photos and one over a single photo can go on together.
RUN_SUFFIX = "/many"
FEW, EVERY_S = 10, 1.0  # the table follows the first photos at once, and later once in so many seconds


def help_line() -> str:
    """What a visitor may drop, and what happens then."""
    return fragments.paragraph(translate("page.many_help", limit=MAX_UPLOAD // MEGABYTE), "scope")


def judge(
    controls: Controls,
    files: Sequence[str],
    service: Service,
    runs: Runs,
    visitor: str,
    language_of: Callable[[str, str], str],
    detector_of: Callable[[str, str], Detector],
    gathered: bool = False,
) -> Iterator[Updates]:
    """Judge many photos and fill the table, until all are done, cancelled or superseded.

    Args:
        controls: values of the page's controls.
        files: paths of uploaded photos and ZIPs.
        service: analyses each photo.
        runs: the visitors' runs.
        visitor: name of the visitor.
        language_of: returns the visitor's current language, or else the given one.
        detector_of: the model of a name for a visitor.
        gathered: the files are the content of a folder, see ``explain.batch.photos.find``.
    """
    opened = partial(detector_of, controls["model"], visitor)
    steps = _judge(files, service, runs, visitor + RUN_SUFFIX, gathered, opened)
    yield from in_language(lambda: language_of(visitor, controls["language"]), steps)


def _judge(
    files: Sequence[str],
    service: Service,
    runs: Runs,
    visitor: str,
    gathered: bool,
    opened: Callable[[], Detector],
) -> Iterator[Updates]:
    with runs.begin(visitor) as ended:
        progress = Progress((), 0, 0)
        if not files:
            hidden = {name: visible(False) for name in ("many_notice", "many_table", "many_filter", "many_csv")}
            yield {**hidden, "many_status": "", "many_progress": None}
            return
        yield {"many_notice": visible(False), "many_cancel": visible(True), "many_csv": visible(False)}
        try:
            with refusing():
                detector = opened()
                analyze = partial(service.analyze, visitor=visitor, wait=True, urgency=Urgency.FIRST_MAP)
                paths, sent = [Path(file) for file in files], Stopwatch()
                judge_clip = partial(service.judge_clip, count=CLIP_FRAMES, visitor=visitor, wait=True)
                judged = judge_many(paths, detector, ended, analyze=analyze, gathered=gathered, judge_clip=judge_clip)
                for progress in judged:
                    # A long table is sent whole: not after each of a thousand photos.
                    due = progress.complete or progress.done <= FEW or sent.elapsed >= EVERY_S
                    sent = Stopwatch() if due else sent
                    yield _status(progress) | (_table(progress) if due else {})
        except Refused as error:
            yield {"many_notice": notice(str(error), "error")}
        if not progress.complete and not (ended() and runs.waiting(visitor)):  # stopped or refused, but not replaced
            status = _ended(progress) if ended() else fragments.status(summary(progress)) if progress.rows else ""
            yield {"many_status": status, "many_csv": visible(bool(progress.rows)), **_table(progress)}
        yield {"many_cancel": visible(False)}


def _status(progress: Progress) -> Updates:
    sentence, share = summary(progress), progress.done / max(progress.planned, 1)
    return {
        "many_status": fragments.status(sentence) if progress.complete else fragments.progress_bar(sentence, share),
        "many_progress": progress,
        "many_csv": visible(progress.complete and bool(progress.rows)),
    }


def _table(progress: Progress) -> Updates:
    return {
        "many_table": Change(value=photos_table(progress.rows), visible=bool(progress.rows)),
        "many_filter": visible(bool(progress.rows)),
    }


def change_language(progress: Progress | None, running: bool) -> Updates:
    """The table in the current language; a run that goes on updates its own status."""
    if progress is None or not progress.rows:
        return {}
    changes: Updates = {"many_table": photos_table(progress.rows)}
    return changes if running else {**changes, "many_status": _ended(progress)}


def _ended(progress: Progress) -> str:
    prefix = "" if progress.complete else f"{translate('page.many_stopped')} "
    return fragments.status(prefix + summary(progress))


def download(controls: Controls) -> Iterator[Updates]:
    """Send the table as CSV; the server's copy is deleted afterwards."""
    with use_language(controls["language"]):
        text = to_csv(_rows(controls))
    yield from sent_as(FILE, text.encode())


def open_photo_of(controls: Controls, number: int) -> Iterator[Updates]:
    """Open the photo of a row in the tab for one photo.

    Args:
        controls: values of the page's controls.
        number: the row's number, from its first column.
    """
    with use_language(controls["language"]):
        try:
            row = next(row for row in _rows(controls) if row.number == number)
            photo = open_row(row)
        except StopIteration:
            return
        except UserError as error:
            yield {"many_notice": notice(str(error), "error")}
            return
    new = {"photo": str(photo) if isinstance(photo, Path) else photo, "face": 0, "whole": False}
    yield {**new, "tabs": Change(selected="one")}


def _rows(controls: Controls) -> tuple[Row, ...]:
    return () if controls["many_progress"] is None else controls["many_progress"].rows
