"""How long visitors wait while they keep dropping photos: ``python -m benchmarks.sustained --minutes 5``.

1, 8, 32 and 64 visitors each stay for that time. Each keeps one tab open, drops a photo, waits until everything is
shown or three minutes have passed, reads for 5 to 15 seconds and drops the next one.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import _results
from benchmarks.load import VISITORS, WATCHED_S, Page, memory_mb, server, summary, tab, wait_until_idle
from model.cli import run

READING_S = (5.0, 15.0)  # the pause between two photos, drawn at random
PHOTOS_EACH = 1000  # numbers that a visitor has for photos of their own


def stay(page: Page, until: float, visitor: int) -> list[dict[str, Any]]:
    """Drop one photo after another until a time; the seconds of each."""
    rng = np.random.default_rng(visitor)
    photos = []
    with tab(page, visitor) as drop:
        while (left := until - time.monotonic()) > 0:
            photos.append(drop(visitor * PHOTOS_EACH + len(photos), min(WATCHED_S, left)))
            time.sleep(min(rng.uniform(*READING_S), max(until - time.monotonic(), 0)))
    return photos


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long each number of visitors stays.")] = 5,
    quick: Annotated[bool, typer.Option("--quick", help="Two visitors for twelve seconds.")] = False,
) -> None:
    """Measure how long visitors wait while they keep dropping photos."""
    seconds = 12.0 if quick else minutes * 60
    figures: dict[str, Any] = {"minutes": seconds / 60, "visitors": {}}
    with server() as (url, process):
        page = Page(url)
        figures["memory_mb"] = {"at first": memory_mb(process)}
        for count in (2,) if quick else VISITORS:
            until = time.monotonic() + seconds
            with ThreadPoolExecutor(count) as pool:
                stays = pool.map(partial(stay, page, until), range(count))
                photos = [photo for photos in stays for photo in photos]
            figures["visitors"][str(count)] = {
                **{"photos": len(photos), "finished_per_minute": _per_minute(photos, seconds)},
                **summary(photos),
            }
            figures["memory_mb"][f"after {count} visitors"] = memory_mb(process)
            print(count, figures["visitors"][str(count)], figures["memory_mb"], flush=True)
            wait_until_idle(url)
    _results.write("sustained", figures, quick)


def _per_minute(photos: list[dict[str, Any]], seconds: float) -> float:
    return round(sum("complete" in photo for photo in photos) / seconds * 60, 1)


if __name__ == "__main__":
    run(main, __doc__)
