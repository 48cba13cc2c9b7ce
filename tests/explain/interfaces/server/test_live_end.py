"""Servers of their own: how one ends, whom it lets in, and what it leaves behind."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

import app
from tests.conftest import _wait_until_it_answers, free_port
from tests.support.bad_photos import ASTRONAUT, ROOT
from tests.support.folders import files_named
from tests.support.processes import all_end

pytestmark = pytest.mark.slow  # they start servers
ANN = ("ann", "secret")


class Running:
    """A server that runs."""

    def __init__(self, url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.url, self.process, self.folder = url, process, folder

    @property
    def uploads(self) -> list[Path]:
        """The files that visitors have sent."""
        return files_named(self.folder / "uploads", "face.jpg")

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text()

    def upload(self) -> None:
        """Send a photo as the page does."""
        with ASTRONAUT.open("rb") as photo:
            sent = {"files": ("face.jpg", photo)}
            httpx.post(f"{self.url}/gradio_api/upload", files=sent, auth=ANN).raise_for_status()

    def judge_and_kill(self) -> list[psutil.Process]:
        """Judge a photo, then end the server by force; returns the processes that it had started."""
        with ASTRONAUT.open("rb") as photo:
            sent = {"files": {"file": photo}, "data": {"methods": ""}}
            httpx.post(f"{self.url}/deepfake", **sent, auth=ANN, timeout=60).raise_for_status()
        started = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        return started


@contextmanager
def server(folder: Path, *options: str, **variables: str) -> Iterator[Running]:
    port = free_port()
    own = {"GRADIO_TEMP_DIR": str(folder / "uploads"), "GRADIO_ANALYTICS_ENABLED": "False"}
    command = [sys.executable, str(ROOT / "app.py"), "--port", str(port), *options]
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | own | variables, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}/health", process, folder / "log.txt")
        yield Running(f"http://127.0.0.1:{port}", process, folder)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def kept_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Running]]:
    """Gives a server that lets Ann in, after one that was killed with an upload; a new one if it has ended."""
    folder = tmp_path_factory.mktemp("killed")
    with server(folder) as killed:
        killed.upload()
        processes = killed.judge_and_kill()
    assert len(processes) > 1 and all_end(processes), "those that decode, and the one that reads a file's origin"
    assert killed.uploads
    started: list[Running] = []
    with ExitStack() as stack:

        def running() -> Running:
            if not started or started[-1].process.poll() is not None:
                one = server(folder, "--log", "--metrics", WHYFAKE_AUTH=":".join(ANN))
                started.append(stack.enter_context(one))
            return started[-1]

        yield running


@pytest.fixture
def running(kept_server: Callable[[], Running]) -> Running:
    return kept_server()


def test_users_metrics_and_files(running: Running) -> None:
    assert httpx.get(running.url).status_code == 401
    assert httpx.get(f"{running.url}/ready").json() == {"ready": True}
    with httpx.Client(auth=ANN, base_url=running.url) as client:
        assert "WhyFake" in client.get("/").text
        assert "whyfake_requests_total" in client.get("/metrics").text
        examples = ROOT / "examples"
        for file, status in (("cat.jpg", 200), ("make.py", 403), ("examples.json", 403), ("../app.py", 403)):
            assert client.get(f"/gradio_api/file={examples / file}").status_code == status, file
    assert "Traceback" not in running.log


def test_clients_that_leave_cost_no_traceback(running: Running) -> None:
    host, port = "127.0.0.1", int(running.url.rpartition(":")[2])
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body += ASTRONAUT.read_bytes() + b"\r\n--x--\r\n"
    ann = f"Authorization: Basic {base64.b64encode(':'.join(ANN).encode()).decode()}\r\n"
    kind = "Content-Type: multipart/form-data; boundary=x\r\n"
    head = "POST {path} HTTP/1.1\r\nHost: a\r\n" + ann + kind + "Content-Length: {n}\r\n\r\n"
    for path, part in (("/deepfake", 1000), ("/deepfake", len(body)), ("/gradio_api/upload", 1000)):
        with socket.create_connection((host, port)) as client:
            client.sendall(head.format(path=path, n=len(body)).encode() + body[:part])
            time.sleep(0.2)
    with socket.create_connection((host, port)) as client:
        client.sendall(f"GET /gradio_api/queue/data?session_hash=abc HTTP/1.1\r\nHost: a\r\n{ann}\r\n".encode())
        time.sleep(0.2)
    deadline = time.monotonic() + 60
    while httpx.get(f"{running.url}/health").json()["running"] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "Traceback" not in running.log


def test_what_a_killed_one_left_goes_when_the_next_one_starts(running: Running) -> None:
    assert running.uploads == []


def test_a_signal_ends_it_with_the_running_answer_and_without_uploads(running: Running) -> None:
    answers: list[httpx.Response] = []
    running.upload()
    assert running.uploads

    def ask() -> None:
        fields = {"trust": "true", "methods": "lime,occlusion,rise"}
        with ASTRONAUT.open("rb") as photo:
            sent: dict[str, Any] = {"files": {"file": photo}, "data": fields}
            answers.append(httpx.post(f"{running.url}/deepfake", **sent, auth=ANN, timeout=60))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    while httpx.get(f"{running.url}/health").json()["running"] == 0 and not answers:
        time.sleep(0.05)
    started = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(60) == 0
    assert time.monotonic() - started < 30  # ten on a machine that does nothing else
    asking.join(10)
    assert running.uploads == []
    assert "Traceback" not in running.log and "face.jpg" not in running.log
    lines = [json.loads(line) for line in running.log.splitlines() if line.startswith("{")]
    assert {"/deepfake", "/gradio_api/upload"} <= {line.get("path") for line in lines}
    (answer,) = answers
    assert answer.status_code == 200 and answer.json()["prediction"]["verdict"]


def test_port_that_is_taken_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "tune", lambda: None)  # it changes the whole process
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            app.main(port=port)
    assert ended.value.code == f"Error: Port {port} is not free; name another one with --port."
