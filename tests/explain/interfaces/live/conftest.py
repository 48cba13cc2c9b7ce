"""A server with every interface enabled, for all tests of this folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from gradio_client import Client

from tests.conftest import served
from tests.support.bad_photos import ASTRONAUT, ROOT


@pytest.fixture(scope="package")
def kept_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the server keeps photos; the server makes it."""
    return tmp_path_factory.mktemp("kept") / "photos"


@pytest.fixture(scope="package")
def url(tmp_path_factory: pytest.TempPathFactory, kept_photos: Path) -> Iterator[str]:
    """Address of a server with every interface enabled and a fast stand-in network."""
    log = tmp_path_factory.mktemp("doors") / "log.txt"
    with served(
        ROOT, log, "--mcp", "--keep-uploads", str(kept_photos), program="tests/browser/quick_app.py"
    ) as address:
        yield address


@pytest.fixture(scope="package")
def client(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(url, verbose=False, download_files=str(tmp_path_factory.mktemp("answers")))
    yield client
    client.close()


@pytest.fixture
def local_site() -> Iterator[tuple[str, list[str]]]:
    """Address of a photo on a server of this machine, and the path of each request to it."""
    visits: list[str] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            visits.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(ASTRONAUT.read_bytes())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/photo.jpg", visits
    server.shutdown()
    server.server_close()
