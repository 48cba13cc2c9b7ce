"""A local site that serves a photo, redirects, and endless and slow responses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PHOTO = b"\xff\xd8 a photo"


class Site(BaseHTTPRequestHandler):
    """A site with a photo, a missing page, redirects, and endless and slow responses."""

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["Host"]))  # type: ignore[attr-defined]
        name = self.path.strip("/")
        if name.startswith("to="):
            self.send_response(302)
            self.send_header("Location", name.removeprefix("to="))
            self.end_headers()
            return
        self.send_response(404 if name == "missing" else 200)
        self.end_headers()
        if name == "endless":
            while True:
                try:
                    self.wfile.write(bytes(1_000_000))
                except OSError:
                    return
        if name == "slow":
            for _ in range(20):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        self.wfile.write(self.headers["Accept-Encoding"].encode() if name == "accepted" else PHOTO)

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Records its requests, and ignores clients that close the connection."""

    daemon_threads = True
    seen: list[tuple[str, str]]

    def handle_error(self, *args: object) -> None:
        pass


@contextmanager
def running_site() -> Iterator[Server]:
    """The site while it runs; ``seen`` has the path and the host of each request."""
    server = Server(("127.0.0.1", 0), Site)
    server.seen = []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
