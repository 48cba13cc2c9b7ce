"""Tests of photos given by address: only public addresses are fetched, and only uploaded files are read."""

from __future__ import annotations

import base64
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest

import explain.service.fetch
from explain.service.fetch import Address, fetch, from_data_url, is_public, photo_from
from explain.service.queue import Busy
from model.errors import PhotoError
from model.photos.photo import MAX_BYTES
from tests.support.site import PHOTO, Server, running_site


@pytest.fixture
def site() -> Iterator[Server]:
    with running_site() as server:
        yield server


def address(site: Server, path: str, host: str = "127.0.0.1") -> str:
    return f"http://{host}:{site.server_port}/{path}"


def anywhere(_: Address) -> bool:
    return True


# Allowed addresses


@pytest.mark.parametrize(
    "inside",
    [
        *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1"),
        *("2002:7f00:1::", "64:ff9b:1::7f00:1", "::127.0.0.1", "fec0::1", "::ffff:0:7f00:1", "5f00::1", "3fff::1"),
        *("192.0.0.192", "168.63.129.16", "fd00:ec2::254", "100.100.100.200"),  # metadata services of clouds
    ],
)
def test_addresses_that_are_not_public_are_recognised(inside: str) -> None:
    assert not is_public(ipaddress.ip_address(inside))


@pytest.mark.parametrize("outside", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_recognised(outside: str) -> None:
    assert is_public(ipaddress.ip_address(outside))


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "localhost", "LOCALHOST", "0", "0.0.0.0", "2130706433", "0x7f.1", "0x7f000001"),
        *("0177.0.0.1", "017700000001", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]"),
        *("user@127.0.0.1", "127.0.0.1.", "\N{FULLWIDTH DIGIT ONE}27.0.0.1"),
    ],
)
def test_this_machine_is_never_contacted_under_any_name(site: Server, host: str) -> None:
    with pytest.raises(PhotoError):
        fetch(address(site, "photo", host))
    assert site.seen == []


def test_refusal_of_an_inner_network_says_what_to_do(site: Server) -> None:
    with pytest.raises(PhotoError, match=r"not public.+send the photo itself\.$"):
        fetch(address(site, "photo"))


def test_a_redirect_into_an_inner_network_is_not_followed(site: Server) -> None:
    target = address(site, "secret", "127.0.0.2")

    def first_only(to: Address) -> bool:
        return str(to) == "127.0.0.1"

    with pytest.raises(PhotoError, match="not public"):
        fetch(address(site, f"to={target}"), first_only)
    assert [path for path, _ in site.seen] == [f"/to={target}"]


def test_one_inner_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 0)) for ip in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
    with pytest.raises(PhotoError, match="not public"):
        fetch("http://both.example/photo")


def test_only_the_checked_address_is_contacted(site: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is resolved once: a name server could give another address the second time."""
    lookups = []

    def resolve(host: str, *args: object, **options: object) -> list[object]:
        lookups.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    with monkeypatch.context() as patched:
        resolver = SimpleNamespace(getaddrinfo=resolve, SOCK_STREAM=socket.SOCK_STREAM)
        patched.setattr(explain.service.fetch, "socket", resolver)
        assert fetch(address(site, "photo", "photos.example"), anywhere) == PHOTO
    assert lookups == ["photos.example"]
    assert site.seen == [("/photo", f"photos.example:{site.server_port}")]


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.com/a.jpg", "file:///etc/passwd", "http://", "http://[::1", "https:///x"),
        *("http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:-1/", "http://127.0.0.1:99999999999/"),
    ],
)
def test_an_invalid_web_address_is_refused(url: str) -> None:
    with pytest.raises(PhotoError, match=r"could be fetched"):
        fetch(url, anywhere)


# Responses


def test_photo_is_fetched_over_a_relative_redirect(site: Server) -> None:
    assert fetch(address(site, "to=/photo"), anywhere) == PHOTO
    assert len(site.seen) == 2


def test_redirect_loops_are_ended(site: Server) -> None:
    with pytest.raises(PhotoError, match="could be fetched"):
        fetch(address(site, "to=?"), anywhere)
    assert len(site.seen) == explain.service.fetch.REDIRECTS + 1


def test_the_error_for_a_missing_photo_names_the_status(site: Server) -> None:
    with pytest.raises(PhotoError, match="status 404"):
        fetch(address(site, "missing"), anywhere)


def test_an_endless_file_is_aborted(site: Server) -> None:
    with pytest.raises(PhotoError, match=f"{MAX_BYTES:,} bytes"):
        fetch(address(site, "endless"), anywhere)


@pytest.mark.slow
def test_a_file_that_arrives_too_slowly_is_aborted(site: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain.service.fetch, "SECONDS", 0.3)
    with pytest.raises(PhotoError, match="did not arrive"):
        fetch(address(site, "slow"), anywhere)


def test_a_slow_name_server_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    lookup_began, answer = threading.Event(), threading.Event()

    def resolve(*args: object, **options: object) -> list[object]:
        lookup_began.set()
        answer.wait(10)
        return []

    monkeypatch.setattr(explain.service.fetch, "SECONDS", 0.1)
    resolver = SimpleNamespace(getaddrinfo=resolve, SOCK_STREAM=socket.SOCK_STREAM)
    monkeypatch.setattr(explain.service.fetch, "socket", resolver)
    began = time.monotonic()
    with pytest.raises(PhotoError, match="did not arrive"):
        fetch("http://slow.example/photo", anywhere)
    answer.set()
    assert lookup_began.is_set() and time.monotonic() - began < 8


def test_too_many_addresses_at_once_are_refused(site: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr(explain.service.fetch, "PLACES", places)
    with places, pytest.raises(Busy, match=r"try again"):
        fetch(address(site, "photo"), anywhere)
    for path in ("missing", "to=http://[x", "photo", "to=http://127.0.0.1:99999/"):  # each gives its place back
        with suppress(PhotoError):
            fetch(address(site, path), anywhere)
    assert fetch(address(site, "photo"), anywhere) == PHOTO


@pytest.mark.slow
def test_headers_that_arrive_too_slowly_are_aborted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte arrives in time, but the whole does not."""
    monkeypatch.setattr(explain.service.fetch, "SECONDS", 0.5)
    listening = socket.create_server(("127.0.0.1", 0))

    def trickle() -> None:
        visitor, _ = listening.accept()
        with visitor:
            for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100:
                try:
                    visitor.send(bytes([byte]))
                except OSError:
                    return
                time.sleep(0.1)

    threading.Thread(target=trickle, daemon=True).start()
    began = time.monotonic()
    with listening, pytest.raises(PhotoError, match="did not arrive"):
        fetch(f"http://127.0.0.1:{listening.getsockname()[1]}/photo", anywhere)
    assert time.monotonic() - began < 10


def test_a_redirect_to_an_invalid_address_is_refused(site: Server) -> None:
    with pytest.raises(PhotoError, match="could be fetched"):
        fetch(address(site, "to=http://[x"), anywhere)


def test_a_data_url_with_characters_outside_base64_is_refused() -> None:
    for text in ("data:image/png;base64,ğ", "data:image/png;base64,a"):
        with pytest.raises(PhotoError):
            from_data_url(text)


def test_an_unreachable_site_is_reported(site: Server) -> None:
    url = address(site, "photo")
    site.shutdown()
    site.server_close()
    with pytest.raises(PhotoError, match="could be fetched"):
        fetch(url, anywhere)


# Data URLs and uploads


def test_data_url_gives_its_bytes(tmp_path: Path) -> None:
    for scheme in ("data", "Data"):
        text = f"{scheme}:image/jpeg;base64,{base64.b64encode(PHOTO).decode()}"
        assert photo_from(text, tmp_path) == PHOTO


ODD_BYTES = bytes(range(251, 256)) * 40 + b"?"  # their base64 has every character with several spellings
LETTERS = base64.b64encode(ODD_BYTES).decode()


@pytest.mark.parametrize(
    "letters",
    [
        LETTERS,
        "\r\n".join(LETTERS[place : place + 76] for place in range(0, len(LETTERS), 76)),
        f"\n  {LETTERS} \t",
        LETTERS.rstrip("="),
        quote(LETTERS, safe=""),
        quote(LETTERS.rstrip("="), safe=""),
        base64.urlsafe_b64encode(ODD_BYTES).decode(),
        base64.urlsafe_b64encode(ODD_BYTES).decode().rstrip("="),
        quote(f"{LETTERS}\r\n", safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
    ],
)
@pytest.mark.parametrize("head", ["data:image/jpeg;base64", "data:;BASE64", "data:image/jpeg;name=a.jpg;base64"])
def test_every_spelling_of_base64_is_read(head: str, letters: str) -> None:
    assert from_data_url(f"{head},{letters}") == ODD_BYTES


@pytest.mark.parametrize(
    "text",
    ["data:image/png;base64,@@@", "data:image/png;base64,A", "data:image/png;base64,AA=A", "data:image/png;base64"],
)
def test_broken_data_url_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PhotoError, match="base64"):
        photo_from(text, tmp_path)


def test_an_upload_is_found_by_its_path_and_by_its_address(tmp_path: Path) -> None:
    path = tmp_path / "a b.jpg"
    path.write_bytes(PHOTO)
    assert photo_from(str(path), tmp_path) == path
    assert photo_from(f"http://127.0.0.1:7860/gradio_api/file={tmp_path}/a%20b.jpg", tmp_path) == path


@pytest.mark.parametrize("form", ["{}", "http://127.0.0.1:7860/gradio_api/file={}"])
def test_a_file_that_was_not_uploaded_is_refused(tmp_path: Path, form: str) -> None:
    uploaded, secret = tmp_path / "uploaded", tmp_path / "secret.jpg"
    uploaded.mkdir()
    secret.write_bytes(PHOTO)
    (uploaded / "link.jpg").symlink_to(secret)
    for path in (secret, uploaded / ".." / "secret.jpg", uploaded / "link.jpg", "relative.jpg", "/etc/passwd"):
        with pytest.raises(PhotoError, match="was not uploaded"):
            photo_from(form.format(path), uploaded)


def test_any_other_address_is_checked_before_it_is_fetched(tmp_path: Path, site: Server) -> None:
    for url in (address(site, "photo"), address(site, "photo").replace("http", "Http")):
        with pytest.raises(PhotoError, match="not public"):
            photo_from(url, tmp_path)
    assert site.seen == []
