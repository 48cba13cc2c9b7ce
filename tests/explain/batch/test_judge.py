"""Tests of many photos at once: a row for each, given while the run continues."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from explain.analysis import analyze
from explain.batch import judge, photos
from explain.batch.judge import VERDICT_ALONE, Progress, Row, judge_many, open_row
from explain.result import Analysis
from explain.settings import Settings
from model.detector.detector import Detector
from model.errors import PhotoError

ROOT = Path(__file__).parents[3]
ASTRONAUT, CAT = ROOT / "examples" / "astronaut.jpg", ROOT / "examples" / "cat.jpg"


@pytest.fixture(scope="module")
def detector(quick_detector: Detector) -> Detector:
    """A fast network: these tests do not depend on its answers."""
    return quick_detector


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, astronaut: NDArray[np.uint8]) -> Path:
    """Photos of one face, of no face and of two faces (the darker, smaller one first), and a photo that is cut off."""
    folder = tmp_path_factory.mktemp("many")
    head = astronaut[20:180, 140:300]
    small = np.pad(np.asarray(Image.fromarray(head // 2).resize((120, 120))), ((0, 40), (0, 0), (0, 0)))
    Image.fromarray(head).save(folder / "1.png")
    (folder / "2.jpg").write_bytes(ASTRONAUT.read_bytes()[:20_000])
    shutil.copy(CAT, folder / "3.jpg")
    Image.fromarray(np.hstack([small, head])).save(folder / "4.png")
    return folder


@pytest.fixture(scope="module")
def steps(folder: Path, detector: Detector) -> list[Progress]:
    return list(judge_many([folder], detector))


@pytest.fixture(scope="module")
def rows(steps: list[Progress]) -> tuple[Row, ...]:
    return steps[-1].rows


def test_progress_comes_after_each_photo(steps: list[Progress]) -> None:
    assert [(step.done, step.planned) for step in steps] == [(done, 4) for done in range(5)]
    assert [step.complete for step in steps] == [False] * 4 + [True]
    assert all(later.rows[: step.done] == step.rows for step, later in pairwise(steps))


def test_a_bad_file_is_a_row_and_does_not_stop_the_run(rows: tuple[Row, ...], folder: Path) -> None:
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert [row.name for row in rows] == [f"{folder.name}/{name}" for name in ("1.png", "2.jpg", "3.jpg", "4.png")]
    assert str(rows[1].problem) == "The photo is damaged or cut off; download or export it again."
    assert (rows[1].faces, rows[1].p_fake, rows[1].verdict, rows[1].sha256) == ((), None, None, "")
    assert [row.problem for row in rows if row.number != 2] == [None] * 3
    assert (rows[2].found, rows[2].faces, rows[2].suspect) == (0, (), None)


def test_verdict_equals_that_of_a_single_photo(rows: tuple[Row, ...], folder: Path, detector: Detector) -> None:
    alone = list(analyze(folder / "1.png", Settings(methods=("attention",), robustness=False), detector))[-1]
    assert alone.prediction is not None
    assert rows[0].p_fake == pytest.approx(alone.prediction.probabilities["Fake"], abs=1e-6)
    assert rows[0].verdict == alone.prediction.verdict
    assert rows[0].sha256 == hashlib.sha256((folder / "1.png").read_bytes()).hexdigest()
    assert rows[0].seconds > 0


def test_row_describes_the_most_suspicious_face(rows: tuple[Row, ...], folder: Path, detector: Detector) -> None:
    both, values = rows[3], [face.p_fake for face in rows[3].faces]
    assert both.found == 2 and both.p_fake == max(values) and both.suspect == values.index(max(values))
    assert both.verdict == detector.verdict(max(values))
    (found,) = (
        step for step in analyze(folder / "4.png", Settings(methods=(), robustness=False), detector) if step.predictions
    )
    assert values == pytest.approx([prediction.probabilities["Fake"] for prediction in found.predictions], abs=1e-6)


def test_entries_of_a_zip_are_judged_like_files(
    rows: tuple[Row, ...], folder: Path, detector: Detector, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "trip.zip", "w") as archive:
        archive.write(folder / "1.png", "day 1/1.png")
        archive.write(folder / "2.jpg", "day 1/2.jpg")
        archive.writestr("day 1/notes.txt", "sunny")
    last = list(judge_many([tmp_path / "trip.zip"], detector))[-1]
    assert [row.name for row in last.rows] == ["trip.zip/day 1/1.png", "trip.zip/day 1/2.jpg"]
    assert (last.rows[0].faces, last.rows[0].sha256) == (rows[0].faces, rows[0].sha256)
    assert last.rows[1].problem == rows[1].problem and last.passed_over == 1
    assert open_row(last.rows[0]) == (folder / "1.png").read_bytes()


def test_row_is_opened_again_while_its_file_is_there(rows: tuple[Row, ...], folder: Path, tmp_path: Path) -> None:
    assert open_row(rows[3]) == folder / "4.png"
    with pytest.raises(PhotoError, match="no photo in it"):
        open_row(Row(1, "x", item=photos.find([tmp_path]).items[0]))


def test_whole_picture_is_judged_if_the_setting_is_on(detector: Detector) -> None:
    row = list(judge_many([CAT], detector, whole_picture=True))[-1].rows[0]
    assert row.found == 0 and len(row.faces) == 1 and row.p_fake is not None
    assert "central square is judged" in str(row.notes[-1])


def test_a_note_says_when_only_some_faces_are_judged(
    folder: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explain.predictions.MOST_JUDGED", 1)
    monkeypatch.setattr(judge, "MOST_JUDGED", 1)
    row = list(judge_many([folder / "4.png"], detector))[-1].rows[0]
    assert row.found == 2 and len(row.faces) == 1
    assert [str(note) for note in row.notes] == ["Only the 1 largest faces were judged."]


def test_an_internal_error_is_a_row_too(folder: Path, detector: Detector) -> None:
    def broken(source: Any, *others: Any) -> Iterator[Analysis]:
        if Path(source).name == "1.png":
            raise ZeroDivisionError
        return analyze(source, *others)

    first, second = list(judge_many([folder / "1.png", CAT], detector, analyze=broken))[-1].rows
    assert "went wrong inside WhyFake" in str(first.problem) and second.problem is None


def test_no_maps_are_made(folder: Path, detector: Detector) -> None:
    last = list(analyze(folder / "1.png", VERDICT_ALONE, detector))[-1]
    assert last.complete and last.prediction is not None
    assert (last.attributions, last.trusts, last.robustness) == ({}, {}, None)


def test_no_regions_are_made_for_a_verdict_alone(
    folder: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explain.steps.named_regions", lambda *_: pytest.fail("a region was cut"))
    last = list(analyze(folder / "1.png", VERDICT_ALONE, detector))[-1]
    assert last.complete and last.prediction is not None and last.subject is None


def test_cancelling_keeps_finished_rows(folder: Path, detector: Detector) -> None:
    seen: list[Progress] = []
    for step in judge_many([folder], detector, cancelled=lambda: bool(seen) and seen[-1].done == 2):
        seen.append(step)
    assert seen[-1].done == 2 and not seen[-1].complete


def test_photo_that_is_cancelled_half_way_gives_no_row(folder: Path, detector: Detector) -> None:
    calls: list[int] = []

    def cancelled() -> bool:
        calls.append(1)
        return len(calls) > 1  # not before the photo, but before its verdict

    assert [step.done for step in judge_many([folder / "1.png"], detector, cancelled)] == [0]


def test_an_empty_list_is_complete_at_once(detector: Detector) -> None:
    assert list(judge_many([], detector)) == [Progress((), 0, 0, complete=True)]
