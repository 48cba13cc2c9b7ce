"""The process that decodes a clip: ``python -m model.clips.worker REQUEST < FILE``, see ``model.clips.process``."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

import numpy as np

from model.apart import limit
from model.clips.answers import Facts, Picture
from model.clips.process import LENGTH, Request
from model.errors import ClipError, message_of
from model.i18n.catalogue import Message, as_data
from model.parent import end_with_parent

SECONDS = 20  # of the processor between two heartbeats; fifty frames of 4K take about 3
MEMORY = 800_000_000  # bytes; a decoder of 4K keeps up to 17 frames of 13 to 25 MB
NICE = 5  # photos, which are decoded in a moment, do not wait for clips


def main() -> None:
    """Answer the request, then end."""
    end_with_parent()
    file, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    with suppress(AttributeError, OSError):
        os.nice(NICE)
    request = Request.from_text(sys.argv[1])
    try:
        _answer(file, request, out)
    except ClipError as error:
        _write(out, {"problem": as_data(message_of(error))})
    except MemoryError:
        _write(out, {"problem": as_data(Message("clip.memory"))})


def _answer(file: IO[bytes], request: Request, out: IO[bytes]) -> None:
    from model.clips.decode import frame_at, pictures

    def beat() -> None:
        with suppress(AttributeError):
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
        _write(out, {"beat": True})

    limit(MEMORY, SECONDS)
    if request.at is not None:
        _write_picture(out, frame_at(file, request.at, request.limits, beat))
    else:
        for answer in pictures(file, request.count, request.limits, beat):
            if isinstance(answer, Facts):
                _write(out, {"facts": asdict(answer)})
            else:
                _write_picture(out, answer)
    _write(out, {"end": True})


def _write(out: IO[bytes], answer: dict[str, Any]) -> None:
    text = json.dumps(answer).encode()
    out.write(LENGTH.pack(len(text)) + text)
    out.flush()


def _write_picture(out: IO[bytes], picture: Picture) -> None:
    facts = {"shape": picture.pixels.shape[:2], "at": picture.at, "seconds": picture.seconds}
    notes = [as_data(note) for note in picture.notes]
    _write(out, {**facts, "after_cut": picture.after_cut, "notes": notes})
    out.write(np.ascontiguousarray(picture.pixels).data)
    out.flush()


if __name__ == "__main__":
    main()
