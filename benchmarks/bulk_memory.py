"""Whether a bulk job's memory grows with the number of its photos.

``python -m benchmarks.bulk_memory`` judges a list of synthetic photos in one process and writes down its resident
memory after each twentieth of them. A few small photos are named again and again: what a job keeps depends on its list.
They are judged as whole pictures by a formula in place of a network: neither faces nor networks are kept, and both take
their time.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image

from benchmarks import _results
from benchmarks.load import memory_mb
from explain.bulk.run import in_process, opened, run
from explain.bulk.stages import Request
from explain.bulk.summary import figures_of
from model.artifact.card import PICTURE
from model.artifact.views import View
from model.cli import run as run_command
from model.detector.detector import Detector

PHOTOS, DIFFERENT = 100_000, 50
SIDE = 48  # pixels; small photos, so that there is time for many
STEPS = 20


class Brightness(Detector):
    """The shipped model's card around a formula: P(Fake) is the brightness."""

    def _run(
        self, crops: NDArray[np.uint8], views: Sequence[View] = ()
    ) -> tuple[NDArray[np.float64], NDArray[np.float32] | None]:
        fake = crops.mean(axis=(1, 2, 3)) / 255
        return np.stack([fake if label == "Fake" else 1 - fake for label in self.card.labels], axis=1), None


def make_list(folder: Path, photos: int) -> Path:
    """A CSV that names photos of noise."""
    for number in range(DIFFERENT):
        buffer = BytesIO()
        pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(buffer, "JPEG")
        (folder / f"{number}.jpg").write_bytes(buffer.getvalue())
    lines = (f"{number % DIFFERENT}.jpg\n" for number in range(photos))
    (folder / "list.csv").write_text("path\n" + "".join(lines))
    return folder / "list.csv"


def measure(photos: int) -> Iterator[tuple[int, int | None, float]]:
    """Photos done, resident memory in MB, and seconds so far."""
    detector = Brightness()
    detector.card = replace(detector.card, sees=PICTURE)
    request = Request(str(detector.folder), detector.name)
    with tempfile.TemporaryDirectory() as name:
        source = make_list(Path(name), photos)
        folder, plan = opened(str(source), f"{name}/out.parquet", request, detector, 200)
        started = time.monotonic()
        for progress in run(folder, plan, request, in_process(detector)):
            if progress.done % max(photos // STEPS, 1) == 0:
                yield progress.done, memory_mb("self"), time.monotonic() - started
        figures = figures_of(folder, plan, detector.card.inconclusive_band)
        assert figures.photos == photos
        yield photos, memory_mb("self"), time.monotonic() - started


def main(
    photos: Annotated[int, typer.Option(help="Number of photos.")] = PHOTOS,
    quick: Annotated[bool, typer.Option("--quick", help="100 photos.")] = False,
) -> None:
    """Measure the memory of a bulk job."""
    rows: list[dict[str, Any]] = []
    for done, megabytes, seconds in measure(100 if quick else photos):
        rows.append({"photos": done, "memory_mb": megabytes, "seconds": round(seconds, 1)})
        print(rows[-1], flush=True)
    _results.write("bulk_memory", {"side": SIDE, "rows": rows}, quick)


if __name__ == "__main__":
    run_command(main, __doc__)
