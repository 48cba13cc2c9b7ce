"""Servers in their own processes: passwords, shutdown, and deleted uploads."""

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


class RunningServer:
    """A running server: its address, its process and the folder of its log and uploads."""

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
        """Judge a photo, then kill the server; return the processes that the server had started."""
        with ASTRONAUT.open("rb") as photo:
            sent = {"files": {"file": photo}, "data": {"methods": ""}}
            httpx.post(f"{self.url}/deepfake", **sent, auth=ANN, timeout=60).raise_for_status()
        started = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        return started


@contextmanager
def start_server(folder: Path, *options: str, **variables: str) -> Iterator[RunningServer]:
    port = free_port()
    own = {"GRADIO_TEMP_DIR": str(folder / "uploads"), "GRADIO_ANALYTICS_ENABLED": "False"}
    command = [sys.executable, str(ROOT / "app.py"), "--port", str(port), *options]
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | own | variables, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}/health", process, folder / "log.txt")
        yield RunningServer(f"http://127.0.0.1:{port}", process, folder)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def kept_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], RunningServer]]:
    """Gives the server that runs, or starts one; its user is Ann.

    Before that, another server with an upload in the same folder is killed.
    """
    folder = tmp_path_factory.mktemp("killed")
    with start_server(folder) as killed:
        killed.upload()
        processes = killed.judge_and_kill()
    assert len(processes) > 1 and all_end(processes), (
        "the processes that decode photos and read their origin must end with the server"
    )
    assert killed.uploads
    started: list[RunningServer] = []
    with ExitStack() as stack:

        def current_server() -> RunningServer:
            if not started or started[-1].process.poll() is not None:
                context = start_server(folder, "--log", "--metrics", WHYFAKE_AUTH=":".join(ANN))
                started.append(stack.enter_context(context))
            return started[-1]

        yield current_server


@pytest.fixture
def running_server(kept_server: Callable[[], RunningServer]) -> RunningServer:
    return kept_server()


def test_the_server_checks_passwords_and_serves_metrics_and_only_example_photos(running_server: RunningServer) -> None:
    assert httpx.get(running_server.url).status_code == 401
    assert httpx.get(f"{running_server.url}/ready").json() == {"ready": True}
    with httpx.Client(auth=ANN, base_url=running_server.url) as client:
        assert "WhyFake" in client.get("/").text
        assert "whyfake_requests_total" in client.get("/metrics").text
        examples = ROOT / "examples"
        for file, status in (("cat.jpg", 200), ("make.py", 403), ("examples.json", 403), ("../app.py", 403)):
            assert client.get(f"/gradio_api/file={examples / file}").status_code == status, file
    assert "Traceback" not in running_server.log


def test_clients_that_disconnect_cause_no_traceback(running_server: RunningServer) -> None:
    host, port = "127.0.0.1", int(running_server.url.rpartition(":")[2])
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
    while httpx.get(f"{running_server.url}/health").json()["running"] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "Traceback" not in running_server.log


def test_the_next_server_deletes_the_uploads_of_a_killed_server(running_server: RunningServer) -> None:
    assert running_server.uploads == []


def test_sigterm_ends_the_server_after_the_running_answer_and_deletes_uploads(running_server: RunningServer) -> None:
    answers: list[httpx.Response] = []
    running_server.upload()
    assert running_server.uploads

    def send_photo() -> None:
        fields = {"trust": "true", "methods": "lime,occlusion,rise"}
        with ASTRONAUT.open("rb") as photo:
            sent: dict[str, Any] = {"files": {"file": photo}, "data": fields}
            answers.append(httpx.post(f"{running_server.url}/deepfake", **sent, auth=ANN, timeout=60))

    request_thread = threading.Thread(target=send_photo, daemon=True)
    request_thread.start()
    while httpx.get(f"{running_server.url}/health").json()["running"] == 0 and not answers:
        time.sleep(0.05)
    started = time.monotonic()
    running_server.process.send_signal(signal.SIGTERM)
    assert running_server.process.wait(60) == 0
    assert time.monotonic() - started < 30  # about 10 seconds on an idle machine
    request_thread.join(10)
    assert running_server.uploads == []
    assert "Traceback" not in running_server.log and "face.jpg" not in running_server.log
    lines = [json.loads(line) for line in running_server.log.splitlines() if line.startswith("{")]
    assert {"/deepfake", "/gradio_api/upload"} <= {line.get("path") for line in lines}
    (answer,) = answers
    assert answer.status_code == 200 and answer.json()["prediction"]["verdict"]


def test_a_port_that_is_in_use_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "tune", lambda: None)  # it changes settings of the whole process
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            app.main(port=port)
    assert ended.value.code == f"Error: Port {port} is not free; name another one with --port."
