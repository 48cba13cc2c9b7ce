"""Tests of downloading a model, from a local server that replaces the Hugging Face Hub."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from model.errors import ArtifactError
from model.onnx_models import hub as module
from model.onnx_models.folder import find_onnx
from model.onnx_models.hub import CACHE, ENDPOINT, fetch
from model.onnx_models.request import Request
from tests.support.onnx_graphs import hub_folder

REPOSITORY, COMMIT = "owner/net", "a" * 40


class Hub(ThreadingHTTPServer):
    """Serves the files of one repository; records the names of the requested files."""

    stated_size = 0  # size in bytes that is stated for every file; 0 means the true size

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.folder = folder
        self.requested: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def files(self) -> dict[str, bytes]:
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        start = re.match(rf"/{REPOSITORY}/resolve/(main|v1|{COMMIT})/|", path)
        name = path.removeprefix(start[0]) if start and start[0] else ""
        files = self.server.files
        if path in (f"/api/models/{REPOSITORY}", f"/api/models/{REPOSITORY}/revision/v1"):
            siblings = [
                {"rfilename": name, "size": self.server.stated_size or len(content)} for name, content in files.items()
            ]
            about = {"id": REPOSITORY, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []}
            self._send(json.dumps(about).encode(), "application/json")
        elif name in files:
            self.server.requested.append(name)
            self._send(files[name], "application/octet-stream")
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A server with a model and files that are not needed."""
    folder = hub_folder(tmp_path / "served")
    (folder / "model.safetensors").write_bytes(b"large")
    (folder / "pipeline.py").write_text("raise SystemExit")
    server = Hub(folder)
    monkeypatch.setenv(ENDPOINT, server.url)
    monkeypatch.setenv(CACHE, str(tmp_path / "hub"))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_only_the_needed_files_are_downloaded_and_kept(hub: Hub) -> None:
    onnx = fetch(REPOSITORY, None)
    assert onnx.read_bytes() == hub.files["onnx/model.onnx"]
    assert set(hub.requested) == {"onnx/model.onnx", "config.json", "preprocessor_config.json"}
    assert (onnx.parent.parent / "config.json").is_file()
    assert fetch(REPOSITORY, "v1") == onnx
    assert find_onnx(Request(f"hf:{REPOSITORY}@v1"), lambda message: None) == onnx


def test_download_of_a_file_larger_than_stated_is_stopped(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    (hub.folder / "onnx" / "model.onnx").write_bytes(bytes(4_000_000))
    monkeypatch.setattr(module, "MAX_BYTES", 1_500_000)
    monkeypatch.setattr(hub, "stated_size", 1000)
    with pytest.raises(ArtifactError, match=REPOSITORY):
        fetch(REPOSITORY, None)
    kept = [path.stat().st_size for path in Path(os.environ[CACHE]).rglob("*") if path.is_file()]
    assert max(kept, default=0) < 4_000_000


def test_missing_model_revision_and_file_are_named(hub: Hub) -> None:
    with pytest.raises(ArtifactError, match="no model owner/other"):
        fetch("owner/other", None)
    with pytest.raises(ArtifactError, match="no model owner/net@v2"):
        fetch(REPOSITORY, "v2")
    (hub.folder / "onnx" / "model.onnx").unlink()
    with pytest.raises(ArtifactError, match="optimum-cli export onnx"):
        fetch(REPOSITORY, None)
    (hub.folder / "model.safetensors").unlink()
    with pytest.raises(ArtifactError, match="has no ONNX file"):
        fetch(REPOSITORY, None)


def test_too_large_models_are_not_downloaded(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.onnx_models.hub.MAX_BYTES", 100)
    with pytest.raises(ArtifactError, match="GB allowed"):
        fetch(REPOSITORY, None)
    assert hub.requested == []


def test_without_a_connection_the_earlier_download_is_used(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx = fetch(REPOSITORY, None)
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    assert fetch(REPOSITORY, None) == fetch(REPOSITORY, COMMIT) == onnx
    with pytest.raises(ArtifactError, match="can't be downloaded and was not downloaded before"):
        fetch("owner/other", None)


@pytest.mark.parametrize("source", ["hf:", "hf:name", "hf:../name", "hf:a/..", "hf:a/b/c", "hf:a/b@", "hf:a/b@../x"])
def test_invalid_references_are_refused(source: str) -> None:
    with pytest.raises(ArtifactError, match="hf:OWNER/NAME"):
        Request(source).reference()
    assert Request("hf:owner/net@refs/pr/1").reference() == (REPOSITORY, "refs/pr/1")
