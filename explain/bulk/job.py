"""A job's folder: the list of its photos, the parts that are done, and the request.

``OUT/_job.json`` holds the request; it is written once ``OUT/_plan`` has the whole list, a file for each part. A part
of the result, ``OUT/part-….parquet``, is written as a whole when all its photos are done. So a part exists completely
or not at all, and a job that was killed continues with the missing parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from explain.bulk.records import VERSION, schema
from explain.bulk.storage import file_system, is_local, refusing
from explain.bulk.task import Found, Task, from_table, to_table
from model.errors import SettingsError
from model.files import replacing
from model.i18n.catalogue import Message

JOB, PLAN = "_job.json", "_plan"


@dataclass(frozen=True)
class Plan:
    """What a job has to do.

    Attributes:
        photos: number of photos.
        size: photos of a part; the last one may have fewer.
        passed_over: number of other files among them.
        request: the job's ``Request`` as plain data.
    """

    photos: int
    size: int
    passed_over: int
    request: dict[str, Any]

    @property
    def parts(self) -> range:
        """The numbers of the parts."""
        return range(-(-self.photos // self.size))

    def numbers_of(self, part: int) -> range:
        """The numbers of a part's photos, which begin at 1 in the first part."""
        first = part * self.size + 1
        return range(first, min(first + self.size, self.photos + 1))

    def photos_of(self, part: int) -> int:
        """Number of photos of a part."""
        return len(self.numbers_of(part))


class JobFolder:
    """The folder ``OUT``, on a disk or at a URL.

    Args:
        out: path or URL.

    Raises:
        SettingsError: if it can't be used.
    """

    def __init__(self, out: str) -> None:
        self.out = out
        self._files, self._path = file_system(out)

    def plan(self) -> Plan | None:
        """The plan, or None if there is none yet, or it was not completed.

        Raises:
            SettingsError: if the folder holds something else, a damaged job, or a job of another version.
        """
        with refusing(self.out):
            if not self._files.exists(self._path):
                return None
            if not self._files.exists(self._at(JOB)):
                others = {name for name in self._names() if not name.startswith(".")} - {PLAN}
                if others or not self._files.isdir(self._path):
                    raise SettingsError(Message("bulk.no_job", place=self.out))
                return None
            content = self._files.cat_file(self._at(JOB))
        try:
            data = json.loads(content)
            if data["version"] != VERSION:
                raise SettingsError(Message("bulk.other_version", place=self.out))
            plan = Plan(int(data["photos"]), int(data["part"]), int(data["passed_over"]), dict(data["request"]))
            if min(plan.photos, plan.size) < 1:
                raise ValueError("a job without photos, or with empty parts")
            return plan
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
            raise SettingsError(Message("bulk.damaged", place=f"{self.out}/{JOB}")) from error

    def make_plan(self, found: Iterable[Found | None], size: int, request: dict[str, Any]) -> Plan:
        """List the photos, part by part; an earlier list that was not completed is written again.

        Raises:
            SettingsError: if there is no photo, or the folder can't be written.
        """
        photos = passed_over = 0

        def tasks() -> Iterator[Task]:
            nonlocal photos, passed_over
            for photo in found:
                if photo is None:
                    passed_over += 1
                else:
                    photos += 1
                    yield Task(photos, photo)

        with refusing(self.out):
            self._files.makedirs(self._at(PLAN), exist_ok=True)
            part, source = 0, tasks()
            while batch := list(islice(source, size)):
                self._write_table(to_table(batch), self._planned(part))
                part += 1
            if not photos:
                raise SettingsError(Message("many.no_photo"))
            plan = Plan(photos, size, passed_over, request)
            data = {"version": VERSION, "photos": photos, "part": size, "passed_over": passed_over, "request": request}
            self._write(json.dumps(data, indent=1, sort_keys=True).encode(), self._at(JOB))
        return plan

    def tasks(self, plan: Plan, part: int) -> list[Task]:
        """The photos of a part, as many as the plan says; with fewer, the part would never be done.

        Raises:
            SettingsError: if their list is damaged or can't be read.
        """
        with refusing(self.out), self._refusing_damage(PLAN):
            tasks = list(from_table(self._read_table(self._planned(part))))
            if [task.number for task in tasks] != list(plan.numbers_of(part)):
                raise ValueError("other photos than planned")
            return tasks

    def missing(self, plan: Plan) -> Iterator[int]:
        """The parts that are not done."""
        with refusing(self.out):
            there = {name for name in self._names() if name.startswith("part-")}
        for part in plan.parts:
            if self._name(part) not in there or self._rows(part) != plan.photos_of(part):
                yield part

    def write(self, plan: Plan, part: int, records: list[dict[str, Any]]) -> None:
        """Write a part with all its rows, in the order of their numbers."""
        ordered = sorted(records, key=lambda row: row["number"])
        with refusing(self.out):
            self._write_table(pa.Table.from_pylist(ordered, schema(plan.request)), self._at(self._name(part)))

    def write_beside(self, text: str, ending: str) -> str:
        """Write a file beside the folder, named like it with another ending; returns where it is."""
        parent, slash, last = self._path.rstrip("/").rpartition("/")
        name = f"{PurePosixPath(last).stem}{ending}"
        with refusing(self.out):
            self._write(text.encode("utf-8", "replace"), f"{parent}{slash}{name}")
        shown, slash, _ = self.out.rstrip("/").rpartition("/")
        return f"{shown}{slash}{name}"

    def batches(self, plan: Plan, columns: list[str]) -> Iterator[pa.Table]:
        """The rows of the parts that are done, a part at a time."""
        with refusing(self.out):
            names = sorted(name for name in self._names() if name.startswith("part-"))
            for name in names:
                with self._refusing_damage(name):
                    table = self._read_table(self._at(name), columns)
                yield table

    @contextmanager
    def _refusing_damage(self, name: str) -> Iterator[None]:
        """Turn what a damaged table raises inside the block into a sentence; Arrow raises ``OSError`` as well."""
        try:
            yield
        except (OSError, pa.ArrowException, ValueError, TypeError, LookupError) as error:
            if isinstance(error, FileNotFoundError) or getattr(error, "errno", None) is not None:
                raise  # it could not be read
            raise SettingsError(Message("bulk.damaged", place=f"{self.out}/{name}")) from error

    def _read_table(self, path: str, columns: list[str] | None = None) -> pa.Table:
        """A table, read from memory: threads of Arrow that still read through Python abort a command that ends."""
        return pq.read_table(pa.BufferReader(self._files.cat_file(path)), columns=columns)

    def _rows(self, part: int) -> int:
        """Number of rows of a part; -1 if its file is damaged, as after a power cut."""
        try:
            with self._files.open(self._at(self._name(part)), "rb") as file:
                return int(pq.read_metadata(file).num_rows)
        except (OSError, pa.ArrowException):
            return -1

    def _names(self) -> set[str]:
        """Names in the folder; those that begin with a dot are what a killed job was writing."""
        return {path.rstrip("/").rpartition("/")[2] for path in self._files.ls(self._path, detail=False)}

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"

    def _planned(self, part: int) -> str:
        return self._at(f"{PLAN}/{part:08d}.parquet")

    @staticmethod
    def _name(part: int) -> str:
        return f"part-{part:08d}.parquet"

    def _write_table(self, table: pa.Table, path: str) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        self._write(sink.getvalue().to_pybytes(), path)

    def _write(self, data: bytes, path: str) -> None:
        """Write a file at once: a reader finds all of it or nothing. Object stores do that themselves."""
        if not is_local(self._files):
            self._files.pipe_file(path, data)
            return
        with replacing(Path(path)) as unfinished:
            unfinished.write_bytes(data)
