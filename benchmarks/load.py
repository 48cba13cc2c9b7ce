"""How long visitors wait when many come at once, on the page and over plain HTTP.

``python -m benchmarks.load`` starts the server on this machine. Then 1, 8, 32 and 64 visitors drop a photo each at the
same moment and follow their run as the browser does: upload, queue, event stream, and the connection by which the
server knows that their tab is open. Each photo is a different one, so nothing is answered from a cache. After three
minutes those that still wait leave. Afterwards 8 clients send photos to ``/deepfake`` one after the other: without
LIME, and for the verdict alone.
"""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
import typer
from PIL import Image

from benchmarks import _results
from benchmarks._load_plot import plot
from explain.maps.registry import MAIN_MAP, METHODS
from model.cli import run
from model.paths import EXAMPLES

ROOT = EXAMPLES.parent
VISITORS = (1, 8, 32, 64)
WATCHED_S = 180  # then a visitor leaves
CLIENTS = 8  # of /deepfake
PATIENCE_S = 1200
PARTS = {"verdict": "verdict", "first_map": MAIN_MAP}  # what is timed, by the id of the page's component
REQUESTS = {  # to /deepfake: fields of the form
    "without LIME": {"methods": ",".join(name for name, method in METHODS.items() if method.in_verdict_pass)},
    "the verdict alone": {"methods": "", "robustness": "false"},
}


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """Address and process id of a page that is served inside the block."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"GRADIO_TEMP_DIR": folder, "GRADIO_ANALYTICS_ENABLED": "False"}
        command = [sys.executable, "app.py", "--port", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        try:
            while not _answers(url):
                if process.poll() is not None:
                    sys.exit("The server did not start.")
                time.sleep(0.2)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").is_success
    except httpx.HTTPError:
        return False


def photo(number: int) -> bytes:
    """A JPEG of a face that no other number has."""
    with Image.open(EXAMPLES / "astronaut.jpg") as image:
        pixels = np.array(image.convert("RGB"))
    pixels[0, :16, 0] = [255 * (number >> bit & 1) for bit in range(16)]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "jpeg", quality=92)
    return buffer.getvalue()


class Page:
    """The page's configuration, from which a visitor's browser knows what to send."""

    def __init__(self, url: str) -> None:
        self.url = url
        config = httpx.get(f"{url}/config", timeout=60).json()
        self.components = {component["id"]: component for component in config["components"]}
        by_name = {component["props"].get("elem_id"): number for number, component in self.components.items()}
        drop = (by_name["photo"], "input")
        (self.drop,) = (event for event in config["dependencies"] if drop in map(tuple, event["targets"]))
        self.photo = by_name["photo"]
        outputs = self.drop["outputs"]
        self.places = {part: outputs.index(by_name[name]) for part, name in PARTS.items()}

    def values(self, uploaded: str) -> list[Any]:
        """The inputs of the event of a dropped photo, all controls as they are at first."""
        file = {"path": uploaded, "orig_name": "photo.jpg", "meta": {"_type": "gradio.FileData"}}
        return [
            file if number == self.photo else self.components[number]["props"].get("value")
            for number in self.drop["inputs"]
        ]


@contextmanager
def tab(page: Page, visitor: int) -> Iterator[Callable[..., dict[str, Any]]]:
    """A visitor's open tab; yields the function that drops a photo in it, see ``_drop``."""
    session = f"load{time.time_ns()}{visitor}"
    with (
        httpx.Client(timeout=PATIENCE_S, transport=from_address(visitor)) as client,
        client.stream("GET", f"{page.url}/gradio_api/heartbeat/{session}"),  # as long as the tab is open
    ):
        yield partial(_drop, page, client, session)


def _drop(page: Page, client: httpx.Client, session: str, number: int, watched: float = WATCHED_S) -> dict[str, Any]:
    """Drop the photo of a number; returns the seconds until each of ``PARTS`` and until the end, if it came in time."""
    base, data = f"{page.url}/gradio_api", photo(number)
    started = time.monotonic()
    seconds: dict[str, Any] = {}
    try:
        (path,) = client.post(f"{base}/upload", files={"files": ("photo.jpg", data)}).raise_for_status().json()
        event = {
            **{"data": page.values(path), "fn_index": page.drop["id"], "session_hash": session},
            **{"trigger_id": page.photo, "event_data": None},
        }
        client.post(f"{base}/queue/join", json=event).raise_for_status()
        with client.stream("GET", f"{base}/queue/data", params={"session_hash": session}) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: ") and _note(json.loads(line[6:]), page, seconds, started):
                    break
                if time.monotonic() - started > watched:
                    break
    except httpx.HTTPError as error:
        seconds["error"] = type(error).__name__
    return seconds


def visit(page: Page, number: int, together: threading.Barrier, watched: float = WATCHED_S) -> dict[str, Any]:
    """Drop a photo at the same moment as the other visitors; see ``_drop``."""
    with tab(page, number) as drop:
        together.wait()
        return drop(number, watched)


def _note(message: dict[str, Any], page: Page, seconds: dict[str, Any], started: float) -> bool:
    """Note when the parts of the page came; whether this is the last message."""
    elapsed = round(time.monotonic() - started, 2)
    if message["msg"] == "process_generating" and message["success"]:
        for part, place in page.places.items():
            if part not in seconds and _shown(message["output"]["data"][place], part):
                seconds[part] = elapsed
    if message["msg"] == "process_completed":
        seconds["complete"] = elapsed
        if not message["success"] or "verdict" not in seconds:
            seconds["error"] = str(message["output"].get("error"))
        return True
    return False


def _shown(value: Any, part: str) -> bool:
    """Whether a component's value, or the change of one, holds what is waited for."""
    while isinstance(value, list) and value and isinstance(value[-1], list):
        value = value[-1]
    text = json.dumps(value)
    return "verdict" in text and "waiting" not in text if part == "verdict" else "path" in text


def from_address(number: int) -> httpx.HTTPTransport:
    """Connects from a separate address, where the system has several: the server limits the connections of each."""
    return httpx.HTTPTransport(local_address=f"127.0.0.{2 + number % 250}" if sys.platform == "linux" else None)


def wait_until_idle(url: str) -> None:
    """Wait until the runs of visitors that have left are finished."""
    while any(httpx.get(f"{url}/health").json()[name] for name in ("running", "waiting")):
        time.sleep(0.2)


def ask(url: str, number: int, until: float, fields: dict[str, str]) -> tuple[int, int]:
    """Send photos to ``/deepfake`` until a time; returns how many were judged and how many refused."""
    judged = refused = 0
    with httpx.Client(timeout=PATIENCE_S) as client:
        while time.monotonic() < until:
            file = {"file": ("photo.jpg", photo(number * 1000 + judged + refused))}
            done = client.post(f"{url}/deepfake", files=file, data=fields).is_success
            judged, refused = judged + done, refused + (not done)
    return judged, refused


def memory_mb(process: int | str) -> int | None:
    """Resident memory of a process, or of this one for ``self``; None on systems without ``/proc``."""
    file = Path(f"/proc/{process}/status")
    if not file.is_file():
        return None
    return int(next(line for line in file.read_text().splitlines() if line.startswith("VmRSS")).split()[1]) // 1000


def summary(visits: list[dict[str, Any]]) -> dict[str, Any]:
    """Median and worst seconds of each part and how many visitors had it, and the errors."""
    found: dict[str, Any] = {"errors": [visit["error"] for visit in visits if "error" in visit]}
    for part in (*PARTS, "complete"):
        values = [visit[part] for visit in visits if part in visit]
        if values:
            found[part] = {
                "median": round(float(np.median(values)), 2),
                "p90": round(float(np.percentile(values, 90)), 2),
                "worst": max(values),
                "of": len(values),
            }
    return found


def throughput(url: str, fields: dict[str, str], length: float) -> dict[str, Any]:
    """How many photos a second ``CLIENTS`` get judged by ``/deepfake`` with these fields, in ``length`` seconds."""
    until = time.monotonic() + length
    with ThreadPoolExecutor(CLIENTS) as pool:
        counts = list(pool.map(lambda number: ask(url, 10 + number, until, fields), range(CLIENTS)))
    taken = time.monotonic() - until + length  # until the last answer
    judged, refused = map(sum, zip(*counts, strict=True))
    return {"clients": CLIENTS, "photos_per_second": round(judged / taken, 2), "refused": refused}


def main(quick: Annotated[bool, typer.Option("--quick", help="Two visitors and five seconds.")] = False) -> None:
    """Measure how long visitors wait."""
    figures: dict[str, Any] = {"visitors": {}, "seconds": {}, "load_before": round(os.getloadavg()[0], 1)}
    with server() as (url, process):
        page = Page(url)
        figures["memory_mb"] = {"at first": memory_mb(process)}
        for count in (2,) if quick else VISITORS:
            together = threading.Barrier(count)
            with ThreadPoolExecutor(count) as pool:
                visits = list(pool.map(lambda number: visit(page, number, together), range(count)))  # noqa: B023
            figures["visitors"][str(count)] = summary(visits)
            figures["seconds"][str(count)] = visits
            figures["memory_mb"][f"after {count} visitors"] = memory_mb(process)
            print(count, figures["visitors"][str(count)], flush=True)
            wait_until_idle(url)
        figures["deepfake"] = {name: throughput(url, fields, 5 if quick else 60) for name, fields in REQUESTS.items()}
        figures["memory_mb"]["after /deepfake"] = memory_mb(process)
        print(figures["deepfake"], figures["memory_mb"], flush=True)
    if not quick:
        plot(figures["seconds"], _results.FOLDER / "load.png")
    _results.write("load", figures, quick)


if __name__ == "__main__":
    run(main, __doc__)
