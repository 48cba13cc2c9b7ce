"""The command ``python -m explain`` with clips: its output and its reports."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest

from explain.interfaces import command
from explain.report.files import DATA, PAGE
from explain.video.judge import judge_clip
from tests.explain.interfaces.photos import Explain
from tests.explain.video.world import Square, analyze, clip_of
from tests.support.clip_files import clip_file, greys, sound_file, written


@pytest.fixture
def judge(explain: Explain, monkeypatch: pytest.MonkeyPatch) -> Explain:
    """Run the command with an analysis that takes coloured squares as faces."""
    monkeypatch.setattr(command, "judge_clip", partial(judge_clip, analyze=analyze))
    return explain


def fake_from_second_3(time: float) -> list[Square]:
    return [(60, 30, 60, 0.95 if time >= 3 else 0.05)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds with a face that is fake from second 3 on; the file name ends in .jpg."""
    return written(tmp_path_factory.mktemp("clip"), clip_of(fake_from_second_3, 6), "holiday.jpg")


@pytest.mark.slow
def test_a_clip_is_recognised_by_its_content(judge: Explain, clip: Path) -> None:
    code, out, err = judge(clip, "--frames", "24")
    assert (code, err) == (0, "")
    assert "24 frames" in out and "not on clips" in out
    times = [float(text) for text in re.findall(r"changes most at 0:0(\d\.\d)", out)]
    assert times == [pytest.approx(3.0, abs=0.25)]


@pytest.mark.slow
def test_json_contains_the_timeline_of_the_face(judge: Explain, clip: Path) -> None:
    code, out, _ = judge(clip, "--json", "--frames", "12")
    data = json.loads(out)
    assert code == 0 and data["complete"] and data["calibrated_for_clips"] is False
    (face,) = data["faces"]
    assert len(face["sightings"]) == len(data["moments"]) == 12
    assert data["moments"][face["most_suspicious"]]["seconds"] > 3
    assert data["verdict"] == face["verdict"] == "Inconclusive"
    assert data["clip"]["frames"] == 150 and len(data["clip"]["sha256"]) == 64


@pytest.mark.slow
def test_the_report_contains_the_timeline(judge: Explain, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for frames in ("10", "12"):
        code, out, err = judge(clip, "--out", tmp_path / "out", "--frames", frames, "--language", "tr")
        assert code == 0 and str(tmp_path / "out" / PAGE) in out, err
    page = (tmp_path / "out" / PAGE).read_text("utf-8")
    assert page.count("<circle cx=") >= 12 and '<html lang="tr"' in page
    assert "<script" not in page and "data-choice=" not in page and page.count("data:image/jpeg") == 2
    assert json.loads((tmp_path / "out" / DATA).read_text("utf-8"))["frames_requested"] == 12


def test_an_animation_is_a_photo_without_the_option_frames(
    judge: Explain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gif = written(tmp_path, clip_file(greys(4), kind="gif"), "wave.gif")
    monkeypatch.setattr(command, "analyze", lambda photo, *_: analyze(greys(1)[0], *_))
    assert "frames" not in judge(gif, "--methods", "", "--no-robustness")[1]
    assert "4 frames were judged" in judge(gif, "--frames", "8")[1]


def test_options_that_clips_do_not_support_are_refused(judge: Explain, clip: Path) -> None:
    for options in (["--trust"], ["--methods", "lime"], ["--second", "x"], ["--frames", "0"]):
        code, _, err = judge(clip, *options)
        assert code == 1 and err.startswith("Error: "), options


@pytest.mark.slow
def test_an_unusable_clip_does_not_stop_the_next_one(judge: Explain, clip: Path, tmp_path: Path) -> None:
    without_pictures = written(tmp_path, sound_file(), "song.mp4")
    code, out, err = judge(without_pictures, clip, "--frames", "4", "--out", tmp_path / "out")
    assert code == 1 and "song.mp4" in err and "holiday.jpg" in out
    assert (tmp_path / "out" / "holiday" / PAGE).is_file() and not (tmp_path / "out" / "song").exists()
