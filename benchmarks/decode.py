"""What it costs to decode photos in a process of their own, beside decoding them in the server's process.

``python -m benchmarks.decode``: milliseconds of one photo after the other, of the first photo of a process, of a small
photo while large ones wait, and the memory that a process takes at its peak. Each time is the shortest of several,
which other work on the machine changes least.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image

from benchmarks import _results
from explain.cancel import not_cancelled
from model.cli import run
from model.paths import EXAMPLES
from model.photos.decode import decode
from model.photos.worker import Decoders

PHOTO = EXAMPLES / "astronaut.jpg"
SIZES = {"512 x 512": (512, 512), "12 megapixels": (4_000, 3_000), "48 megapixels": (8_000, 6_000)}
GREEDY = (7_070, 7_070)  # a WebP of one colour: few bytes that take the most memory
AT_ONCE = 8


def saved(size: tuple[int, int], kind: str, image: Image.Image, **options: Any) -> bytes:
    """The picture at that size as a file."""
    buffer = BytesIO()
    image.resize(size).save(buffer, kind, **options)
    return buffer.getvalue()


def fastest(times: int, *calls: Callable[[], object]) -> list[float]:
    """The shortest milliseconds of each call; the calls take turns."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(times):
        for call, taken in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return [min(taken) * 1_000 for taken in seconds]


def row(data: bytes, decoders: Decoders, times: int) -> dict[str, float]:
    """Milliseconds of a photo both ways, and their ratio; the pixels must be the same."""
    inside, _ = decode(data)
    apart, _ = decoders.decode(data, not_cancelled)
    if not np.array_equal(inside, apart):
        raise AssertionError("the process returns other pixels")
    here, there = fastest(times, lambda: decode(data), lambda: decoders.decode(data, not_cancelled))
    return {"here_ms": round(here, 2), "apart_ms": round(there, 2), "ratio": round(there / here, 2)}


def main(quick: Annotated[bool, typer.Option("--quick", help="Small photos only, a few times.")] = False) -> None:
    """Measure, print and write."""
    with Image.open(PHOTO) as opened:
        image = opened.convert("RGB")
    decoders, figures = Decoders(), dict[str, Any]()
    for name, size in list(SIZES.items())[: 1 if quick else None]:
        figures[name] = row(saved(size, "JPEG", image, quality=90), decoders, 5 if quick else 20)
        print(f"{name}: {figures[name]}")
    small = saved(SIZES["512 x 512"], "JPEG", image, quality=90)

    def first() -> None:
        decoders.processes.close()
        decoders.decode(small, not_cancelled)

    figures["first_photo_ms"] = round(*fastest(2 if quick else 10, first), 1)
    print(f"the first photo, with the start of the process: {figures['first_photo_ms']} ms")
    many = [saved(GREEDY, "WEBP", Image.new("RGB", (8, 8)), lossless=True)] * (0 if quick else AT_ONCE)
    with ThreadPoolExecutor(2 * AT_ONCE) as pool:
        large = [pool.submit(decoders.decode, data, not_cancelled) for data in many]
        figures["small_beside_large_ms"] = round(*fastest(10, lambda: decoders.decode(small, not_cancelled)), 1)
        figures["large_at_once"] = len([future.result() for future in large])
    decoders.processes.close()
    # The largest of all processes that ended; while one decodes a large photo, others decode small ones only.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1_000
    figures["peak_of_a_process_mb"] = round(peak)
    print(f"a small photo beside {len(many)} large ones: {figures['small_beside_large_ms']} ms; peak {peak:.0f} MB")
    _results.write("decode", figures, quick)


if __name__ == "__main__":
    run(main, "What it costs to decode photos in a process of their own.")
