"""Opens an untrusted clip in a process of its own, and yields its frames; the clip is never in memory as a whole."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from model.clips.answers import Facts, Limits, Picture
from model.clips.process import Request, answers
from model.errors import ClipError
from model.i18n.catalogue import Message
from model.photos.kinds import FORMATS, HEAD, kind_of

Source = bytes | str | os.PathLike[str]
Cancelled = Callable[[], bool]
MAX_BYTES = 200_000_000  # of a clip that is sent to a server; a phone's minute of HD has about 130 MB
ON_A_SERVER = Limits(MAX_BYTES, seconds=60, pixels=32_000_000_000)  # pixels: a minute of 4K, 60 frames per second
MEGABYTE = 1_000_000
PHOTOS = {*FORMATS} - {"GIF"}
CHUNK = 1_000_000  # bytes read at once
FRAMES = 48  # that are judged unless the caller says otherwise


def is_clip(source: Source, animations: bool = False) -> bool:
    """Whether a file's content is that of a clip; false if it can't be read, which opening it as a photo will say.

    Args:
        source: a file's bytes or path.
        animations: whether a GIF is a clip as well; else it is a photo.
    """
    kind = kind_of(_head(source))
    return kind == "video" or (animations and kind == "GIF")


def read_clip(
    source: Source, count: int = FRAMES, limits: Limits = ON_A_SERVER, cancelled: Cancelled = lambda: False
) -> Iterator[Facts | Picture]:
    """What a clip is; then its frames at even times and after scene cuts, see ``model.clips.decode.pictures``.

    Args:
        source: a file's bytes or path.
        count: 1 or more.
        limits: what the clip may have.
        cancelled: once it is true, nothing further comes and the process ends.

    Raises:
        ClipError: if the clip can't be opened or decoded, is a photo, exceeds a limit, takes too long, or was
            cancelled.
    """
    if kind_of(_head(source)) in PHOTOS:
        raise ClipError(Message("clip.photo"))
    with _file(source, limits) as file, closing(answers(file, Request(limits, count=count), cancelled)) as found:
        yield from found


def frame_of(source: Source, at: int) -> NDArray[np.uint8]:
    """The frame ``(H, W, 3) uint8`` RGB at a timestamp, as ``Picture.at`` has it, within the limits of a server.

    Raises:
        ClipError: as ``read_clip``, or if there is no such frame.
    """
    with (
        _file(source, ON_A_SERVER) as file,
        closing(answers(file, Request(ON_A_SERVER, at=at), lambda: False)) as found,
    ):
        for picture in found:
            if isinstance(picture, Picture):
                return picture.pixels
    raise ClipError(Message("clip.damaged"))


def digest_of(source: Source, limits: Limits = ON_A_SERVER, cancelled: Cancelled = lambda: False) -> str:
    """The SHA-256 of a clip's file, in hex.

    Raises:
        ClipError: if it can't be opened, is too large, or was cancelled.
    """
    digest = hashlib.sha256()
    with _file(source, limits) as file:
        while part := file.read(CHUNK):
            digest.update(part)
            if cancelled():
                raise ClipError(Message("clip.cancelled"))
    return digest.hexdigest()


@contextmanager
def _file(source: Source, limits: Limits) -> Iterator[IO[bytes]]:
    """The clip as an open file, which the process inherits.

    Raises:
        ClipError: if it can't be opened, or is too large.
    """
    if isinstance(source, bytes):
        _check_size(len(source), limits)
        with tempfile.TemporaryFile() as file:
            file.write(source)
            file.seek(0)
            yield file
        return
    try:
        path = Path(source)
        if not path.is_file():  # opening a pipe or a device could block forever
            raise ClipError(Message("photo.no_file" if path.exists() else "photo.missing"))
        size = path.stat().st_size
        opened = path.open("rb")
    except OSError:  # its text contains the path
        raise ClipError(Message("photo.closed")) from None
    with opened:
        _check_size(size, limits)
        yield opened


def _check_size(size: int, limits: Limits) -> None:
    if size == 0:
        raise ClipError(Message("photo.empty"))
    if limits.size is not None and size > limits.size:
        raise ClipError(Message("clip.too_many_bytes", limit=limits.size // MEGABYTE))


def _head(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source[:HEAD]
    try:
        path = Path(source)
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""
