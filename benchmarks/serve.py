"""How long 64 visitors wait: the plain server, beside Ray Serve with one replica and with two.

``python -m benchmarks.serve`` starts each of them on this machine in turn. First 64 clients send photos to
``/deepfake`` for half a minute, one after the other, for the verdict alone; a server that has too many requests already
refuses more, and the client sends that photo again. Then 64 visitors of the page drop a photo each at the same moment.
A network has two threads in the plain server and one in each replica. It takes about six minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
import psutil
import typer

from benchmarks import _results
from benchmarks.load import PARTS, PATIENCE_S, REQUESTS, ROOT, Page, free_port, from_address, photo, server, visit
from model.cli import run

VISITORS = 64
SENDING_S = 30
WATCHED_S = 50  # then a visitor of the page leaves
AGAIN_S = 0.5  # until a refused photo is sent again
FIELDS = REQUESTS["the verdict alone"]


@contextmanager
def served(replicas: int | None, log: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of a service with this many replicas, which all answer; None for as many as it wants."""
    port = free_port()
    fixed = [] if replicas is None else ["--replicas", str(replicas)]
    command = [sys.executable, "-m", "deploy", "--port", str(port), *fixed]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        seen: set[str] = set()
        while len(seen) < (replicas or 1):
            if process.poll() is not None:
                sys.exit(f"The service did not start:\n{log.read_text()}")
            seen |= _answering(url)
            time.sleep(0.2)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def _answering(url: str) -> set[str]:
    """The cookie of the replica that answers, if one does."""
    try:
        return set(httpx.get(f"{url}/config", timeout=PATIENCE_S).cookies.values())
    except httpx.HTTPError:
        return set()


def replicas_of(process: int) -> list[int]:
    """Process ids of a service's replicas that have begun to start, the oldest first."""
    children = psutil.Process(process).children(recursive=True)
    replicas = [child for child in children if child.name().startswith("ray::ServeRep")]
    return [replica.pid for replica in sorted(replicas, key=lambda replica: replica.create_time())]


def send(url: str, number: int, until: float) -> tuple[list[float], int, int]:
    """Send photos until a time; returns the seconds of each until its answer, how often one was refused, and errors."""
    seconds, refused, errors = list[float](), 0, 0
    with httpx.Client(timeout=PATIENCE_S, transport=from_address(number)) as client:
        while (started := time.monotonic()) < until:
            data = photo(number * 1000 + len(seconds))
            while (answer := client.post(f"{url}/deepfake", files={"file": data}, data=FIELDS)).status_code == 503:
                refused += 1
                time.sleep(AGAIN_S)
            errors += answer.status_code != 200
            seconds.append(time.monotonic() - started)
    return seconds, refused, errors


def spread(values: list[float]) -> dict[str, float]:
    """Percentiles."""
    return {f"p{share}": round(float(np.percentile(values, share)), 2) for share in (50, 95, 99)}


def measured(url: str, visitors: int, length: float, watched: float) -> dict[str, Any]:
    """The figures of one server."""
    started = time.monotonic()
    with ThreadPoolExecutor(visitors) as pool:
        sent = list(pool.map(lambda number: send(url, number, started + length), range(visitors)))
    taken = time.monotonic() - started
    seconds = [value for values, _, _ in sent for value in values]
    figures: dict[str, Any] = {
        "deepfake": {
            **{"photos_per_second": round(len(seconds) / taken, 2), "seconds": spread(seconds)},
            **{"refused": sum(refused for _, refused, _ in sent), "errors": sum(errors for *_, errors in sent)},
        }
    }
    page, together = Page(url), threading.Barrier(visitors)
    with ThreadPoolExecutor(visitors) as pool:
        visits = list(pool.map(lambda number: visit(page, number, together, watched), range(visitors)))
    figures["page"] = {"errors": sum("error" in visit for visit in visits)}
    for part in PARTS:
        had = [visit[part] for visit in visits if part in visit]
        figures["page"][part] = {"of": len(had), **(spread(had) if had else {})}
    return figures


def main(quick: Annotated[bool, typer.Option("--quick", help="Four visitors and five seconds.")] = False) -> None:
    """Measure how long visitors wait."""
    amounts = (4, 5.0, 20.0) if quick else (VISITORS, SENDING_S, WATCHED_S)
    figures: dict[str, Any] = {"visitors": amounts[0], "load_before": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory() as folder:
        for name, serving in (
            ("plain", server()),
            ("one_replica", served(1, Path(folder, "one.txt"))),
            ("two_replicas", served(2, Path(folder, "two.txt"))),
        ):
            with serving as (url, _):
                figures[name] = measured(url, *amounts)
            print(name, figures[name], flush=True)
    for name in ("one_replica", "two_replicas"):
        own, plain = figures[name]["deepfake"], figures["plain"]["deepfake"]
        figures[name]["of_plain"] = {
            "photos_per_second": round(own["photos_per_second"] / plain["photos_per_second"], 2),
            "seconds": round(own["seconds"]["p50"] / plain["seconds"]["p50"], 2),
        }
        print(f"{name}: {figures[name]['of_plain']} of the plain server's")
    figures["load_after"] = round(os.getloadavg()[0], 1)
    _results.write("serve", figures, quick)


if __name__ == "__main__":
    run(main, __doc__)
