"""Photos per second of a bulk job with one and two workers, beside a plain loop and the ceiling that the parts allow.

``python -m benchmarks.bulk`` judges copies of the examples. The parts (decoding, finding faces, the network) are
measured separately, in seconds of the processor, which other work on the machine changes less. The ceiling is the speed
if all cores did only these parts; a job's ``of_ceiling`` is its speed divided by that. Its start is counted separately.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from benchmarks import _results
from explain.batch.judge import judge_many
from explain.bulk.on_ray import on_ray
from explain.bulk.run import Work, in_process, opened
from explain.bulk.run import run as run_job
from explain.bulk.stages import Request, Stages
from explain.bulk.task import Found, Task
from model.cli import run
from model.detector.detector import Detector
from model.paths import EXAMPLES
from model.photos.photo import open_photo

COPIES = 18  # of each example
WORKERS = (1, 2)
WARM = 32  # photos until all parts of a job have begun; rows come 16 at a time


def cpu_seconds() -> float:
    """Seconds of the processor that this process and those that it started have taken so far."""
    this, total = psutil.Process(), 0.0
    for process in [this, *this.children(recursive=True)]:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def cost(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of the processor that a call takes."""
    started, before = time.perf_counter(), cpu_seconds()
    call()
    return time.perf_counter() - started, cpu_seconds() - before


def parts_of(photos: list[Path], detector: Detector) -> dict[str, float]:
    """Processor seconds per photo of each part."""
    stages = Stages(Request(str(detector.folder), detector.name), detector)
    tasks = [Task(number, Found(path.name, str(path))) for number, path in enumerate(photos, 1)]
    state = [stages.find_faces(task) for task in tasks]  # everything is warm then
    _, decode = cost(lambda: [open_photo(path) for path in photos])
    _, look = cost(lambda: [stages.find_faces(task) for task in tasks])
    _, predict = cost(lambda: [stages.to_row(judged) for judged in stages.predict(state)])
    return {
        "decode": round(decode / len(photos), 4),
        "faces": round((look - decode) / len(photos), 4),
        "network": round(predict / len(photos), 4),
    }


def loop(folder: Path, detector: Detector) -> Iterator[None]:
    """The plain loop: yields after each photo."""
    steps = judge_many([folder], detector)
    next(steps)
    for _ in steps:
        yield


def job(folder: Path, out: Path, detector: Detector, work: Work) -> Iterator[None]:
    """A bulk job: yields after each photo."""
    request = Request(str(detector.folder), detector.name)
    place, plan = opened(str(folder), str(out), request, detector, 200)
    steps = run_job(place, plan, request, work)
    next(steps)
    for _ in steps:
        yield


def speed(steps: Iterator[None], ceiling: float) -> dict[str, float]:
    """Photos per second after the first ``WARM`` ones, and the seconds until these."""
    started = time.perf_counter()
    for done, _ in enumerate(steps, 1):
        if done == WARM:
            ready = time.perf_counter()
    reached = (done - WARM) / (time.perf_counter() - ready)
    return {
        "photos_per_second": round(reached, 2),
        "of_ceiling": round(reached / ceiling, 2),
        "start_seconds": round(ready - started, 1),
    }


def main(quick: Annotated[bool, typer.Option("--quick", help="Few photos, one worker.")] = False) -> None:
    """Measure the speed of bulk jobs."""
    copies, workers = (6, WORKERS[:1]) if quick else (COPIES, WORKERS)
    detector, cores = Detector(), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    figures: dict[str, Any] = {"load_before": os.getloadavg()[0], "cores": cores}
    with tempfile.TemporaryDirectory() as name:
        folder, examples = Path(name, "photos"), sorted(EXAMPLES.glob("*.jpg"))
        folder.mkdir()
        for number in range(copies):
            for example in examples:
                shutil.copy(example, folder / f"{number:03d}-{example.name}")
        count = copies * len(examples)
        figures |= {"photos": count, "cpu_seconds": parts_of(examples, detector)}
        ceiling = (cores or 1) / sum(figures["cpu_seconds"].values())
        figures["ceiling_photos_per_second"] = round(ceiling, 2)
        print(figures, flush=True)
        works = {"in_process": in_process(detector), **{f"ray_{number}": on_ray(number) for number in workers}}
        runs = {"loop": lambda: loop(folder, detector)}
        for key, work in works.items():
            runs[key] = lambda key=key, work=work: job(folder, Path(name, f"{key}.parquet"), detector, work)  # type: ignore[misc]
        for key, steps in runs.items():
            figures[key] = speed(steps(), ceiling)
            print(key, figures[key], flush=True)
    figures["load_after"] = os.getloadavg()[0]
    _results.write("bulk", figures, quick)


if __name__ == "__main__":
    run(main, __doc__)
