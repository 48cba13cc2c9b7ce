"""A test of the number of replicas, with Ray: only ``make test-scale`` runs it."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from benchmarks.load import from_address, photo
from benchmarks.serve import FIELDS, replicas_of, served

if not os.environ.get("WHYFAKE_RAY"):
    pytest.skip("only WHYFAKE_RAY=1 runs these: make test-scale", allow_module_level=True)
pytest.importorskip("ray.serve")
pytestmark = pytest.mark.slow
PATIENCE_S = 300


def test_open_analyses_bring_a_second_replica_and_open_tabs_do_not(tmp_path: Path) -> None:
    with ThreadPoolExecutor(40) as pool, served(None, tmp_path / "log.txt") as (url, process):
        tabs = [httpx.Client(base_url=f"{url}/gradio_api", timeout=PATIENCE_S) for _ in range(20)]
        beats = [pool.submit(_hold, tab, f"tab{number}") for number, tab in enumerate(tabs)]
        time.sleep(25)  # more than Serve's upscale_delay_s and look_back_period_s together
        assert len(replicas_of(process)) == 1
        stop = threading.Event()
        # Twice target_ongoing_requests.
        clients = [pool.submit(_send_photos, url, number, stop) for number in range(16)]
        deadline = time.monotonic() + PATIENCE_S
        while len(replicas_of(process)) < 2 and time.monotonic() < deadline:
            time.sleep(0.5)
        stop.set()
        assert len(replicas_of(process)) == 2
        assert set().union(*(client.result() for client in clients)) == {200}
        assert not any(beat.done() for beat in beats), "tabs were open all the time"
    for tab in tabs:
        tab.close()


def _hold(tab: httpx.Client, session: str) -> None:
    """Hold a request that the server never ends, as an open tab does."""
    try:
        with tab.stream("GET", f"/heartbeat/{session}") as answer:
            for _ in answer.iter_lines():
                pass
    except httpx.HTTPError:
        pass  # the service has ended


def _send_photos(url: str, number: int, stop: threading.Event) -> set[int]:
    """Send photos one after the other until ``stop`` is set; return the statuses of the answers."""
    found = set[int]()
    with httpx.Client(timeout=PATIENCE_S, transport=from_address(number)) as client:
        while not stop.is_set():
            file = {"file": ("photo.jpg", photo(number))}
            found.add(client.post(f"{url}/deepfake", files=file, data=FIELDS).status_code)
    return found
