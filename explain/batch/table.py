"""The rows of many photos as a table for the page, as CSV, and as lines of text."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from io import StringIO
from typing import Any

from explain.batch.judge import Progress, Row
from model.i18n.catalogue import number, translate

Cell = str | int
BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheet programs do not recognise UTF-8
# Before the first characters of what may become a cell that spreadsheet programs compute.
_FORMULA = re.compile(r"(?:^|(?<=[,;|\t\r\n]))(?=[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NUMERIC = re.compile(r"[\d\s.,:/-]*\d[\d\s.,:/-]*")  # numbers, times and dates
COLUMNS = ("number", "photo", "faces", "p_fake", "verdict", "remarks", "seconds")
CSV_COLUMNS = (
    *("number", "file", "faces", "p_fake", "verdict", "face", "p_fake_by_face"),
    *("problem", "notes", "seconds", "sha256"),
)
NOTHING = "–"


def columns() -> list[str]:
    """The titles of ``table``; the row's number comes first."""
    return [translate("class.Fake" if name == "p_fake" else f"many.column.{name}") for name in COLUMNS]


def table(rows: Sequence[Row]) -> list[list[Cell]]:
    """One row per photo, with the P(Fake) and the verdict of its most suspicious face."""
    return [
        [
            row.number,
            row.name,
            row.found,
            NOTHING if row.p_fake is None else number(row.p_fake, ".0%"),
            verdict_of(row),
            remarks_on(row),
            number(row.seconds, ".1f"),
        ]
        for row in rows
    ]


def verdict_of(row: Row) -> str:
    """The verdict on a photo's most suspicious face, or why there is none, in two or three words."""
    if row.verdict is not None:
        return translate(f"verdict.{row.verdict}")
    return translate("many.no_face" if row.problem is None else "many.not_judged")


def remarks_on(row: Row) -> str:
    """Remarks on a photo: its problem, or its notes and the number of the face that the row describes."""
    sentences = [str(note) for note in row.notes]
    if len(row.faces) > 1 and row.suspect is not None:
        sentences.append(translate("many.suspect", number=row.suspect + 1))
    return str(row.problem) if row.problem is not None else " ".join(sentences)


def line(row: Row) -> str:
    """A photo's row as one line of text."""
    verdict = verdict_of(row)
    if row.p_fake is not None:
        verdict = translate("many.verdict", verdict=verdict, fake=translate("class.Fake"), p=row.p_fake)
    return " ".join(filter(None, (translate("many.line", name=row.name, verdict=verdict), remarks_on(row))))


def summary(progress: Progress) -> str:
    """Number of photos by verdict, in one sentence, and number of other files."""
    counts = Counter(map(verdict_of, progress.rows))
    parts = [translate("many.share", verdict=verdict, count=count) for verdict, count in counts.most_common()]
    sentence = translate("many.done", done=progress.done, count=progress.planned)
    if parts:
        sentence = translate("many.summary", done=sentence, shares=", ".join(parts))
    passed = translate("many.passed_over", count=progress.passed_over) if progress.passed_over else ""
    return " ".join(filter(None, (f"{sentence}.", passed)))


def to_csv(rows: Sequence[Row]) -> str:
    """The rows as CSV (RFC 4180) for spreadsheet programs and scripts, see ``csv_head`` and ``csv_line``."""
    return csv_head() + "".join(map(csv_line, rows))


def csv_head() -> str:
    """The first line of a CSV, with a byte order mark. Write it with ``newline=""`` and UTF-8."""
    return BYTE_ORDER_MARK + _csv(CSV_COLUMNS)


def csv_line(row: Row) -> str:
    """A row's line of a CSV.

    Column names and verdicts are the same in every language. Sentences, the decimal sign and the separator are those of
    the current one, as spreadsheet programs of that language expect them: with a point, some read ``1.26`` as a date.
    No text is a formula, see ``defused``.
    """
    return _csv(
        [
            row.number,
            defused(row.name),
            row.found,
            "" if row.p_fake is None else number(row.p_fake, ".4f"),
            row.verdict or "",
            "" if row.suspect is None else row.suspect + 1,
            " ".join(number(face.p_fake, ".4f") for face in row.faces),
            "" if row.problem is None else defused(str(row.problem)),
            defused(" ".join(map(str, row.notes))),
            number(row.seconds, ".2f"),
            row.sha256,
        ]
    )


def _csv(cells: Sequence[Cell]) -> str:
    text = StringIO()
    separator = ";" if number(0.5, ".1f") == "0,5" else ","  # where numbers have a comma, programs expect a semicolon
    csv.writer(text, delimiter=separator).writerow(cells)
    return text.getvalue()


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


def defused(text: str) -> str:
    """A text that no spreadsheet program reads as a formula, a number or a date, whatever separates its cells.

    An apostrophe is put before each of its parts that would be a formula. Quotation marks do not help: a program that
    expects another separator does not see them at the beginning of a cell.
    """
    safe = _FORMULA.sub("'", text)
    return f"'{safe}" if _NUMERIC.fullmatch(safe) else safe
