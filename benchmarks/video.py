"""What clips show and cost: a planted change in a clip made of example photos, and seconds and memory per clip.

``python -m benchmarks.video``: a portrait is panned and zoomed; from second 3 on its face is the fake one of the
examples. Does the line find the second? Then a minute of HD is judged. Seconds of the processor are stated beside
seconds of the clock, which other work lengthens.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import av
import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image

from benchmarks import _results
from explain.video.judge import judge_clip
from explain.video.result import Clip
from model.cli import run
from model.clips.clip import FRAMES
from model.detector.detector import Detector
from model.paths import EXAMPLES

PAIRS = (
    ("hopper", "hopper_face"),
    ("hopper", "hopper_eyes"),
    ("astronaut", "astronaut_eyes"),
    ("astronaut", "astronaut_mouth"),
)
RATE, SECONDS, CHANGED_AT = 25, 6, 3
SMALL, HD = (640, 480), (1920, 1080)


def shown(photo: NDArray[np.uint8], seconds: float, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A frame of a camera that moves slowly over a photo ``(H, W, 3) uint8`` and zooms."""
    height, width = photo.shape[:2]
    across, down = size
    scale = min(width / across, height / down) / (1.2 + 0.1 * np.sin(seconds))
    left = width / 2 + 0.02 * width * np.sin(2 * seconds) - scale * across / 2
    top = height * 0.48 - scale * down / 2
    matrix = np.array([[scale, 0, left], [0, scale, top]])
    frame = cv2.warpAffine(photo, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=1)
    return np.asarray(frame, np.uint8)


def write_clip(
    path: Path, frame_at: Callable[[float], NDArray[np.uint8]], seconds: float, size: tuple[int, int]
) -> None:
    """Write a clip in H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(round(RATE * seconds)):
            frame = av.VideoFrame.from_ndarray(frame_at(number / RATE), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def photo_named(name: str) -> NDArray[np.uint8]:
    """An example photo, ``(H, W, 3) uint8``."""
    with Image.open(EXAMPLES / f"{name}.jpg") as opened:
        return np.array(opened.convert("RGB"))


def judged(path: Path, detector: Detector, count: int) -> tuple[Clip, dict[str, float]]:
    """The result, and what it took: seconds of the clock and of the processor in both processes."""
    clock, before = time.perf_counter(), os.times()
    clip = _last(judge_clip(path, detector, count))
    after = os.times()
    here = after.user + after.system - before.user - before.system
    decoding = after.children_user + after.children_system - before.children_user - before.children_system
    taken = {
        "seconds": round(time.perf_counter() - clock, 2),
        "processor_s": round(here, 2),
        "decoding_processor_s": round(decoding, 2),
    }
    return clip, taken


def _last(steps: Iterator[Clip]) -> Clip:
    clip = deque(steps, 1)[0]
    assert clip.complete
    return clip


def found_in(clip: Clip, times: float) -> dict[str, Any]:
    """What the line of the face says about the planted change."""
    face = max(clip.tracks, key=lambda track: len(track.sightings))
    values = np.array([[sighting.moment.seconds, sighting.p_fake] for sighting in face.sightings])
    planted = values[:, 0] >= CHANGED_AT
    moment = face.changed_at
    return {
        "frames": len(face.sightings),
        "mean_before": round(float(values[~planted, 1].mean()), 3),
        "mean_after": round(float(values[planted, 1].mean()), 3),
        "change_found_at_s": None if moment is None else round(moment.seconds, 2),
        "within_two_frames": moment is not None and abs(moment.seconds - CHANGED_AT) <= 2 * times,
        "verdict": face.verdict,
    }


def main(quick: Annotated[bool, typer.Option("--quick", help="One pair, few frames, no HD.")] = False) -> None:
    """Measure, print and write."""
    detector, count = Detector(), 12 if quick else FRAMES
    figures: dict[str, Any] = {"frames_requested": count, "planted_at_s": CHANGED_AT, "pairs": {}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        for real, fake in PAIRS[: 1 if quick else None]:
            photos = photo_named(real), photo_named(fake)

            def frame_at(seconds: float, photos: tuple[NDArray[np.uint8], ...] = photos) -> NDArray[np.uint8]:
                return shown(photos[seconds >= CHANGED_AT], seconds, SMALL)

            write_clip(path, frame_at, SECONDS, SMALL)
            clip, taken = judged(path, detector, count)
            figures["pairs"][fake] = found_in(clip, SECONDS / count) | taken
            print(f"{fake}: {figures['pairs'][fake]}")
        if not quick:
            photo = photo_named("astronaut")
            write_clip(path, lambda seconds: shown(photo, seconds, HD), 60, HD)
            clip, taken = judged(path, detector, count)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
            figures["minute_of_hd"] = {
                **taken,
                "processor_s_per_clip_s": round((taken["processor_s"] + taken["decoding_processor_s"]) / 60, 3),
                "megabytes": round(path.stat().st_size / 1e6, 1),
                "peak_of_judging_mb": round(peak),
            }
            print(f"a minute of HD: {figures['minute_of_hd']}")
    _results.write("video", figures, quick)


if __name__ == "__main__":
    run(main, "What clips show and cost.")
