"""The command ``python -m explain`` with clips: what it prints and writes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from explain.interfaces import command
from explain.report.files import DATA, PAGE
from explain.video.judge import judge_clip
from model.cli import run
from model.detector.detector import Detector
from model.i18n.catalogue import VARIABLE, help_text
from tests.clip_files import clip_file, greys, sound_file, written
from tests.explain.video.world import Square, analyze, clip_of
from tests.worlds import QuickDetector

Explain = Callable[..., tuple[int, str, str]]


@pytest.fixture
def explain(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], quick_detector: QuickDetector
) -> Explain:
    """Runs the command in this process, in a world of squares; gives its exit code, output and errors."""

    def opened(*_: object, **__: object) -> Detector:
        return quick_detector

    monkeypatch.setenv(VARIABLE, "en")
    monkeypatch.setattr(command, "judge_clip", partial(judge_clip, analyze=analyze))
    monkeypatch.setattr(command, "_open_model", opened)

    def explain(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["explain", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            run(command.main, help_text("command.about"))
        out, err = capfd.readouterr()
        code = caught.value.code
        return (1, out, f"{err}{code}\n") if isinstance(code, str) else (int(code or 0), out, err)

    return explain


def planted(time: float) -> list[Square]:
    return [(60, 30, 60, 0.95 if time >= 3 else 0.05)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds with a face that is fake from second 3 on; its name is that of a photo."""
    return written(tmp_path_factory.mktemp("clip"), clip_of(planted, 6), "holiday.jpg")


def test_a_clip_is_recognised_by_its_content(explain: Explain, clip: Path) -> None:
    code, out, err = explain(clip, "--frames", "24")
    assert (code, err) == (0, "")
    assert "24 frames" in out and "not on clips" in out
    times = [float(text) for text in re.findall(r"changes most at 0:0(\d\.\d)", out)]
    assert times == [pytest.approx(3.0, abs=0.25)]


def test_json_holds_the_line(explain: Explain, clip: Path) -> None:
    code, out, _ = explain(clip, "--json", "--frames", "12")
    data = json.loads(out)
    assert code == 0 and data["complete"] and data["calibrated_for_clips"] is False
    (face,) = data["faces"]
    assert len(face["sightings"]) == len(data["moments"]) == 12
    assert data["moments"][face["most_suspicious"]]["seconds"] > 3
    assert data["verdict"] == face["verdict"] == "Inconclusive"
    assert data["clip"]["frames"] == 150 and len(data["clip"]["sha256"]) == 64


def test_the_report_holds_the_timeline_and_replaces_an_earlier_one(
    explain: Explain, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    for frames in ("10", "12"):
        code, out, err = explain(clip, "--out", tmp_path / "out", "--frames", frames, "--language", "tr")
        assert code == 0 and str(tmp_path / "out" / PAGE) in out, err
    page = (tmp_path / "out" / PAGE).read_text("utf-8")
    assert page.count("<circle cx=") >= 12 and '<html lang="tr"' in page
    assert "<script" not in page and "data-choice=" not in page and page.count("data:image/jpeg") == 2
    assert json.loads((tmp_path / "out" / DATA).read_text("utf-8"))["frames_asked"] == 12


def test_an_animation_is_a_photo_unless_frames_are_asked_for(
    explain: Explain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gif = written(tmp_path, clip_file(greys(4), kind="gif"), "wave.gif")
    monkeypatch.setattr(command, "analyze", lambda photo, *_: analyze(greys(1)[0], *_))
    assert "frames" not in explain(gif, "--methods", "", "--no-robustness")[1]
    assert "4 frames were judged" in explain(gif, "--frames", "8")[1]


def test_what_a_clip_cannot_do_is_refused(explain: Explain, clip: Path) -> None:
    for options in (["--trust"], ["--methods", "lime"], ["--second", "x"], ["--frames", "0"]):
        code, _, err = explain(clip, *options)
        assert code == 1 and err.startswith("Error: "), options


def test_a_bad_clip_does_not_stop_the_next_one(explain: Explain, clip: Path, tmp_path: Path) -> None:
    silent = written(tmp_path, sound_file(), "song.mp4")
    code, out, err = explain(silent, clip, "--frames", "4", "--out", tmp_path / "out")
    assert code == 1 and "song.mp4" in err and "holiday.jpg" in out
    assert (tmp_path / "out" / "holiday" / PAGE).is_file() and not (tmp_path / "out" / "song").exists()
