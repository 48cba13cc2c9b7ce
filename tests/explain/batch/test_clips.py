"""Tests of clips among many photos: a row for each, by the most suspicious face over time."""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explain.batch.judge import CLIP_FRAMES, Row, judge_many, open_row
from explain.batch.table import to_csv, to_dict
from explain.video.judge import judge_clip
from model.clips.answers import Limits
from tests.explain.video.world import analyze, clip_of
from tests.support.clip_files import clip_file, greys, sound_file, written
from tests.support.worlds import World, brightness

WORLD: Any = World(brightness)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """The rows of a folder with a clip without a file extension, a broken clip, an animation, and a clip in a ZIP."""
    folder = tmp_path_factory.mktemp("many")
    data = clip_of(lambda time: [(20, 30, 60, 0.1), (150, 30, 60, 0.85 + 0.1 * time)], 1)
    written(folder, data, "clip")
    written(folder, sound_file(), "song.mp4")
    written(folder, clip_file(greys(4), kind="gif"), "wave.gif")
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("inner/other.mov", data)
    judge = partial(judge_clip, count=CLIP_FRAMES, limits=Limits(), analyze=analyze)
    steps = judge_many([folder], WORLD, analyze=_photo, judge_clip=judge)
    return {row.name.removeprefix(f"{folder.name}/"): row for row in list(steps)[-1].rows}


def _photo(source: Any, *others: Any) -> Any:
    return analyze(np.array(Image.open(source).convert("RGB")), *others)


def test_each_clip_has_a_row_and_a_broken_one_does_not_stop_the_run(rows: dict[str, Row]) -> None:
    assert list(rows) == ["clip", "more.zip/inner/other.mov", "song.mp4", "wave.gif"]
    assert rows["song.mp4"].problem is not None and "sound" in str(rows["song.mp4"].problem)
    assert rows["wave.gif"].moment is None and rows["wave.gif"].problem is None  # an animation is a photo


@pytest.mark.parametrize("name", ["clip", "more.zip/inner/other.mov"])
def test_the_row_describes_the_most_suspicious_face(rows: dict[str, Row], name: str) -> None:
    row = rows[name]
    assert (row.found, row.suspect, row.verdict) == (2, 1, "Fake")
    assert row.p_fake == pytest.approx(0.9, abs=0.05)
    assert f"{CLIP_FRAMES} frames" in str(row.notes[0]) and row.thumbnail.startswith(b"\xff\xd8")
    assert to_dict(row)["faces"] == 2 and name.rpartition("/")[2] in to_csv([row])


@pytest.mark.parametrize("name", ["clip", "more.zip/inner/other.mov"])
def test_opening_a_row_gives_its_most_suspicious_moment(rows: dict[str, Row], name: str, tmp_path: Path) -> None:
    photo = open_row(rows[name])
    assert isinstance(photo, bytes)
    pixels = np.array(Image.open(written(tmp_path, photo, "moment.png")))
    assert pixels[60, 180, 0] / 255 == pytest.approx(0.85 + 0.1 * 0.95, abs=0.04)
