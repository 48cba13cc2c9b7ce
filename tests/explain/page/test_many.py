"""Tests of the page's table of many photos: what each step changes, whatever goes wrong."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from explain.batch.judge import Row
from explain.page.components.updates import Updates
from explain.page.many import judge as many
from explain.page.sessions import Runs
from explain.service.service import Service
from model.available import MODEL_FOLDER, FoundModel, Models
from model.detector.detector import Detector
from model.paths import SHIPPED
from tests.explain.page.run.visits import rest

CAT = Path(__file__).resolve().parents[3] / "examples" / "cat.jpg"  # no face: the quickest of answers
CONTROL_VALUES = {"language": "en", "model": "lite_attention", "many_progress": None}


@pytest.fixture(scope="module")
def service() -> Service:
    return Service(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))


def begin(service: Service, files: list[Path], runs: Runs | None = None, **options: Any) -> Iterator[Updates]:
    """A visitor's run over files, with a model of the server."""

    def detector_of(name: str, visitor: str) -> Detector:
        return service.models.get(name)

    places, visitor = list(map(str, files)), "visitor"
    return many.judge(CONTROL_VALUES, places, service, runs or Runs(), visitor, as_before, detector_of, **options)


def judged(service: Service, files: list[Path]) -> list[Updates]:
    return list(begin(service, files))


def as_before(visitor: str, language: str) -> str:
    """Nobody changes the language meanwhile."""
    return language


def rows_of(step: Updates) -> tuple[Row, ...]:
    """The rows that a step tells of."""
    return () if step.get("many_progress") is None else step["many_progress"].rows


def test_the_table_grows_by_a_row_for_each_photo(service: Service) -> None:
    steps = judged(service, [CAT, CAT])
    assert [len(rows_of(step)) for step in steps if "many_progress" in step] == [0, 1, 2]
    assert rest(steps)["many_csv"] == {"visible": True} and rest(steps)["many_cancel"] == {"visible": False}
    assert "2 of 2 photos" in rest(steps)["many_status"] and "<progress" not in rest(steps)["many_status"]


def test_what_else_a_folder_holds_is_passed_over(service: Service, tmp_path: Path) -> None:
    for name in (".DS_Store", "._a.jpg", "Thumbs.db", "notes.txt"):
        (tmp_path / name).write_bytes(b"no photo")
    found = rest(list(begin(service, [CAT, *sorted(tmp_path.iterdir())], gathered=True)))
    assert [row.name for row in rows_of(found)] == ["cat.jpg"] and "4 other files" in found["many_status"]


def test_a_long_table_is_not_sent_after_every_photo(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "FEW", 1)
    monkeypatch.setattr(many, "EVERY_S", 1000.0)
    tables = [step for step in judged(service, [CAT] * 5) if "many_progress" in step and "many_table" in step]
    assert [len(rows_of(step)) for step in tables] == [0, 1, 5], "the first ones, and the end"


def test_no_files_clear_the_table(service: Service) -> None:
    assert rest(judged(service, []))["many_progress"] is None


def test_who_cancels_keeps_the_rows_so_far(service: Service) -> None:
    runs, steps = Runs(), []
    for step in begin(service, [CAT] * 3, runs):
        steps.append(step)
        if len(rows_of(step)) == 1:
            runs.stop("visitor" + many.RUN_SUFFIX)
    assert len(rows_of(rest(steps))) == 1
    assert rest(steps)["many_status"].count("Stopped.") == 1 and "1 of 3" in rest(steps)["many_status"]


def test_a_fault_is_told_and_not_called_a_stop(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(many, "judge_many", broken)
    found = rest(judged(service, [CAT]))
    assert "went wrong inside WhyFake" in found["many_notice"]["value"] and found["many_status"] == ""
    assert found["many_cancel"] == {"visible": False}


def test_every_photo_takes_its_turn(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    running = []
    real = service.example_cache.analyze

    def watched(*given: Any) -> Any:
        for step in real(*given):
            running.append(service.queue.running)
            yield step

    monkeypatch.setattr(service.example_cache, "analyze", watched)
    judged(service, [CAT])
    assert running == [1] and service.queue.running == 0


def test_a_row_of_a_zip_is_opened_without_a_copy_on_the_disk(service: Service, tmp_path: Path) -> None:
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(CAT, "holiday/cat.jpg")
    progress = rest(judged(service, [packed]))["many_progress"]
    (found,) = many.open_photo_of(CONTROL_VALUES | {"many_progress": progress}, 1)
    assert found["photo"] == CAT.read_bytes() and found["tabs"] == {"selected": "one"}
    assert (found["face"], found["whole"]) == (0, False)
    assert not list(many.open_photo_of(CONTROL_VALUES | {"many_progress": progress}, 7))


def test_the_table_is_handed_over_as_csv(service: Service) -> None:
    progress = rest(judged(service, [CAT]))["many_progress"]
    handed = many.download(CONTROL_VALUES | {"many_progress": progress, "language": "tr"})
    with Path(next(handed)["ready"]).open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file, delimiter=";")
    assert row["file"] == "cat.jpg" and row["faces"] == "0"
    assert not list(handed)
