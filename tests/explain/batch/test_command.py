"""Tests of the command on folders and ZIPs: a line for each photo, CSV, JSON and exit codes."""

from __future__ import annotations

import csv as csv_format
import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explain.batch import command as many_command
from explain.batch.judge import Progress, judge_many
from explain.batch.table import CSV_COLUMNS
from explain.interfaces import command
from model.cli import run
from model.detector.detector import Detector

ROOT = Path(__file__).parents[3]
ASTRONAUT = ROOT / "examples" / "astronaut.jpg"
Explain = Callable[..., tuple[int, str, str]]


@pytest.fixture
def explain(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], detector: Detector) -> Explain:
    """Runs the command in this process, in English; gives its exit code, its output and its errors."""
    monkeypatch.setenv("WHYFAKE_LANGUAGE", "en")
    monkeypatch.setattr(command, "_open_model", lambda given, settings: detector)
    detector.predict(np.zeros((8, 8, 3), np.uint8))  # LiteRT speaks at its first use, which is not this command's

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


def rows_in(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv_format.DictReader(file))


def test_folder_gives_a_line_for_each_photo_and_a_summary(explain: Explain, trip: Path) -> None:
    code, out, err = explain(trip)
    assert (code, err) == (0, ""), "nothing but errors on stderr where nobody watches"
    first, second, last = out.splitlines()
    assert first.startswith(f"{trip}/a.png: ") and ", P(Fake) 0." in first
    assert second == f"{trip}/b.png: No face found."
    assert last.startswith("2 of 2 photos are done: ") and last.endswith("1 other file was passed over.")


def test_csv_holds_every_row_the_bad_ones_too(explain: Explain, trip: Path, tmp_path: Path) -> None:
    (trip / "c.jpg").write_bytes(b"no photo")
    shutil.make_archive(str(tmp_path / "trip"), "zip", trip)
    table = tmp_path / "table.csv"
    code, out, err = explain(tmp_path / "trip.zip", ASTRONAUT, "--csv", table)
    assert code == 1 and len(out.splitlines()) == 4
    assert err == (
        f"Error: {tmp_path}/trip.zip/c.jpg: The file is not a readable JPEG, PNG, WebP, GIF, BMP or TIFF; save it as "
        "JPEG or PNG.\n"
    )
    rows = rows_in(table)
    assert [row["file"].rsplit("/")[-1] for row in rows] == ["a.png", "b.png", "c.jpg", "astronaut.jpg"]
    assert list(rows[0]) == list(CSV_COLUMNS)
    assert rows[2]["problem"] in err and rows[2]["p_fake"] == ""
    assert 0 < float(rows[0]["p_fake"]) < 1 and rows[3]["verdict"] == "Inconclusive"


def test_json_is_a_line_for_each_photo(explain: Explain, trip: Path) -> None:
    code, out, err = explain(trip, "--json")
    first, second = map(json.loads, out.splitlines())
    assert (code, err) == (0, "")
    assert first["faces"] == 1 and first["by_face"] == [{"p_fake": first["p_fake"], "verdict": first["verdict"]}]
    assert (second["p_fake"], second["verdict"], second["problem"], second["face"]) == (None,) * 4


def test_csv_of_single_photos_is_a_table_too(explain: Explain, trip: Path, tmp_path: Path) -> None:
    code, out, _ = explain(trip / "b.png", "--csv", tmp_path / "one.csv", "--whole-picture", "--language", "tr")
    assert code == 0 and "P(Sahte)" in out
    (row,) = rows_in(tmp_path / "one.csv")
    assert row["verdict"] and "ortasındaki kare" in row["notes"]


@pytest.mark.parametrize("options", [("--trust",), ("--out", "reports"), ("--methods", "lime"), ("--face", "2")])
def test_what_a_table_has_no_room_for_is_refused(explain: Explain, trip: Path, options: tuple[str, ...]) -> None:
    code, out, err = explain(trip, *options)
    assert (code, out) == (1, "") and err.startswith("Error: Folders, ZIPs and --csv give a table of verdicts")


@pytest.mark.parametrize("options", [("--methods", ""), ("--no-robustness",)])
def test_asking_for_no_maps_is_asking_for_a_table(explain: Explain, trip: Path, options: tuple[str, ...]) -> None:
    assert explain(trip, *options)[0] == 0


def test_file_that_cannot_be_written_is_said_before_any_work(explain: Explain, trip: Path, tmp_path: Path) -> None:
    code, out, err = explain(trip, "--csv", tmp_path / "nowhere" / "table.csv")
    assert (code, out) == (1, "") and "cannot be written" in err and err.count("\n") == 1


def test_ctrl_c_writes_what_there_is_and_ends(
    explain: Explain, trip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> Iterator[Progress]:
        for progress in judge_many(*arguments):
            if progress.done == 1:
                signal.raise_signal(signal.SIGINT)
            yield progress

    monkeypatch.setattr(many_command, "judge_many", interrupted)
    code, out, _ = explain(trip, "--csv", tmp_path / "table.csv")
    assert code == 130 and "1 of 2 photos are done" in out
    assert [Path(row["file"]).name for row in rows_in(tmp_path / "table.csv")] == ["a.png"]
