"""Tests of judging clips: simulated faces with known probabilities, and a real analysis of a real face."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.analysis import analyze as real_analyze
from explain.result import Analysis
from explain.settings import Settings
from explain.video.judge import MOST_FRAMES, VERDICT_ALONE, judge_clip
from explain.video.result import Clip
from model.clips.answers import Limits
from model.clips.clip import frame_of
from model.detector.detector import Detector
from model.errors import ClipError, SettingsError
from tests.explain.video.world import Square, analyze, clip_of
from tests.support.clip_files import clip_file, sound_file, written
from tests.support.worlds import World, brightness

WORLD: Any = World(brightness)


def judged(source: bytes | Path, count: int = 24, **options: Any) -> list[Clip]:
    return list(judge_clip(source, WORLD, count, analyze=analyze, **options))


def fake_from_second_3(time: float) -> list[Square]:
    """A face that moves slowly and is fake from second 3 on."""
    return [(60 + round(10 * time), 30, 60, 0.9 if time >= 3 else 0.1)]


@pytest.fixture(scope="module")
def steps() -> list[Clip]:
    return judged(clip_of(fake_from_second_3, 6))


def test_the_result_grows_with_each_frame(steps: list[Clip]) -> None:
    assert [len(clip.moments) for clip in steps] == [*range(25), 24]
    assert [clip.complete for clip in steps] == [False] * 25 + [True]
    assert steps[0].tracks == () and steps[0].facts.frames == 150
    shares = [clip.progress for clip in steps]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1


def test_the_time_of_the_change_is_found(steps: list[Clip]) -> None:
    (track,) = steps[-1].tracks
    assert track.changed_at is not None and track.change is not None
    assert track.changed_at.seconds == pytest.approx(3.0, abs=6 / 24)
    assert (track.change.before, track.change.after) == pytest.approx((0.1, 0.9), abs=0.05)
    assert track.verdict == "Inconclusive"  # neither class holds for the whole clip
    assert track.least.moment.seconds < 3 < track.most.moment.seconds
    assert track.suspicious.startswith(b"\xff\xd8") and track.suspicious != track.ordinary


@pytest.mark.parametrize(("p_fake", "verdict"), [(0.95, "Fake"), (0.05, "Real"), (0.5, "Inconclusive")])
def test_the_verdict_follows_from_the_interval(p_fake: float, verdict: str) -> None:
    (track,) = judged(clip_of(lambda time: [(80, 30, 60, p_fake)], 1), 10)[-1].tracks
    assert track.verdict == verdict
    assert track.estimate.mean == pytest.approx(p_fake, abs=0.04)


def test_few_frames_and_small_faces_get_no_verdict() -> None:
    few = judged(clip_of(lambda time: [(80, 30, 60, 0.95)], 0.2), 3)[-1]
    small = judged(clip_of(lambda time: [(80, 30, 30, 0.95)], 1), 10)[-1]
    assert [clip.tracks[0].verdict for clip in (few, small)] == ["Inconclusive"] * 2
    assert few.tracks[0].estimate.low is None


def test_each_face_keeps_its_track_when_the_order_by_size_changes() -> None:
    """The first face is real and grows until it is the larger one; the second face is fake."""
    data = clip_of(lambda time: [(10, 30, round(45 + 20 * time), 0.1), (170, 30, 60, 0.9)], 1.6)
    clip = judged(data, 12)[-1]
    scores = {track.number: [sighting.p_fake for sighting in track.sightings] for track in clip.tracks}
    assert sorted(np.mean(values) for values in scores.values()) == pytest.approx([0.1, 0.9], abs=0.06)
    assert clip.suspect is not None and clip.suspect.estimate.mean > 0.8
    assert {sighting.face for sighting in clip.suspect.sightings} == {0, 1}


def test_a_cut_starts_a_new_track() -> None:
    light: NDArray[np.uint8] = np.full((128, 256, 3), (0, 0, 255), np.uint8)
    frames = [np.zeros((128, 256, 3), np.uint8)] * 13 + [light] * 12
    frames = [frame.copy() for frame in frames]
    for frame in frames:
        frame[30:90, 80:140] = (230, 200, 0)
    clip = judged(clip_file(frames), 12)[-1]
    assert [track.number for track in clip.tracks] == [1, 2]
    assert clip.tracks[1].sightings[0].moment.after_cut
    assert clip.tracks[1].sightings[0].moment.seconds == pytest.approx(0.52)


def test_a_clip_without_a_face_has_no_verdict() -> None:
    clip = judged(clip_of(lambda time: [], 0.4), 4)[-1]
    assert clip.complete and clip.tracks == () and clip.suspect is None


@pytest.mark.slow
def test_a_path_and_its_bytes_give_the_same_result(tmp_path: Path, steps: list[Clip]) -> None:
    data = clip_of(fake_from_second_3, 6)
    clip = judged(written(tmp_path, data))[-1]
    assert clip.sha256 == hashlib.sha256(data).hexdigest()
    assert clip.tracks == steps[-1].tracks


def test_a_cancelled_run_judges_no_further_frame_and_has_no_complete_result() -> None:
    done, judged_after = list[Clip](), list[int]()

    def noting_analyze(*arguments: Any) -> Iterator[Analysis]:
        judged_after.append(len(done))
        return analyze(*arguments)

    for clip in judge_clip(
        clip_of(fake_from_second_3, 3), WORLD, 12, cancelled=lambda: len(done) > 3, analyze=noting_analyze
    ):
        done.append(clip)
    assert not done[-1].complete and judged_after == [1, 2, 3]


@pytest.mark.parametrize("count", [0, MOST_FRAMES + 1])
def test_numbers_of_frames_out_of_range_are_refused(count: int) -> None:
    with pytest.raises(SettingsError):
        judged(b"", count)


def test_unusable_clips_are_refused(tmp_path: Path) -> None:
    for source in (sound_file(), b"", b"GIF89a", tmp_path, tmp_path / "missing.mp4"):
        with pytest.raises(ClipError):
            judged(source)
    with pytest.raises(ClipError):
        judged(clip_of(fake_from_second_3, 6), limits=Limits(seconds=5))


@pytest.mark.slow
def test_frames_get_the_same_probability_as_photos(
    astronaut: NDArray[np.uint8], quick_detector: Detector, tmp_path: Path
) -> None:
    """A frame that is decoded again by its moment has the same P(Fake) when it is analysed as a photo."""
    frames = [np.roll(astronaut[:320, 60:380], 2 * number, axis=1) for number in range(10)]
    path = written(tmp_path, clip_file(frames, codec="libx264"))
    clip = list(judge_clip(path, quick_detector, 3))[-1]
    (track,) = clip.tracks
    assert len(track.sightings) == 3
    for sighting in track.sightings:
        settings = Settings(methods=(), robustness=False, face=sighting.face)
        as_photo = _last(real_analyze(frame_of(path, sighting.moment.at), settings, quick_detector))
        assert as_photo.prediction.probabilities["Fake"] == pytest.approx(sighting.p_fake, abs=1e-6)
    assert settings == VERDICT_ALONE


def _last(steps: Iterator[Any]) -> Any:
    return list(steps)[-1]
