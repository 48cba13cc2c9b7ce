"""Decodes the frames of a clip within limits, or refuses it in one sentence.

It calls native code (FFmpeg, through PyAV) on untrusted bytes: the product runs it in the process of
``model.clips.worker``. A frame's time is its own timestamp, never its number divided by a rate.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import IO, Any, NoReturn

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from model.clips.answers import Facts, Limits, Picture
from model.clips.cuts import histogram, is_cut
from model.errors import ClipError
from model.i18n.catalogue import Message

MAX_PIXELS = 9_000_000  # of a frame: 4096 × 2160 is the largest usual size below 8K
MIN_SIDE = 32  # pixels, as for photos
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,gif"  # as FFmpeg names its readers; playlists name other files
SMALL = (64, 36)  # pixels in which cuts are looked for
BEAT = 50  # packets or frames between two heartbeats
# A minute by the clock of players, which leave out parts of a second. Phones write 60.03 s for it, and for how long the
# last frame is shown is only assumed by the program that wrote the clip: a second, if it wrote one frame per second.
PART_SECOND = 1
MOST_BAD = 100  # packets that can't be decoded
HD_LINES = 720  # from here on, colours that do not say otherwise are those of BT.709
UNKNOWN_COLOURS, BT_709 = 2, 1
WIDE_RANGE = (16, 18)  # transfer curves of HDR: PQ, HLG
# PyAV documents FFmpegError, but files made to break its readers raise these as well.
HOSTILE_FILE_ERRORS = (FFmpegError, OSError, EOFError, ValueError, LookupError, ArithmeticError, RuntimeError)


@dataclass(frozen=True)
class _Span:
    """Timestamps of a clip, ``start`` and ``end`` in units of ``unit`` seconds."""

    start: int
    end: int
    unit: Fraction
    frames: int

    def seconds(self, at: int) -> float:
        return float((at - self.start) * self.unit)


def pictures(
    file: IO[bytes], count: int, limits: Limits, beat: Callable[[], None] = lambda: None
) -> Iterator[Facts | Picture]:
    """What a clip is; then its frames at ``count`` even times and after scene cuts, in order.

    The frame at a time is the one that is shown then. The times are the middles of equal parts, and a frame that is
    shown at several of them comes once. At most ``count`` frames come because of cuts.

    Args:
        file: seekable.
        count: 1 or more.
        limits: see ``Limits``.
        beat: called regularly, as a heartbeat.

    Raises:
        ClipError: if the clip can't be decoded or exceeds a limit.
    """
    try:
        span, size = _span(file, limits, beat)
        seconds = span.seconds(span.end)
        yield Facts(seconds, span.frames, *size)
        times = [(place + 0.5) * seconds / count for place in range(count)]
        yield from _picked(file, span, times, beat)
    except HOSTILE_FILE_ERRORS as error:
        _refuse(error)


def frame_at(file: IO[bytes], at: int, limits: Limits, beat: Callable[[], None] = lambda: None) -> Picture:
    """One frame, by its timestamp.

    Raises:
        ClipError: if the clip can't be decoded, exceeds a limit, or has no such frame.
    """
    try:
        span, _ = _span(file, limits, beat)
        with closing(_open(file)) as container:
            stream = _stream(container)
            container.seek(at, stream=stream)  # to the last frame before that can be decoded by itself
            for frame in _decoded(container, stream, beat):
                if frame.pts == at:
                    return _picture(frame, span, stream)
                if frame.pts > at:
                    break
    except HOSTILE_FILE_ERRORS as error:
        _refuse(error)
    raise ClipError(Message("clip.damaged"))


def _refuse(error: Exception) -> NoReturn:
    raise ClipError(Message("clip.damaged")) from error


def _open(file: IO[bytes]) -> Any:
    """The container. It reads the given file alone: what it names besides is not opened."""
    file.seek(0)
    # FFmpeg forgets the size of frames beyond its own limit: 8K is still refused by its size.
    options = {"format_whitelist": FORMATS, "max_pixels": str(4 * MAX_PIXELS)}
    try:
        return av.open(file, options=options, io_open=_no_other_file, metadata_errors="replace")
    except HOSTILE_FILE_ERRORS as error:
        _refuse(error)


def _no_other_file(*_: object) -> NoReturn:
    raise OSError


def _stream(container: Any) -> Any:
    """The moving picture of a container; a song's cover is none.

    Raises:
        ClipError: if it has none, none that can be decoded, or frames of too many or too few pixels.
    """
    cover = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        raise ClipError(Message("clip.no_pictures"))
    known = [stream for stream in streams if stream.codec_context is not None and stream.width * stream.height]
    if not known:
        raise ClipError(Message("clip.codec"))
    stream = max(known, key=lambda stream: stream.width * stream.height)
    _check_sides(stream.width, stream.height)
    stream.codec_context.thread_count = 1  # more threads take more memory, and the processor from others
    return stream


def _check_sides(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ClipError(Message("clip.too_many_pixels", width=width, height=height, limit=MAX_PIXELS))
    if min(width, height) < MIN_SIDE:
        raise ClipError(Message("clip.too_few_pixels", width=width, height=height, side=MIN_SIDE))


def _span(file: IO[bytes], limits: Limits, beat: Callable[[], None]) -> tuple[_Span, tuple[int, int]]:
    """The timestamps by the packets, of which none is decoded: what the header says of the length may be wrong."""
    start = end = None
    frames = 0
    with closing(_open(file)) as container:
        stream = _stream(container)
        size, unit = (stream.width, stream.height), stream.time_base
        most = None if limits.pixels is None else limits.pixels // (size[0] * size[1])
        for packet in container.demux(stream):
            if packet.pts is None or packet.is_discard:
                continue
            frames += 1
            start = packet.pts if start is None else min(start, packet.pts)
            shown_until = packet.pts + max(packet.duration or 0, 0)
            end = shown_until if end is None else max(end, shown_until)
            if limits.seconds is not None and (end - start) * unit >= limits.seconds + PART_SECOND:
                raise ClipError(Message("clip.too_long", limit=limits.seconds))
            if most is not None and frames > most:
                raise ClipError(Message("clip.too_many_frames"))
            if frames % BEAT == 0:
                beat()
    if start is None or end is None:
        raise ClipError(Message("clip.damaged"))
    return _Span(start, end, unit, frames), size


def _picked(file: IO[bytes], span: _Span, times: list[float], beat: Callable[[], None]) -> Iterator[Picture]:
    """The pictures at these times and after cuts."""
    wanted, for_cuts = iter(times), len(times)
    target = next(wanted, None)
    before: Any = None  # the frame that is shown until the next one
    shown = ended = False  # whether `before` has been yielded; whether a cut came since the last picture
    colours = None
    with closing(_open(file)) as container:
        stream = _stream(container)
        for frame in _decoded(container, stream, beat):
            seconds = span.seconds(frame.pts)
            if before is not None and target is not None and seconds > target:
                if not shown:
                    yield _picture(before, span, stream, ended)
                    shown, ended = True, False
                while target is not None and target < seconds:
                    target = next(wanted, None)
            now = histogram(_rgb(frame, *SMALL, interpolation="FAST_BILINEAR"))
            cut = colours is not None and is_cut(colours, now)
            before, shown, colours = frame, False, now
            if cut and for_cuts:
                yield _picture(frame, span, stream, True)
                shown, ended, for_cuts = True, False, for_cuts - 1
            elif cut:
                ended = True
        if before is None:
            raise ClipError(Message("clip.damaged"))
        if target is not None and not shown:
            yield _picture(before, span, stream, ended)


def _decoded(container: Any, stream: Any, beat: Callable[[], None]) -> Iterator[Any]:
    """The frames with a timestamp, in order; some packets may be damaged."""
    bad = number = 0
    last = None
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except FFmpegError:
            bad += 1
            if bad > MOST_BAD:
                raise
            frames = []
        for frame in frames:
            number += 1
            if number % BEAT == 0:
                beat()
            if frame.pts is None or (last is not None and frame.pts <= last):
                continue
            _check_sides(frame.width, frame.height)  # a stream may change its size
            last = frame.pts
            yield frame


def _picture(frame: Any, span: _Span, stream: Any, after_cut: bool = False) -> Picture:
    ratio = stream.sample_aspect_ratio or Fraction(1)
    width = frame.width
    if 0.1 < ratio < 10:  # a ratio beyond is nonsense
        width = max(1, min(round(frame.width * ratio), MAX_PIXELS // frame.height))
    options = {}
    if frame.colorspace == UNKNOWN_COLOURS and frame.height >= HD_LINES:
        options["src_colorspace"] = BT_709
    shown = _rgb(frame, width, frame.height, **options)
    notes = (Message("clip.wide_range"),) if frame.color_trc in WIDE_RANGE else ()
    pixels = np.ascontiguousarray(upright(shown, _matrix(frame)))
    return Picture(pixels, frame.pts, span.seconds(frame.pts), after_cut, notes)


def _rgb(frame: Any, width: int, height: int, **options: Any) -> NDArray[np.uint8]:
    """A frame of another size, ``(height, width, 3) uint8`` RGB, on one thread: others' stacks take memory."""
    shown = VideoReformatter().reformat(frame, width, height, "rgb24", threads=1, **options)
    return np.asarray(shown.to_ndarray())


def _matrix(frame: Any) -> tuple[int, int, int, int]:
    """How the frame is to be shown: ``a, b, c, d`` of the display matrix, by which a point goes to ax + cy, bx + dy."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None or len(bytes(data)) < 36:
        return 1, 0, 0, 1
    values = struct.unpack_from("=9i", bytes(data))
    return values[0], values[1], values[3], values[4]


def upright(pixels: NDArray[np.uint8], matrix: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """A frame turned or mirrored by its display matrix, to the next quarter turn."""
    a, b, c, d = matrix
    if abs(a) + abs(d) < abs(b) + abs(c):
        pixels, a, d = pixels.swapaxes(0, 1), c, b
    return pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
