"""Whether the server's memory grows: ``python -m benchmarks.mixed_load --minutes 60``.

For that time visitors drop photos, some of whom leave in the middle of a run; clients send photos, clips and
damaged files over HTTP. The memory of the server and of the processes that it started is read every ten seconds.
"""

from __future__ import annotations

import io
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
import typer
from PIL import Image

from benchmarks import _results
from benchmarks.load import PATIENCE_S, REQUESTS, WATCHED_S, Page, memory_mb, photo, server, tab
from explain.interfaces.http import CLIP
from model.cli import run

VISITORS = 4
WATCHED = (1.0, 5.0, WATCHED_S)  # seconds after which a visitor leaves, drawn at random
PAUSE_S = (0.0, 5.0)
SAMPLE_S = 10
LEVEL_MINUTES = 2  # over which a level of memory is averaged


def animation(number: int) -> bytes:
    """A GIF of six frames of a face."""
    with Image.open(io.BytesIO(photo(number))) as image:
        frames = [image.convert("RGB").rotate(angle) for angle in range(6)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "gif", save_all=True, append_images=frames[1:], duration=200)
    return buffer.getvalue()


def damaged(number: int) -> bytes:
    """A file that the server must refuse or read in part: a text, or a photo of which the end is missing."""
    data = photo(number)
    return b"not a photo" if number % 2 else data[: len(data) // 3]


def visits(page: Page, until: float, visitor: int) -> Counter[str]:
    """Visit after visit, each in a tab of its own, some left in the middle of a run."""
    rng, counts = np.random.default_rng(visitor), Counter[str]()
    while time.monotonic() < until:
        try:
            with tab(page, visitor) as drop:
                seconds = drop(10_000 * visitor + counts.total(), float(rng.choice(WATCHED)))
        except httpx.HTTPError as error:
            seconds = {"error": type(error).__name__}
        counts["error" if "error" in seconds else "finished" if "complete" in seconds else "left"] += 1
        time.sleep(rng.uniform(*PAUSE_S))
    return counts


def requests(url: str, until: float, first: int, make: Callable[[int], bytes], fields: dict[str, str]) -> Counter[str]:
    """Files to an address one after the other, from the number ``first`` on; how many got each status."""
    rng, counts = np.random.default_rng(0), Counter[str]()
    with httpx.Client(timeout=PATIENCE_S) as client:
        while time.monotonic() < until:
            try:
                answer = client.post(url, files={"file": make(first + counts.total())}, data=fields)
                counts[str(answer.status_code)] += 1
            except httpx.HTTPError as error:
                counts[type(error).__name__] += 1
            time.sleep(rng.uniform(*PAUSE_S))
    return counts


def watch(process: int, started: float, until: float) -> list[dict[str, float]]:
    """Memory in MB every ten seconds: of the server, and of all processes that it started."""
    samples = []
    while time.monotonic() < until:
        minute = round((time.monotonic() - started) / 60, 2)
        children = sum(memory_of(child) for child in started_by(process))
        samples.append({"minute": minute, "server": memory_of(process), "children": children})
        time.sleep(SAMPLE_S)
    return samples


def memory_of(process: int) -> int:
    """Resident memory in MB; 0 for a process that has just ended."""
    try:
        return memory_mb(process) or 0
    except (OSError, StopIteration):  # a process that is ending has no VmRSS
        return 0


def started_by(process: int) -> list[int]:
    """The processes that a process started, and those that they started in turn."""
    try:
        lists = [(task / "children").read_text().split() for task in Path(f"/proc/{process}/task").iterdir()]
    except OSError:  # it has just ended
        return []
    children = [int(child) for names in lists for child in names]
    return children + [grandchild for child in children for grandchild in started_by(child)]


def level(samples: list[dict[str, float]], minute: float) -> dict[str, float]:
    """Mean memory in MB over the two minutes around a minute, or up to the end."""
    middle = min(minute, samples[-1]["minute"] - LEVEL_MINUTES / 2)
    near = [sample for sample in samples if abs(sample["minute"] - middle) <= LEVEL_MINUTES / 2] or samples[-1:]
    return {name: round(float(np.mean([sample[name] for sample in near]))) for name in ("server", "children")}


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long the load lasts.")] = 60,
    quick: Annotated[bool, typer.Option("--quick", help="Twenty seconds.")] = False,
) -> None:
    """Measure whether the server's memory grows under mixed load."""
    if not Path("/proc/self/status").is_file():
        sys.exit("The memory of processes is read from /proc, which only Linux has.")
    length = 20.0 if quick else minutes * 60
    with server() as (url, process), ThreadPoolExecutor(VISITORS + 6) as pool:
        page, started = Page(url), time.monotonic()
        until = started + length
        memory = pool.submit(watch, process, started, until)
        page_visits = [pool.submit(visits, page, until, visitor) for visitor in range(VISITORS)]
        kinds: dict[str, tuple[str, Callable[[int], bytes], dict[str, str]]] = {
            "default maps": ("/deepfake", photo, {}),
            **{name: ("/deepfake", photo, fields) for name, fields in REQUESTS.items()},
            "clip": (CLIP, animation, {}),
            "damaged file": ("/deepfake", damaged, {}),
        }
        sent = {
            name: pool.submit(requests, url + path, until, 40_000 + 5_000 * place, make, fields)
            for place, (name, (path, make, fields)) in enumerate(kinds.items())
        }
        samples = memory.result()
        figures: dict[str, Any] = {
            "minutes": length / 60,
            "visits": sum((counts.result() for counts in page_visits), Counter[str]()),
            "requests": {name: counts.result() for name, counts in sent.items()},
            "memory_mb": {f"minute {m:g}": level(samples, m) for m in (5, 15, 30, 60) if m <= length / 60},
            "samples": samples,
        }
    print({name: value for name, value in figures.items() if name != "samples"}, flush=True)
    _results.write("mixed_load", figures, quick)


if __name__ == "__main__":
    run(main, __doc__)
