"""Tests of the page's table of many photos: what each step changes, whatever goes wrong."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from explain.batch.judge import Row
from explain.page import batch
from explain.page.components.updates import Updates
from explain.page.sessions import Runs
from explain.service.service import Doors
from model.available import MODEL_FOLDER, FoundModel, Models
from model.paths import SHIPPED

CAT = Path(__file__).resolve().parents[3] / "examples" / "cat.jpg"  # no face: the quickest of answers
ASKED = {"language": "en", "model": "lite_attention", "many_progress": None}


@pytest.fixture(scope="module")
def doors() -> Doors:
    return Doors(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))


def judged(doors: Doors, files: list[Path], runs: Runs | None = None, **asked: Any) -> list[Updates]:
    steps = batch.judge(ASKED | asked, [str(file) for file in files], doors, runs or Runs(), "visitor", as_before)
    return list(steps)


def as_before(visitor: str, language: str) -> str:
    """Nobody changes the language meanwhile."""
    return language


def rows_of(step: Updates) -> tuple[Row, ...]:
    """The rows that a step tells of."""
    return () if step.get("many_progress") is None else step["many_progress"].rows


def shown(steps: list[Updates]) -> Updates:
    """What the page shows in the end."""
    return {name: value for step in steps for name, value in step.items()}


def test_the_table_grows_by_a_row_for_each_photo(doors: Doors) -> None:
    steps = judged(doors, [CAT, CAT])
    assert [len(rows_of(step)) for step in steps if "many_progress" in step] == [0, 1, 2]
    assert shown(steps)["many_csv"] == {"visible": True} and shown(steps)["many_cancel"] == {"visible": False}
    assert "2 of 2 photos" in shown(steps)["many_status"] and "<progress" not in shown(steps)["many_status"]


def test_no_files_clear_the_table(doors: Doors) -> None:
    assert shown(judged(doors, []))["many_progress"] is None


def test_who_cancels_keeps_the_rows_so_far(doors: Doors) -> None:
    runs, steps = Runs(), []
    for step in batch.judge(ASKED, [str(CAT)] * 3, doors, runs, "visitor", as_before):
        steps.append(step)
        if len(rows_of(step)) == 1:
            runs.stop("visitor" + batch.OURS)
    assert len(rows_of(shown(steps))) == 1
    assert shown(steps)["many_status"].count("Stopped.") == 1 and "1 of 3" in shown(steps)["many_status"]


def test_a_fault_is_told_and_not_called_a_stop(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(batch, "judge_many", broken)
    found = shown(judged(doors, [CAT]))
    assert "failed" in found["many_notice"]["value"] and "many_status" not in found
    assert found["many_cancel"] == {"visible": False}


def test_every_photo_takes_its_turn(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    running = []
    real = doors.memory.analyze

    def watched(*given: Any) -> Any:
        for step in real(*given):
            running.append(doors.turns.running)
            yield step

    monkeypatch.setattr(doors.memory, "analyze", watched)
    judged(doors, [CAT])
    assert running == [1] and doors.turns.running == 0


def test_a_row_of_a_zip_is_opened_and_its_copy_is_gone_afterwards(doors: Doors, tmp_path: Path) -> None:
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(CAT, "holiday/cat.jpg")
    progress = shown(judged(doors, [packed]))["many_progress"]
    opened = batch.open_photo_of(ASKED | {"many_progress": progress}, 1)
    found = next(opened)
    copy = Path(found["photo"])
    assert copy.name == "cat.jpg" and copy.read_bytes() == CAT.read_bytes() and found["tabs"] == {"selected": "one"}
    assert not list(opened) and not copy.exists()
    assert not list(batch.open_photo_of(ASKED | {"many_progress": progress}, 7))


def test_the_table_is_handed_over_as_csv(doors: Doors) -> None:
    progress = shown(judged(doors, [CAT]))["many_progress"]
    handed = batch.download(ASKED | {"many_progress": progress, "language": "tr"})
    with Path(next(handed)["ready"]).open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["file"] == "cat.jpg" and row["faces"] == "0"
    assert not list(handed)
