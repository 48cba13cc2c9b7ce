"""The page's table of many photos: it fills while they are judged, leaves as CSV, and each row can be opened."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from html import escape
from pathlib import Path

from explain.batch.judge import Progress, Row, judge_many, open_row
from explain.batch.photos import MAX_UPLOAD, MEGABYTE
from explain.batch.table import columns, summary, table, to_csv
from explain.html import fragments
from explain.page.components.updates import Asked, Change, Updates, notice, visible
from explain.page.sessions import Runs
from explain.service.service import Doors
from model.errors import ArtifactError, PhotoError
from model.i18n.catalogue import in_language, say, speaking

log = logging.getLogger(__name__)
FILE = "whyfake-photos.csv"
OURS = "/many"  # added to a visitor's name: their run over many photos and the one over a single photo go side by side


def help_line() -> str:
    """What may be dropped, and what happens then."""
    return f'<p class="scope">{escape(say("page.many_help", limit=MAX_UPLOAD // MEGABYTE))}</p>'


def judge(
    asked: Asked, files: Sequence[str], doors: Doors, runs: Runs, visitor: str, spoken: Callable[[str, str], str]
) -> Iterator[Updates]:
    """Judge many photos and fill the table, until all are done, cancelled or superseded.

    Args:
        asked: what the page's controls hold.
        files: paths of uploaded photos and ZIPs.
        doors: the road that every photo takes.
        runs: whose run it is.
        visitor: who asked.
        spoken: tells the language that a visitor has chosen by now, or else the one given.
    """
    steps = _judge(asked, files, doors, runs, visitor + OURS)
    yield from in_language(lambda: spoken(visitor, asked["language"]), steps)


def _judge(asked: Asked, files: Sequence[str], doors: Doors, runs: Runs, visitor: str) -> Iterator[Updates]:
    with runs.begin(visitor) as ended:
        progress = Progress((), 0, 0)
        if not files:
            yield {"many_status": "", "many_table": visible(False), "many_csv": visible(False), "many_progress": None}
            return
        yield {"many_notice": visible(False), "many_cancel": visible(True), "many_csv": visible(False)}
        try:
            detector = doors.models.get(asked["model"])
            road = partial(doors.analyze, visitor=visitor, patient=True)
            for progress in judge_many([Path(file) for file in files], detector, ended, road=road):
                yield _shown(progress)
        except ArtifactError as error:
            yield {"many_notice": notice(str(error), "error")}
        except Exception:
            log.exception("Many photos failed.")
            yield {"many_notice": notice(fragments.failed(), "error")}
        if ended() and not progress.complete and not runs.waiting(visitor):
            yield {"many_status": _ended(progress)}
        yield {"many_cancel": visible(False)}


def _shown(progress: Progress) -> Updates:
    share = progress.done / max(progress.planned, 1)
    bar = "" if progress.complete else f' <progress value="{share:.2f}" max="1"></progress>'
    return {
        "many_status": _status(summary(progress), bar),
        "many_table": Change(value=table(progress.rows), headers=columns(), visible=bool(progress.rows)),
        "many_progress": progress,
        "many_csv": visible(progress.complete and bool(progress.rows)),
    }


def _status(sentence: str, bar: str = "") -> str:
    return f'<p class="progress" role="status"><label>{escape(sentence)}{bar}</label></p>'


def translate(progress: Progress | None, running: bool) -> Updates:
    """The table again, in the language spoken now; a run that goes on tells how far it is by itself."""
    if progress is None or not progress.rows:
        return {}
    changes: Updates = {"many_table": Change(value=table(progress.rows), headers=columns())}
    return changes if running else {**changes, "many_status": _ended(progress)}


def _ended(progress: Progress) -> str:
    stopped = "" if progress.complete else f"{say('page.many_stopped')} "
    return _status(stopped + summary(progress))


def download(asked: Asked) -> Iterator[Updates]:
    """Hand the table over as CSV; once it is handed over, our copy of it is gone."""
    with speaking(asked["language"]):
        text = to_csv(_rows(asked))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        path.write_text(text, encoding="utf-8", newline="")
        yield {"ready": str(path)}


def open_photo_of(asked: Asked, number: int) -> Iterator[Updates]:
    """Take the photo of a row to the tab that explains one.

    Args:
        asked: what the page's controls hold.
        number: the row's, as it stands in its first column.
    """
    with speaking(asked["language"]):
        try:
            row = next(row for row in _rows(asked) if row.number == number)
            photo = open_row(row)
        except StopIteration:
            return
        except PhotoError as error:
            yield {"many_notice": notice(str(error), "error")}
            return
    chosen = {"tabs": Change(selected="one")}
    if isinstance(photo, Path):
        yield {"photo": str(photo), **chosen}
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(row.name).name
        path.write_bytes(photo)
        yield {"photo": str(path), **chosen}


def _rows(asked: Asked) -> tuple[Row, ...]:
    return () if asked["many_progress"] is None else asked["many_progress"].rows
