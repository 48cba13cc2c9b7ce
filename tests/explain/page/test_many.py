"""Tests of the page's table of many photos: the updates of each step, also after errors."""

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
from tests.explain.page.run.visits import final_state

CAT = Path(__file__).resolve().parents[3] / "examples" / "cat.jpg"  # no face, so its analysis is quick
CONTROL_VALUES = {"language": "en", "model": "lite_attention", "many_progress": None}


@pytest.fixture(scope="module")
def service() -> Service:
    return Service(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))


def begin(service: Service, files: list[Path], runs: Runs | None = None, **options: Any) -> Iterator[Updates]:
    """A visitor's run over files, with a model of the server."""

    def detector_of(name: str, visitor: str) -> Detector:
        return service.models.get(name)

    paths, visitor = list(map(str, files)), "visitor"
    return many.judge(
        CONTROL_VALUES, paths, service, runs or Runs(), visitor, unchanged_language, detector_of, **options
    )


def judge_all(service: Service, files: list[Path]) -> list[Updates]:
    return list(begin(service, files))


def unchanged_language(visitor: str, language: str) -> str:
    """The visitor does not change the language during the run."""
    return language


def rows_of(step: Updates) -> tuple[Row, ...]:
    """The rows in the updates of a step."""
    return () if step.get("many_progress") is None else step["many_progress"].rows


def test_table_grows_by_a_row_for_each_photo(service: Service) -> None:
    steps = judge_all(service, [CAT, CAT])
    assert [len(rows_of(step)) for step in steps if "many_progress" in step] == [0, 1, 2]
    end = final_state(steps)
    assert end["many_csv"] == {"visible": True} and end["many_cancel"] == {"visible": False}
    assert "2 of 2 photos" in end["many_status"] and "<progress" not in end["many_status"]


def test_other_files_of_a_folder_are_skipped(service: Service, tmp_path: Path) -> None:
    for name in (".DS_Store", "._a.jpg", "Thumbs.db", "notes.txt"):
        (tmp_path / name).write_bytes(b"no photo")
    found = final_state(list(begin(service, [CAT, *sorted(tmp_path.iterdir())], gathered=True)))
    assert [row.name for row in rows_of(found)] == ["cat.jpg"] and "4 other files" in found["many_status"]


def test_long_table_is_not_sent_after_every_photo(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "FEW", 1)
    monkeypatch.setattr(many, "EVERY_S", 1000.0)
    tables = [step for step in judge_all(service, [CAT] * 5) if "many_progress" in step and "many_table" in step]
    assert [len(rows_of(step)) for step in tables] == [0, 1, 5], "only the first tables and the last one"


def test_table_is_cleared_if_there_are_no_files(service: Service) -> None:
    assert final_state(judge_all(service, []))["many_progress"] is None


def test_cancelled_run_keeps_finished_rows(service: Service) -> None:
    runs, steps = Runs(), []
    for step in begin(service, [CAT] * 3, runs):
        steps.append(step)
        if len(rows_of(step)) == 1:
            runs.stop("visitor" + many.RUN_SUFFIX)
    assert len(rows_of(final_state(steps))) == 1
    assert final_state(steps)["many_status"].count("Stopped.") == 1 and "1 of 3" in final_state(steps)["many_status"]


def test_internal_error_is_reported_and_not_shown_as_cancelled(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(many, "judge_many", broken)
    found = final_state(judge_all(service, [CAT]))
    assert "went wrong inside WhyFake" in found["many_notice"]["value"] and found["many_status"] == ""
    assert found["many_cancel"] == {"visible": False}


def test_every_photo_takes_a_turn_in_the_queue(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    running = []
    analyze = service.example_cache.analyze

    def watched_analyze(*args: Any) -> Any:
        for step in analyze(*args):
            running.append(service.queue.running)
            yield step

    monkeypatch.setattr(service.example_cache, "analyze", watched_analyze)
    judge_all(service, [CAT])
    assert running == [1] and service.queue.running == 0


def test_row_of_a_zip_is_opened_without_a_copy_on_the_disk(service: Service, tmp_path: Path) -> None:
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(CAT, "holiday/cat.jpg")
    progress = final_state(judge_all(service, [packed]))["many_progress"]
    (found,) = many.open_photo_of(CONTROL_VALUES | {"many_progress": progress}, 1)
    assert found["photo"] == CAT.read_bytes() and found["tabs"] == {"selected": "one"}
    assert (found["face"], found["whole"]) == (0, False)
    assert not list(many.open_photo_of(CONTROL_VALUES | {"many_progress": progress}, 7))


def test_table_is_downloaded_as_csv(service: Service) -> None:
    progress = final_state(judge_all(service, [CAT]))["many_progress"]
    updates = many.download(CONTROL_VALUES | {"many_progress": progress, "language": "tr"})
    with Path(next(updates)["ready"]).open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file, delimiter=";")
    assert row["file"] == "cat.jpg" and row["faces"] == "0"
    assert not list(updates)
