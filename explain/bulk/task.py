"""One photo of a bulk job: where it is, and the table in which a job keeps its list of photos."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from model.i18n.catalogue import Message, as_data, from_data

PLAN = pa.schema(
    [
        ("number", pa.int64()),
        ("name", pa.string()),
        ("place", pa.binary()),  # a path may hold bytes that are not valid text
        ("entry", pa.int64()),
        ("offset", pa.int64()),
        ("size", pa.int64()),
        ("problem", pa.string()),
    ]
)


@dataclass(frozen=True)
class Found:
    """A photo that was found.

    Attributes:
        name: its displayed name.
        place: path or URL of the file.
        entry: its index in a ZIP's list of entries; None outside a ZIP.
        span: its first byte and its number of bytes in a tar; None outside a tar.
        problem: why it can't be read; None if reading can be tried.
    """

    name: str
    place: str
    entry: int | None = None
    span: tuple[int, int] | None = None
    problem: Message | None = None


@dataclass(frozen=True)
class Task:
    """A photo with its number in the job, from 1."""

    number: int
    photo: Found


def to_table(tasks: Sequence[Task]) -> pa.Table:
    """Tasks as a table of the schema ``PLAN``."""
    rows = [
        {
            "number": task.number,
            "name": task.photo.name.encode("utf-8", "replace").decode(),
            "place": os.fsencode(task.photo.place),
            "entry": task.photo.entry,
            "offset": task.photo.span and task.photo.span[0],
            "size": task.photo.span and task.photo.span[1],
            "problem": None if task.photo.problem is None else json.dumps(as_data(task.photo.problem)),
        }
        for task in tasks
    ]
    return pa.Table.from_pylist(rows, PLAN)


def from_table(table: pa.Table) -> Iterator[Task]:
    """The tasks that ``to_table`` wrote."""
    for row in table.to_pylist():
        yield Task(row["number"], _photo(row))


def _photo(row: dict[str, Any]) -> Found:
    span = None if row["offset"] is None else (row["offset"], row["size"])
    problem = None if row["problem"] is None else from_data(json.loads(row["problem"]))
    return Found(row["name"], os.fsdecode(row["place"]), row["entry"], span, problem)
