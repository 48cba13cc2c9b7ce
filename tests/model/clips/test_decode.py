"""Tests of decoding clips: times, orientation and colours of frames; hostile files are refused in one sentence."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from model.clips import decode
from model.clips.answers import Facts, Limits, Picture
from model.clips.decode import frame_at, pictures, upright
from model.errors import ClipError
from model.i18n.catalogue import Message
from tests.support.clip_files import clip_file, greys, number_of, sound_file
from tests.support.worlds import noise

ANY = Limits()
KINDS = ("mp4", "mov", "webm", "gif")
# Ten frames in the first second, then one that stays for two seconds, then ten more.
UNEVEN = [*range(0, 1000, 100), *range(3000, 4000, 100)]


def read(data: bytes, count: int, limits: Limits = ANY) -> tuple[Facts, list[Picture]]:
    facts, *found = list(pictures(io.BytesIO(data), count, limits))
    assert isinstance(facts, Facts)
    return facts, [picture for picture in found if isinstance(picture, Picture)]


def refusal(data: bytes, limits: Limits = ANY) -> str:
    with pytest.raises(ClipError) as refused:
        list(pictures(io.BytesIO(data), 8, limits))
    message = refused.value.args[0]
    assert isinstance(message, Message)
    return message.key


@pytest.mark.parametrize("kind", KINDS)
def test_times_are_the_timestamps_of_the_frames_at_any_frame_rate(kind: str) -> None:
    facts, found = read(clip_file(greys(20), UNEVEN, kind), 8)
    assert facts.frames == 20
    assert facts.seconds == pytest.approx(4, abs=0.11)
    middles = [(part + 0.5) / 8 * facts.seconds for part in range(8)]
    shown = [max(number for number, time in enumerate(UNEVEN) if time <= 1000 * middle) for middle in middles]
    assert [number_of(picture.pixels) for picture in found] == sorted(set(shown))
    assert 9 in shown[2:6]  # most of the clip is one frame
    assert [picture.seconds for picture in found] == pytest.approx(
        [UNEVEN[number] / 1000 for number in dict.fromkeys(shown)]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_frame_can_be_read_again_by_its_timestamp(kind: str) -> None:
    data = clip_file([noise(64, seed) for seed in range(30)], kind=kind)
    _, found = read(data, 5)
    for picture in found:
        again = frame_at(io.BytesIO(data), picture.at, ANY)
        assert (again.pixels == picture.pixels).all() and again.seconds == picture.seconds


def test_timestamp_without_a_frame_is_refused() -> None:
    with pytest.raises(ClipError):
        frame_at(io.BytesIO(clip_file(greys(5))), 10**9, ANY)


def test_more_times_than_frames_give_each_frame_once() -> None:
    _, found = read(clip_file(greys(5)), 40)
    assert [number_of(picture.pixels) for picture in found] == [0, 1, 2, 3, 4]


def test_colours_are_kept() -> None:
    """Standard-definition and high-definition frames have different colour standards."""
    for height in (240, 720):
        wanted = np.tile(np.array([200, 40, 90], np.uint8), (height, 320, 1))
        (picture,) = read(clip_file([wanted]), 1)[1]
        assert np.abs(picture.pixels.astype(int) - wanted).max() <= 4


# Upright

CORNER = np.zeros((32, 48, 3), np.uint8)
CORNER[:16, :16] = 255  # at the top on the left


def bright_corner(pixels: NDArray[np.uint8]) -> tuple[str, str]:
    rows, columns = np.nonzero(pixels[..., 0] > 127)
    height, width = pixels.shape[:2]
    return ("top" if rows.mean() < height / 2 else "bottom", "left" if columns.mean() < width / 2 else "right")


@pytest.mark.parametrize(
    ("rotation", "corner", "shape"),
    [
        (None, ("top", "left"), (32, 48)),
        (90, ("bottom", "left"), (48, 32)),  # counter-clockwise
        (180, ("bottom", "right"), (32, 48)),
        (-90, ("top", "right"), (48, 32)),  # written by phones that are held upright
    ],
)
def test_frames_are_rotated_as_the_file_states(
    rotation: int | None, corner: tuple[str, str], shape: tuple[int, int]
) -> None:
    (picture,) = read(clip_file([CORNER], rotation=rotation), 1)[1]
    assert picture.pixels.shape[:2] == shape
    assert bright_corner(picture.pixels) == corner


@pytest.mark.parametrize(
    ("matrix", "corner"),
    [
        ((-1, 0, 0, 1), ("top", "right")),  # mirrored from left to right
        ((1, 0, 0, -1), ("bottom", "left")),
        ((0, 1, 1, 0), ("top", "left")),  # rows become columns
        ((0, -1, -1, 0), ("bottom", "right")),
        ((65536, 0, 0, 65536), ("top", "left")),
    ],
)
def test_frames_are_mirrored_as_the_matrix_states(matrix: tuple[int, int, int, int], corner: tuple[str, str]) -> None:
    assert bright_corner(upright(CORNER, matrix)) == corner


def test_wide_pixels_become_square() -> None:
    (picture,) = read(clip_file([CORNER], codec="libx264", aspect=Fraction(2)), 1)[1]
    assert picture.pixels.shape[:2] == (32, 96)


# Cuts


def test_cut_is_found_at_its_frame_and_motion_is_not_a_cut() -> None:
    scenes = [np.kron(noise(24, seed) // (seed + 1), np.ones((8, 8, 1), np.uint8)) for seed in (0, 3)]
    frames = [np.roll(scenes[number >= 13], 2 * number, axis=1) for number in range(25)]
    _, found = read(clip_file(frames, codec="libx264"), 2)
    assert [(round(picture.seconds, 2), picture.after_cut) for picture in found] == [
        (0.24, False),
        (0.52, True),
        (0.72, False),
    ]


def test_cuts_beyond_the_limit_are_marked_on_the_next_frame() -> None:
    frames = [np.full((64, 64, 3), 255 * (number % 2), np.uint8) for number in range(30)]
    _, found = read(clip_file(frames, kind="gif"), 4)
    assert len(found) <= 8
    assert all(picture.after_cut for picture in found[1:])


# Limits, and hostile files


def test_a_long_clip_is_refused_by_its_timestamps() -> None:
    data = clip_file(greys(3), [0, 30_000, 61_000])
    assert refusal(data, Limits(seconds=60)) == "clip.too_long"
    assert read(data, 2)[0].seconds == pytest.approx(61, abs=31)  # without this limit any length is read


@pytest.mark.parametrize("kind", KINDS)
def test_clip_of_the_longest_allowed_length_is_read_with_any_last_frame(kind: str) -> None:
    """Encoders assume the length of the last frame: 59.99 s and another second, or 60.04 s."""
    for last, rate in ((59_990, 1), (60_000, 25)):
        times = [*range(0, 59_000, 1000), last]
        facts, _ = read(clip_file(greys(len(times), step=4), times, kind, rate=rate), 4, Limits(seconds=60))
        assert facts.seconds == pytest.approx(last / 1000 + 1 / rate, abs=0.02)


def test_too_many_frames_are_refused() -> None:
    assert refusal(clip_file(greys(11)), Limits(pixels=10 * 64 * 64)) == "clip.too_many_frames"


def test_file_without_pictures_is_refused() -> None:
    assert refusal(sound_file()) == "clip.no_pictures"


def test_tiny_frames_are_refused() -> None:
    assert refusal(clip_file(greys(2, side=16))) == "clip.too_few_pixels"


@pytest.mark.parametrize(("side", "key"), [(5_000, "clip.too_many_pixels"), (40_000, "clip.codec")])
def test_giant_frames_are_refused_before_decoding(side: int, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    data = bytearray(clip_file(greys(2), kind="gif"))
    data[6:10] = struct.pack("<HH", side, side)
    monkeypatch.setattr(decode, "_decoded", never)
    assert refusal(bytes(data)) == key


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_truncated_clip_is_refused_or_read_up_to_its_end(kind: str, share: float) -> None:
    data = clip_file([noise(64, seed) for seed in range(12)], kind=kind)
    part = data[: int(len(data) * share)]
    try:
        facts, found = read(part, 4)
    except ClipError as error:
        assert isinstance(error.args[0], Message)
    else:
        assert facts.frames <= 12 and found


@pytest.mark.parametrize("seed", range(12))
def test_damaged_clip_gives_frames_or_one_error_message(seed: int) -> None:
    random = np.random.default_rng(seed)
    data = bytearray(clip_file([noise(64, number) for number in range(6)], kind=KINDS[seed % 4]))
    for place in random.integers(8, len(data), 40):
        data[place] = int(random.integers(256))
    try:
        read(bytes(data), 4, Limits(seconds=60, pixels=10**8))
    except ClipError as error:
        assert isinstance(error.args[0], Message)


def test_playlist_that_names_other_files_is_refused() -> None:
    """FFmpeg would open the files that a playlist names, on the disk or in the network."""
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    assert refusal(playlist) == "clip.damaged"
    assert refusal(b"ffconcat version 1.0\nfile /etc/passwd\n") == "clip.damaged"
