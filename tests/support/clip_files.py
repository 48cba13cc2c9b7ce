"""Clips with known frames, made with PyAV."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

MILLISECOND = Fraction(1, 1000)
CODECS = {"mp4": "mpeg4", "mov": "mpeg4", "webm": "libvpx", "gif": "gif"}
OPTIONS = {"libvpx": {"deadline": "realtime", "cpu-used": "8"}, "libx264": {"preset": "ultrafast", "crf": "12"}}


def clip_file(
    frames: Iterable[NDArray[np.uint8]],
    milliseconds: Sequence[int] | None = None,
    kind: str = "mp4",
    codec: str | None = None,
    rotation: int | None = None,
    aspect: Fraction | None = None,
    rate: int = 25,
) -> bytes:
    """A clip of frames ``(H, W, 3) uint8`` RGB.

    Args:
        frames: pictures of the same size.
        milliseconds: when each frame is shown; 25 frames per second if not given.
        kind: container, a key of ``CODECS``.
        codec: video codec; that of ``CODECS`` if not given.
        rotation: rotation that players must apply, in degrees counter-clockwise.
        aspect: width of a pixel divided by its height.
        rate: frames per second that the file states; the last frame is shown for ``1 / rate`` seconds.
    """
    buffer, stream = io.BytesIO(), None
    codec = codec or CODECS[kind]
    with av.open(buffer, "w", format=kind) as container:
        for number, frame in enumerate(frames):
            if stream is None:
                stream = container.add_stream(codec, rate=rate, options=OPTIONS.get(codec, {}))
                stream.height, stream.width = frame.shape[:2]
                stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
                stream.codec_context.time_base = MILLISECOND
                if codec == "mpeg4":
                    stream.codec_context.bit_rate = 8_000_000
                if rotation is not None:
                    stream.set_display_rotation(rotation)
                if aspect is not None:
                    stream.codec_context.sample_aspect_ratio = aspect
            standard = {"dst_colorspace": "ITU709"} if len(frame) >= 720 else {}
            shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            shown = shown.reformat(format=stream.pix_fmt, **standard)
            shown.pts = number * 40 if milliseconds is None else milliseconds[number]
            shown.time_base = MILLISECOND
            container.mux(stream.encode(shown))
        assert stream is not None
        container.mux(stream.encode())
    return buffer.getvalue()


def sound_file() -> bytes:
    """An MP4 file with only sound."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream: Any = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    return buffer.getvalue()


def greys(count: int, side: int = 64, step: int = 5) -> list[NDArray[np.uint8]]:
    """Frames with one grey level each; ``number_of`` gives the number of a decoded frame."""
    return [np.full((side, side, 3), step * number, np.uint8) for number in range(count)]


def number_of(pixels: NDArray[np.uint8], step: int = 5) -> int:
    """The number of a decoded frame of ``greys``."""
    return round(float(pixels.mean()) / step)


def written(folder: Path, data: bytes, name: str = "clip.mp4") -> Path:
    """Write a file with this content; returns its path."""
    path = folder / name
    path.write_bytes(data)
    return path
