"""Tests of the requests that fetch a photo from a site."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

import explain.service.fetch
from explain.service.fetch import fetch
from model.errors import PhotoError
from tests.support.site import PHOTO, Server, running_site

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def site() -> Iterator[Server]:
    with running_site() as server:
        yield server


def test_proxy_of_the_environment_is_not_used(site: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would resolve the name itself. A proxy gets the whole address in place of the path."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    host = f"127.0.0.1:{site.server_port}"
    monkeypatch.setenv("http_proxy", f"http://{host}")
    assert fetch(f"http://{host}/photo", lambda _: True) == PHOTO
    assert site.seen == [("/photo", host)]


def test_no_compression_of_the_photo_is_accepted(site: Server) -> None:
    """The limit counts the bytes that arrive, and nothing decompresses them."""
    assert fetch(f"http://127.0.0.1:{site.server_port}/accepted", lambda _: True) == b"identity"


def test_a_site_with_https_gets_its_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to the address that was checked; the certificate must be that of the name."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]
    resolver = SimpleNamespace(getaddrinfo=lambda *_, **__: found, SOCK_STREAM=socket.SOCK_STREAM)
    monkeypatch.setattr(explain.service.fetch, "socket", resolver)
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # no certificate: the client hello already has the name
    context.sni_callback = lambda _, name, __: names.append(name)
    listening = socket.create_server(("127.0.0.1", 0))

    def greet() -> None:
        visitor, _ = listening.accept()
        with visitor, pytest.raises(ssl.SSLError):
            context.wrap_socket(visitor, server_side=True)

    greeting = threading.Thread(target=greet)
    greeting.start()
    with listening, pytest.raises(PhotoError, match="could be fetched"):
        fetch(f"https://photos.example:{listening.getsockname()[1]}/photo", lambda _: True)
    greeting.join()
    assert names == ["photos.example"]
