"""Tests of the command on folders and ZIPs: a line for each photo, CSV, JSON and exit codes."""

from __future__ import annotations

import csv as csv_format
import errno
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, FileIO, TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explain.batch import command as many_command
from explain.batch import csv_file
from explain.batch.judge import Progress, judge_many
from explain.batch.table import CSV_COLUMNS
from explain.interfaces import command
from model.cli import run
from model.detector.detector import VERDICTS, Detector

ROOT = Path(__file__).parents[3]
ASTRONAUT = ROOT / "examples" / "astronaut.jpg"
Explain = Callable[..., tuple[int, str, str]]


@pytest.fixture
def explain(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], detector: Detector) -> Explain:
    """Runs the command in this process, in English; gives its exit code, its output and its errors."""
    monkeypatch.setenv("WHYFAKE_LANGUAGE", "en")
    monkeypatch.setattr(command, "_open_model", lambda given, **others: detector)
    detector.predict(np.zeros((8, 8, 3), np.uint8))  # LiteRT prints at its first use; that output is not the command's

    def explain(*arguments: str | Path) -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["explain", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            run(command.main)
        out, err = capfd.readouterr()
        code = caught.value.code
        return (1, out, f"{err}{code}\n") if isinstance(code, str) else (int(code or 0), out, err)

    return explain


@pytest.fixture
def trip(tmp_path: Path) -> Path:
    """A folder with two small photos, one of which shows a face, and a text."""
    folder = tmp_path / "trip"
    folder.mkdir()
    with Image.open(ASTRONAUT) as photo:
        photo.crop((140, 20, 300, 180)).save(folder / "a.png")
    Image.new("RGB", (64, 64), "teal").save(folder / "b.png")
    (folder / "notes.txt").write_text("sunny")
    return folder


def rows_in(path: Path, separator: str = ",") -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv_format.DictReader(file, delimiter=separator))


def test_folder_gives_a_line_for_each_photo_and_a_summary(explain: Explain, trip: Path) -> None:
    code, out, err = explain(trip)
    assert (code, err) == (0, ""), "only errors on stderr, unless it is a terminal"
    first, second, last = out.splitlines()
    assert first.startswith(f"{trip}/a.png: ") and ", P(Fake) 0." in first
    assert second == f"{trip}/b.png: No face found."
    assert last.startswith("2 of 2 photos are done: ") and last.endswith("1 other file was skipped.")


def test_csv_holds_every_row_including_failed_ones(explain: Explain, trip: Path, tmp_path: Path) -> None:
    (trip / "c.jpg").write_bytes(b"no photo")
    shutil.make_archive(str(tmp_path / "trip"), "zip", trip)
    table = tmp_path / "table.csv"
    code, out, err = explain(tmp_path / "trip.zip", ASTRONAUT, "--csv", table)
    assert code == 1 and len(out.splitlines()) == 4
    assert err == (
        f"Error: {tmp_path}/trip.zip/c.jpg: The file is not a readable JPEG, PNG, WebP, GIF, BMP, TIFF, "
        "AVIF or HEIC; save it as "
        "JPEG or PNG.\n"
    )
    rows = rows_in(table)
    assert [row["file"].rsplit("/")[-1] for row in rows] == ["a.png", "b.png", "c.jpg", "astronaut.jpg"]
    assert list(rows[0]) == list(CSV_COLUMNS)
    assert rows[2]["problem"] in err and rows[2]["p_fake"] == ""
    assert 0 < float(rows[0]["p_fake"]) < 1 and rows[3]["verdict"] in VERDICTS


def test_json_is_a_line_for_each_photo(explain: Explain, trip: Path) -> None:
    code, out, err = explain(trip, "--json")
    first, second = map(json.loads, out.splitlines())
    assert (code, err) == (0, "")
    assert first["faces"] == 1 and first["by_face"] == [{"p_fake": first["p_fake"], "verdict": first["verdict"]}]
    assert (second["p_fake"], second["verdict"], second["problem"], second["face"]) == (None,) * 4


def test_csv_of_single_photos_is_a_table_too(explain: Explain, trip: Path, tmp_path: Path) -> None:
    code, out, _ = explain(trip / "b.png", "--csv", tmp_path / "one.csv", "--whole-picture", "--language", "tr")
    assert code == 0 and "P(Sahte)" in out
    (row,) = rows_in(tmp_path / "one.csv", ";")
    assert row["verdict"] and "ortasındaki kare" in row["notes"]


@pytest.mark.parametrize("options", [("--trust",), ("--out", "reports"), ("--methods", "lime"), ("--face", "2")])
def test_options_that_do_not_fit_a_table_are_refused(explain: Explain, trip: Path, options: tuple[str, ...]) -> None:
    code, out, err = explain(trip, *options)
    assert (code, out) == (1, "") and err.startswith("Error: Folders, ZIPs and --csv give a table of verdicts")


@pytest.mark.parametrize("options", [("--methods", ""), ("--no-robustness",)])
def test_options_that_leave_out_maps_are_accepted_for_a_table(
    explain: Explain, trip: Path, options: tuple[str, ...]
) -> None:
    assert explain(trip, *options)[0] == 0


def test_a_file_that_cannot_be_written_is_reported_before_any_work(
    explain: Explain, trip: Path, tmp_path: Path
) -> None:
    code, out, err = explain(trip, "--csv", tmp_path / "nowhere" / "table.csv")
    assert (code, out) == (1, "") and "cannot be written" in err and err.count("\n") == 1


# Runs that end early


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A folder with the table of an earlier run."""
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "table.csv").write_text("before")
    return folder


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def interrupting(monkeypatch: pytest.MonkeyPatch, end: Callable[[], None], after: int = 1) -> None:
    """Call ``end`` once ``after`` photos are done, before the row is written."""

    def judged(*arguments: Any) -> Iterator[Progress]:
        for progress in judge_many(*arguments):
            if progress.done == after:
                end()
            yield progress

    monkeypatch.setattr(many_command, "judge_many", judged)


def broken_pipe(*given: object) -> None:
    raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_table_replaces_an_earlier_one_when_it_is_complete(
    explain: Explain, trip: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    (tables / "table.csv").chmod(0o600)
    interrupting(monkeypatch, lambda: seen.append((tables / "table.csv").read_text()), after=2)
    assert explain(trip, "--csv", tables / "table.csv")[0] == 0
    assert seen == ["before"]
    assert [row["number"] for row in rows_in(tables / "table.csv")] == ["1", "2"] and files_in(tables) == ["table.csv"]
    assert (tables / "table.csv").stat().st_mode & 0o777 == 0o600


def test_ctrl_c_keeps_the_rows_so_far_and_the_earlier_table(
    explain: Explain, trip: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupting(monkeypatch, lambda: signal.raise_signal(signal.SIGINT))
    code, out, err = explain(trip, "--csv", tables / "table.csv")
    assert code == 130 and "1 of 2 photos are done" in out
    assert err.count("\n") == 1 and f"{tables}/table.partial.csv" in err
    assert [Path(row["file"]).name for row in rows_in(tables / "table.partial.csv")] == ["a.png"]
    assert (tables / "table.csv").read_text() == "before"

    explain(trip, "--csv", tables / "table.csv")
    assert files_in(tables) == ["table.csv", "table.partial-2.csv", "table.partial.csv"], (
        "the next run keeps these rows"
    )


def test_a_run_that_ends_before_its_first_row_leaves_no_file(
    explain: Explain, trip: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupting(monkeypatch, lambda: signal.raise_signal(signal.SIGINT), after=0)
    code, _, err = explain(trip, "--csv", tables / "table.csv")
    assert (code, err, files_in(tables)) == (130, "", ["table.csv"])


def test_a_closed_output_pipe_keeps_the_rows(
    explain: Explain, trip: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_command, "_print", broken_pipe)  # as in a pipe to head
    code, _, err = explain(trip, "--csv", tables / "table.csv")
    assert code == 1 and "Traceback" not in err
    assert len(rows_in(tables / "table.partial.csv")) == 1 and (tables / "table.csv").read_text() == "before"


def test_a_full_disk_gives_one_sentence_and_keeps_whole_rows(
    explain: Explain, trip: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Disk(FileIO):
        writes = 0

        def write(self, data: Any, /) -> int:
            self.writes += 1
            if self.writes == 3:  # the first row, and a part of the second one fit
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data[:20] if self.writes == 2 else data)

    monkeypatch.setattr(csv_file, "FileIO", Disk)
    code, _, err = explain(trip, "--csv", tables / "table.csv")
    assert code == 1 and err.count("\n") == 1
    assert "No space left on device" in err and f"{tables}/table.partial.csv" in err
    assert len(rows_in(tables / "table.partial.csv")) == 1 and (tables / "table.csv").read_text() == "before"
    assert (tables / "table.partial.csv").read_bytes().endswith(b"\r\n")


def test_rows_are_kept_beside_a_table_that_cannot_be_replaced(
    explain: Explain, trip: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "replace", refused)
    code, _, err = explain(trip, "--csv", tables / "table.csv")
    assert code == 1 and err.count("\n") == 1 and f"{tables}/table.partial.csv" in err
    assert len(rows_in(tables / "table.partial.csv")) == 2


def test_a_refused_run_does_not_change_an_earlier_table(explain: Explain, trip: Path, tables: Path) -> None:
    explain(trip, "--trust", "--csv", tables / "table.csv")
    assert (tables / "table.csv").read_text() == "before" and files_in(tables) == ["table.csv"]


def test_a_link_a_pipe_and_a_long_name_are_written_to(explain: Explain, trip: Path, tables: Path) -> None:
    (tables / "link.csv").symlink_to("table.csv")
    assert explain(trip, "--csv", tables / "link.csv")[0] == 0
    assert (tables / "link.csv").is_symlink() and len(rows_in(tables / "table.csv")) == 2
    os.mkfifo(tables / "pipe")
    with ThreadPoolExecutor() as reader:
        read = reader.submit((tables / "pipe").read_text, "utf-8-sig")
        assert explain(trip, "--csv", tables / "pipe")[0] == 0
    assert len(read.result().splitlines()) == 3
    long = tables / ("漢" * 83 + ".csv")  # 253 bytes
    assert explain(trip, "--csv", long)[0] == 0 and len(rows_in(long)) == 2


# Output that a terminal cannot print


@pytest.mark.parametrize("encoding", ["cp1254", "cp857"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_names_that_the_output_encoding_cannot_write_do_not_end_the_run(
    explain: Explain, trip: Path, tables: Path, encoding: str, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (trip / "a.png").rename(trip / "日本 é 👍 a.png")
    printed = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(printed, encoding=encoding))
    code, _, err = explain(trip, "--csv", tables / "table.csv", *options)
    assert (code, err) == (0, "")
    assert [Path(row["file"]).name for row in rows_in(tables / "table.csv")] == ["b.png", "日本 é 👍 a.png"]
    lines = printed.getvalue().decode(encoding).splitlines()
    if options:
        assert Path(json.loads(lines[1])["file"]).name == "日本 é 👍 a.png"


def test_name_cannot_control_the_terminal(explain: Explain, trip: Path) -> None:
    (trip / "a.png").rename(trip / "\x1b[2Ja\n.png")
    _, out, _ = explain(trip, trip / "\x1b[2Ja\n.png")
    assert "\x1b" not in out and len(out.splitlines()) == 4
