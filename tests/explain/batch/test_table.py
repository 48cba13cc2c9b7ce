"""Tests of the table of many photos: for people and for spreadsheet programs."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO

import pytest

from explain.batch.judge import FaceVerdict, Progress, Row
from explain.batch.table import (
    BYTE_ORDER_MARK,
    CSV_COLUMNS,
    columns,
    csv_line,
    line,
    summary,
    table,
    to_csv,
)
from model.i18n.catalogue import Message, use_language

FAKE, REAL, UNSURE = FaceVerdict(0.94321, "Fake"), FaceVerdict(0.1, "Real"), FaceVerdict(0.5, "Inconclusive")
ROWS = (
    Row(1, "a.jpg", 2, (REAL, FAKE), (Message("photo.transparent"),), None, 1.26, "ab" * 32),
    Row(2, "b.jpg", problem=Message("photo.damaged"), seconds=0.04),
    Row(3, "c.jpg", 0, seconds=0.3, sha256="cd" * 32),
    Row(4, "d.jpg", 1, (UNSURE,), seconds=12.0, sha256="ef" * 32),
)
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "  =HYPERLINK(1)"]


def read(text: str, separator: str = ",") -> list[dict[str, str]]:
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.DictReader(StringIO(text[1:], newline=""), delimiter=separator))


def test_table_describes_the_most_suspicious_face() -> None:
    assert columns() == ["No.", "Photo", "Faces", "Fake", "Verdict", "Remarks", "Seconds"]
    first, second, third, fourth = table(ROWS)
    assert first[:5] == [1, "a.jpg", 2, "94%", "Looks fake"] and first[6] == "1.3"
    assert first[5] == (
        "Transparent parts were filled with white. The most suspicious face is shown: number 2 by size."
    )
    assert second[2:6] == [0, "–", "Not judged", "The photo is damaged or cut off; download or export it again."]
    assert third[3:6] == ["–", "No face found", ""]
    assert fourth[3:6] == ["50%", "Inconclusive", ""], "a single face needs no number"


def test_table_is_in_the_chosen_language() -> None:
    with use_language("tr"):
        assert columns()[3:5] == ["Sahte", "Karar"]
        assert table(ROWS)[0][3:5] == ["%94", "Sahte görünüyor"]
        assert table(ROWS)[1][5] == "Fotoğraf bozuk ya da yarım kalmış; yeniden indirin veya dışa aktarın."


def test_lines_for_a_terminal() -> None:
    assert line(ROWS[3]) == "d.jpg: Inconclusive, P(Fake) 0.50."
    assert line(ROWS[1]).startswith("b.jpg: Not judged. The photo is damaged")
    assert line(ROWS[2]) == "c.jpg: No face found."


def test_summary_counts_every_verdict() -> None:
    assert summary(Progress((*ROWS, replace(ROWS[2], number=5)), 6, 1)) == (
        "5 of 6 photos are done: No face found 2, Looks fake 1, Not judged 1, Inconclusive 1. 1 other file was skipped."
    )
    assert summary(Progress((), 2, 0)) == "0 of 2 photos are done."


def test_csv_has_the_separators_that_spreadsheets_of_the_language_expect() -> None:
    first = read(to_csv(ROWS))[0]
    assert (first["p_fake"], first["verdict"], first["face"], first["seconds"]) == ("0.9432", "Fake", "2", "1.26")
    assert first["p_fake_by_face"].split() == ["0.1000", "0.9432"]
    with use_language("tr"):  # a Turkish spreadsheet program would read 1.26 as a date
        first, second, third, _ = read(to_csv(ROWS), ";")
    assert list(first) == list(CSV_COLUMNS)
    assert (first["p_fake"], first["verdict"], first["face"], first["seconds"]) == ("0,9432", "Fake", "2", "1,26")
    assert first["p_fake_by_face"].split() == ["0,1000", "0,9432"]
    assert second["problem"].startswith("Fotoğraf bozuk") and second["p_fake"] == second["verdict"] == ""
    assert third["faces"] == "0" and third["sha256"] == "cd" * 32


def test_csv_follows_the_standard() -> None:
    text = to_csv([replace(ROWS[0], name='holiday, "Paris"\nday 2.jpg')])
    assert text.count("\r\n") == 2 and text.endswith("\r\n")
    assert '"holiday, ""Paris""\nday 2.jpg"' in text
    assert read(text)[0]["file"] == 'holiday, "Paris"\nday 2.jpg'


HIDDEN_FORMULAS = [
    *(f"{start}{name}" for name in FORMULAS for start in ("", "a,", "a;", "a|", "a\t")),
    *('a;"=1+1";b.jpg', "\uff1d1"),
]


def cells(line: str, separator: str) -> list[str]:
    """The cells that a program may see: some read quotation marks after another separator as text."""
    return [*line.split(separator), *next(csv.reader([line], delimiter=separator))]


@pytest.mark.parametrize("language", ["en", "tr"])
@pytest.mark.parametrize(
    "name",
    [*FORMULAS, *(f"a{sign}{name}{sign}b.jpg" for name in FORMULAS for sign in ",;|\t"), 'a;"=1+1";b.jpg', "\uff1d1"],
)
def test_csv_holds_no_formula_whatever_the_separator(name: str, language: str) -> None:
    row = Row(1, name, problem=Message("many.csv_closed", path=name, reason=name))
    with use_language(language):
        line = csv_line(row).rstrip()
    for separator in ",;\t|":
        assert not [cell for cell in cells(line, separator) if cell.strip(' \t\r\n"').startswith(tuple("=+-@\uff1d"))]


def test_csv_keeps_harmless_names() -> None:
    for name in ("a=1.jpg", "trip/b-1.jpg", "me@home.jpg", "1.jpg"):
        assert read(to_csv([Row(1, name)]))[0]["file"] == name


@pytest.mark.parametrize("name", ["1.26", "12/05", "2024-05-01", "10:30"])
def test_no_name_becomes_a_date_or_a_number(name: str) -> None:
    assert read(to_csv([Row(1, name)]))[0]["file"] == f"'{name}"


def test_a_csv_without_rows_has_its_header() -> None:
    assert to_csv([]) == BYTE_ORDER_MARK + ",".join(CSV_COLUMNS) + "\r\n"
