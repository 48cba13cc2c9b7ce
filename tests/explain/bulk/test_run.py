"""Tests of a job: it continues where it was stopped, and judges every photo exactly once."""

from __future__ import annotations

import io
import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileOpener

from explain.bulk import run as module
from explain.bulk.job import JOB, PLAN, JobFolder
from explain.bulk.records import COLUMNS, VERSION
from explain.bulk.run import Progress, in_process, opened, run
from explain.bulk.stages import Request
from model.detector.detector import Detector
from model.errors import SettingsError
from tests.support.photo_files import encode, plain

ROOT = Path(__file__).parents[3]
COUNT, PART = 7, 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven small photos without a face, one of them damaged."""
    (tmp_path / "in").mkdir()
    for number in range(COUNT):
        data = encode(plain((number * 9, 0, 0)))
        (tmp_path / "in" / f"{number}.png").write_bytes(data[:60] if number == 4 else data)
    return tmp_path / "in"


@pytest.fixture
def job_request(detector: Detector) -> Request:
    return Request(str(detector.folder), detector.name)


def run_job(
    source: Path, out: Path | str, job_request: Request, detector: Detector, stop: int | None = None
) -> list[Progress]:
    """Run the job, or a part of it that ends after ``stop`` photos."""
    place, plan = opened(str(source), str(out), job_request, detector, PART)
    steps: Iterator[Progress] = run(place, plan, job_request, in_process(detector))
    return list(steps if stop is None else islice(steps, stop + 1))


def table(out: Path) -> list[dict[str, Any]]:
    return pq.read_table(out).to_pylist()


def parts(out: Path) -> list[str]:
    return sorted(path.name for path in out.glob("part-*"))


def test_every_photo_has_one_row_and_a_bad_photo_has_its_problem(
    folder: Path, job_request: Request, detector: Detector, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    steps = run_job(folder, out, job_request, detector)
    assert [step.done for step in steps] == list(range(COUNT + 1))
    rows = table(out)
    assert [row["number"] for row in rows] == list(range(1, COUNT + 1))
    assert [row["photo"] for row in rows] == [f"in/{number}.png" for number in range(COUNT)]
    assert [row["problem_key"] is not None for row in rows] == [number == 4 for number in range(COUNT)]
    assert parts(out) == [f"part-0000000{part}.parquet" for part in range(3)]


def test_schema_has_its_version(folder: Path, job_request: Request, detector: Detector, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    run_job(folder, out, job_request, detector)
    for part in parts(out):
        schema = pq.read_schema(out / part)
        assert schema.equals(COLUMNS)
        assert schema.metadata[b"whyfake.version"].decode() == VERSION
        assert json.loads(schema.metadata[b"whyfake.job"])["model"] == detector.name


@pytest.mark.parametrize("stop", [0, 2, 3, 5, 6])
def test_a_stopped_job_continues(
    stop: int, folder: Path, job_request: Request, detector: Detector, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    run_job(folder, out, job_request, detector, stop)
    before = {name: (out / name).stat().st_mtime_ns for name in parts(out)}
    assert len(before) == stop // PART
    steps = run_job(folder, out, job_request, detector)
    assert steps[0].done == len(before) * PART
    assert [row["number"] for row in table(out)] == list(range(1, COUNT + 1))
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before
    assert [step.done for step in run_job(folder, out, job_request, detector)] == [COUNT]


def test_photos_added_or_removed_later_do_not_change_the_order(
    folder: Path, job_request: Request, detector: Detector, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    run_job(folder, out, job_request, detector, 3)
    (folder / "0.png").unlink()
    (folder / "6.png").unlink()
    (folder / "00.png").write_bytes(encode(plain()))
    run_job(folder, out, job_request, detector)
    rows = table(out)
    assert [row["photo"] for row in rows] == [f"in/{number}.png" for number in range(COUNT)]
    assert [row["problem_key"] for row in (rows[0], rows[6])] == [None, "photo.missing"]


def test_an_incomplete_plan_is_made_again(
    folder: Path, job_request: Request, detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.parquet"
    found_in = module.found_in

    def breaks_off(source: str) -> Iterator[Any]:
        for place, found in enumerate(found_in(source)):
            if place == 4:
                raise KeyboardInterrupt
            yield found

    monkeypatch.setattr(module, "found_in", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        run_job(folder, out, job_request, detector)
    assert (out / "_plan").is_dir() and JobFolder(str(out)).plan() is None
    monkeypatch.setattr(module, "found_in", found_in)
    run_job(folder, out, job_request, detector)
    assert len(table(out)) == COUNT


def test_a_part_damaged_by_a_power_cut_is_made_again(
    folder: Path, job_request: Request, detector: Detector, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    run_job(folder, out, job_request, detector)
    (out / parts(out)[1]).write_bytes(b"")
    assert run_job(folder, out, job_request, detector)[0].done == COUNT - PART
    assert [row["number"] for row in table(out)] == list(range(1, COUNT + 1))


VALID = {"version": VERSION, "photos": 3, "part": 2, "passed_over": 0, "request": {}}


@pytest.mark.parametrize(
    "content", ["no json", [], {}, *({**VALID, **part} for part in ({"photos": "many"}, {"part": 0}, {"part": 1e999}))]
)
def test_a_damaged_job_is_refused(content: Any, tmp_path: Path) -> None:
    (tmp_path / JOB).write_text(json.dumps(VALID))
    assert JobFolder(str(tmp_path)).plan() is not None
    (tmp_path / JOB).write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(SettingsError, match=f"{JOB} is damaged"):
        JobFolder(str(tmp_path)).plan()


def test_a_damaged_list_of_photos_is_refused(
    folder: Path, job_request: Request, detector: Detector, tmp_path: Path
) -> None:
    place, plan = opened(str(folder), str(tmp_path / "out"), job_request, detector, PART)
    (listed, *_) = sorted((tmp_path / "out" / PLAN).iterdir())
    content = listed.read_bytes()
    photos = pq.read_table(listed)
    tables = (photos[:-1], pa.concat_tables([photos, photos]), photos[::-1], photos[:0], pa.table({"other": [1]}))
    for damaged in (b"PAR1", flipped(content), content[:-20], *map(as_file, tables), b""):
        listed.write_bytes(damaged)
        with pytest.raises(SettingsError, match=f"{PLAN} is damaged"):
            list(run(place, plan, job_request, in_process(detector)))


def as_file(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def flipped(content: bytes) -> bytes:
    """A Parquet file with damaged values and an intact footer."""
    return content[:4] + bytes(byte ^ 255 for byte in content[4:200]) + content[200:]


def test_a_damaged_part_is_named_by_the_summary(
    folder: Path, job_request: Request, detector: Detector, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_job(folder, out, job_request, detector)
    (part, *_) = parts(out)
    (out / part).write_bytes(flipped((out / part).read_bytes()))
    job = JobFolder(str(out))
    plan = job.plan()
    assert plan is not None
    with pytest.raises(SettingsError, match=f"{part} is damaged"):
        list(job.batches(plan, ["number", "photo"]))


def test_tables_are_read_only_by_the_calling_thread(
    folder: Path, job_request: Request, detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread of Arrow that still reads through Python when the command ends would abort it."""
    out = tmp_path / "out"
    run_job(folder, out, job_request, detector)
    readers: set[int] = set()
    read = LocalFileOpener.read

    def noting_read(self: LocalFileOpener, *size: int) -> bytes:
        readers.add(threading.get_ident())
        return bytes(read(self, *size))

    monkeypatch.setattr(LocalFileOpener, "read", noting_read, raising=False)
    job = JobFolder(str(out))
    plan = job.plan()
    assert plan is not None
    assert sum(len(job.tasks(plan, part)) for part in plan.parts) == COUNT
    assert sum(len(table) for table in job.batches(plan, ["number", "photo"])) == COUNT
    assert readers == {threading.get_ident()}


def test_duplicate_rows_are_written_once(
    folder: Path, job_request: Request, detector: Detector, tmp_path: Path
) -> None:
    """An engine judges photos again after it lost their worker."""
    place, plan = opened(str(folder), str(tmp_path / "out.parquet"), job_request, detector, PART)

    def twice(*arguments: Any) -> Iterator[dict[str, Any]]:
        rows = list(in_process(detector)(*arguments))
        yield from [rows[6], rows[1], rows[1], *rows[:1], *rows]

    steps = list(run(place, plan, job_request, twice))
    assert steps[-1].done == COUNT
    assert [row["number"] for row in table(tmp_path / "out.parquet")] == list(range(1, COUNT + 1))


def test_another_job_is_not_written_into_this_one(
    folder: Path, job_request: Request, detector: Detector, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    run_job(folder, out, job_request, detector)
    for changed_request, setting in (
        (replace(job_request, seed=1), "seed"),
        (replace(job_request, whole_picture=True), "whole_picture"),
    ):
        with pytest.raises(SettingsError, match=setting):
            run_job(folder, out, changed_request, detector)
    with pytest.raises(SettingsError, match="input"):
        run_job(tmp_path, out, job_request, detector)
    with pytest.raises(SettingsError) as caught:
        run_job(folder, folder, job_request, detector)
    assert caught.value.args[0].key == "bulk.no_job"
    assert len(list(folder.iterdir())) == COUNT


def test_folder_without_photos_is_refused(job_request: Request, detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "list.csv").write_text("path\n")
    with pytest.raises(SettingsError):
        run_job(tmp_path / "in" / "list.csv", tmp_path / "out.parquet", job_request, detector)


def test_result_in_an_object_store(folder: Path, job_request: Request, detector: Detector) -> None:
    name = uuid.uuid4().hex
    out = f"memory://{name}/out.parquet"
    run_job(folder, out, job_request, detector, 4)
    assert [step.done for step in run_job(folder, out, job_request, detector)] == list(range(3, COUNT + 1))
    files = fsspec.filesystem("memory")
    rows = pq.read_table(f"/{name}/out.parquet", filesystem=files).to_pylist()
    assert [row["number"] for row in rows] == list(range(1, COUNT + 1))
    files.rm(f"/{name}", recursive=True)


def test_a_cancelled_job_stops_and_continues_later(
    folder: Path, job_request: Request, detector: Detector, tmp_path: Path
) -> None:
    place, plan = opened(str(folder), str(tmp_path / "out.parquet"), job_request, detector, PART)
    cancelled = iter([False] * 9)
    steps = list(run(place, plan, job_request, in_process(detector, lambda: next(cancelled, True), at_once=2)))
    assert 0 < steps[-1].done < COUNT
    assert run_job(folder, tmp_path / "out.parquet", job_request, detector)[-1].done == COUNT
