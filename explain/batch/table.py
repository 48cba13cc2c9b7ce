"""The rows of many photos as a table for the page, as CSV, and as lines of text."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from io import StringIO
from typing import Any

from explain.batch.judge import Progress, Row
from model.i18n.catalogue import number, say

Cell = str | int
BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheet programs take UTF-8 for something else
FORMULA = ("=", "+", "-", "@")  # how a cell begins that spreadsheet programs compute
COLUMNS = ("number", "photo", "faces", "p_fake", "verdict", "remarks", "seconds")
DATA_TYPES = ("number", "str", "number", "str", "str", "str", "str")  # as gr.Dataframe calls them
FACE_COLUMNS = ("face", "p_fake", "verdict")
CSV_COLUMNS = (
    *("number", "file", "faces", "p_fake", "verdict", "face", "p_fake_by_face"),
    *("problem", "notes", "seconds", "sha256"),
)
NOTHING = "–"


def columns() -> list[str]:
    """The titles of ``table``; the row's number stands first, so that a row is found again however they are sorted."""
    return _titles(COLUMNS)


def table(rows: Sequence[Row]) -> list[list[Cell]]:
    """One row per photo, with the P(Fake) and the verdict of its most suspicious face."""
    return [
        [
            row.number,
            row.name,
            row.found,
            NOTHING if row.p_fake is None else number(row.p_fake, ".2f"),
            verdict_of(row),
            remarks_on(row),
            number(row.seconds, ".1f"),
        ]
        for row in rows
    ]


def face_columns() -> list[str]:
    """The titles of ``face_table``."""
    return _titles(FACE_COLUMNS)


def face_table(row: Row) -> list[list[Cell]]:
    """One row per face that was judged, the largest first."""
    return [
        [place, number(face.p_fake, ".2f"), say(f"verdict.{face.verdict}")] for place, face in enumerate(row.faces, 1)
    ]


def verdict_of(row: Row) -> str:
    """The verdict on a photo's most suspicious face, or why there is none, in two or three words."""
    if row.verdict is not None:
        return say(f"verdict.{row.verdict}")
    return say("many.no_face" if row.problem is None else "many.not_judged")


def remarks_on(row: Row) -> str:
    """What to know of a photo: its problem, or its notes and which of its faces is the one told of."""
    sentences = [str(note) for note in row.notes]
    if len(row.faces) > 1 and row.suspect is not None:
        sentences.append(say("many.suspect", number=row.suspect + 1))
    return str(row.problem) if row.problem is not None else " ".join(sentences)


def line(row: Row) -> str:
    """A photo's row as one line of text."""
    verdict = verdict_of(row)
    if row.p_fake is not None:
        verdict = say("many.verdict", verdict=verdict, fake=say("class.Fake"), p=row.p_fake)
    return " ".join(filter(None, (say("many.line", name=row.name, verdict=verdict), remarks_on(row))))


def summary(progress: Progress) -> str:
    """How many photos got which verdict, in one sentence, and how many other files were passed over."""
    counts = Counter(map(verdict_of, progress.rows))
    parts = [say("many.share", verdict=verdict, count=count) for verdict, count in counts.most_common()]
    sentence = say("many.done", done=progress.done, count=progress.planned)
    if parts:
        sentence = say("many.summary", done=sentence, shares=", ".join(parts))
    passed = say("many.passed_over", count=progress.passed_over) if progress.passed_over else ""
    return " ".join(filter(None, (f"{sentence}.", passed)))


def to_csv(rows: Sequence[Row]) -> str:
    """The rows as CSV (RFC 4180) for spreadsheet programs and scripts.

    Column names, verdicts and numbers are the same in every language; sentences are in the one that is spoken. Texts
    that a spreadsheet program would compute begin with an apostrophe. Written to a file, it wants ``newline=""`` and
    UTF-8: it begins with the mark that tells spreadsheet programs so.
    """
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    writer.writerows(map(_csv_row, rows))
    return BYTE_ORDER_MARK + text.getvalue()


def to_dict(row: Row) -> dict[str, Any]:
    """A row as plain data for JSON."""
    return {
        "number": row.number,
        "file": row.name,
        "faces": row.found,
        "p_fake": None if row.p_fake is None else round(row.p_fake, 6),
        "verdict": row.verdict,
        "face": None if row.suspect is None else row.suspect + 1,
        "by_face": [{"p_fake": round(face.p_fake, 6), "verdict": face.verdict} for face in row.faces],
        "problem": None if row.problem is None else str(row.problem),
        "notes": [str(note) for note in row.notes],
        "seconds": round(row.seconds, 4),
        "sha256": row.sha256 or None,
    }


def _csv_row(row: Row) -> list[Cell]:
    return [
        row.number,
        defused(row.name),
        row.found,
        "" if row.p_fake is None else f"{row.p_fake:.4f}",
        row.verdict or "",
        "" if row.suspect is None else row.suspect + 1,
        " ".join(f"{face.p_fake:.4f}" for face in row.faces),
        "" if row.problem is None else defused(str(row.problem)),
        defused(" ".join(map(str, row.notes))),
        f"{row.seconds:.2f}",
        row.sha256,
    ]


def defused(text: str) -> str:
    """A text that no spreadsheet program takes for a formula, however many blanks it begins with."""
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def _titles(names: Sequence[str]) -> list[str]:
    return [f"P({say('class.Fake')})" if name == "p_fake" else say(f"many.column.{name}") for name in names]
