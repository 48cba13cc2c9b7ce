"""A moment of a clip as a photo, which can be explained like any other."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from model.clips.clip import Source, frame_of


def photo_of(source: Source, at: int) -> bytes:
    """The frame at a timestamp as a PNG file: it has the pixels that were judged.

    Raises:
        ClipError: if the clip can't be read, or has no such frame.
    """
    buffer = BytesIO()
    Image.fromarray(frame_of(source, at)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
