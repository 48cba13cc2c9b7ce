"""Tests of the process that decodes clips: every failure is one sentence, and it ends with its reader."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from model.clips import process
from model.clips.answers import Facts, Picture
from model.clips.clip import frame_of, is_clip, read_clip
from model.errors import ClipError
from model.i18n.catalogue import Message
from tests.support.clip_files import clip_file, greys, number_of, sound_file, written

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture(scope="module")
def clip() -> bytes:
    return clip_file(greys(12))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were started."""
    found: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            found.append(self)

    monkeypatch.setattr(process.subprocess, "Popen", Noted)
    return found


def key_of(error: ClipError) -> str:
    message = error.args[0]
    assert isinstance(message, Message)
    return message.key


@pytest.mark.slow
def test_answers_arrive_in_order_and_the_process_ends(clip: bytes, started: list[Any]) -> None:
    facts, *found = read_clip(clip, 4)
    assert isinstance(facts, Facts) and facts.frames == 12
    assert [number_of(picture.pixels) for picture in found if isinstance(picture, Picture)] == [1, 4, 7, 10]
    last = found[-1]
    assert isinstance(last, Picture) and (frame_of(clip, last.at) == last.pixels).all()
    assert len(started) == 2 and all(process.poll() is not None for process in started)


def test_closing_the_reader_ends_the_process(clip: bytes, started: list[Any]) -> None:
    answers = read_clip(clip, 4)
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    (decoder,) = started
    assert decoder.poll() is not None


def test_cancelling_ends_the_process(clip: bytes, started: list[Any]) -> None:
    with pytest.raises(ClipError) as refused:
        list(read_clip(clip, 4, cancelled=lambda: True))
    assert key_of(refused.value) == "clip.cancelled"
    (decoder,) = started
    assert decoder.poll() is not None


def test_failure_of_the_process_is_one_error_message(clip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ClipError) as refused:
        list(read_clip(clip))
    assert key_of(refused.value) == "clip.broke_off"


@pytest.mark.parametrize("source", [sound_file(), b"\0\0\0\x18ftypmp42" + bytes(200)])
def test_refusal_is_passed_on_from_the_process(source: bytes) -> None:
    with pytest.raises(ClipError) as refused:
        list(read_clip(source))
    assert key_of(refused.value) in ("clip.no_pictures", "clip.damaged")


@pytest.mark.parametrize("name", ["astronaut.jpg", "clip.mp4"])
def test_a_photo_is_refused_as_a_photo(name: str, tmp_path: Path, started: list[Any]) -> None:
    photo = written(tmp_path, (EXAMPLES / "astronaut.jpg").read_bytes(), name)
    for source in (photo, photo.read_bytes()):
        with pytest.raises(ClipError) as refused:
            list(read_clip(source))
        assert key_of(refused.value) == "clip.photo"
    assert not started, "a photo must not start a decoder of clips"


def test_clips_are_recognised_by_their_content(tmp_path: Path, clip: bytes) -> None:
    gif = clip_file(greys(3), kind="gif")
    assert is_clip(clip) and is_clip(written(tmp_path, clip, "photo.jpg")) and is_clip(clip_file(greys(2), kind="webm"))
    assert not is_clip(gif) and is_clip(gif, animations=True)
    assert not is_clip(written(tmp_path, b"\xff\xd8\xff\xe0", "clip.mp4"))
    assert not is_clip(tmp_path) and not is_clip(tmp_path / "missing.mp4")


@pytest.mark.slow
def test_process_loads_only_needed_packages() -> None:
    code = "import model.clips.decode, model.clips.worker, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "av" in loaded
    assert not {"cv2", "scipy", "tensorflow", "gradio", "skimage", "explain"} & set(loaded)
