"""Photos that assistants point at: a data URL, a public address, or a file that was uploaded to this server."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urljoin

import httpx

from model.errors import PhotoError
from model.i18n.catalogue import Said
from model.photos.photo import MAX_BYTES

FILE_ROUTE = "/gradio_api/file="  # where the page's server hands out what was uploaded to it
REDIRECTS = 5
SECONDS = 20.0  # for all of one photo
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # addresses that hold one of IPv4 (RFC 6052)
NEVER_PUBLIC = tuple(  # Python calls these global: 6to4, local translation (RFC 8215), IPv4-compatible, site-local
    map(ipaddress.IPv6Network, ("2002::/16", "64:ff9b:1::/48", "::/96", "fec0::/10"))
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def photo_from(text: str, uploaded: Path) -> bytes | Path:
    """The photo that a text names.

    Args:
        text: a data URL, an ``http`` or ``https`` address, or the path that an upload to this server was answered with.
        uploaded: the folder that holds such uploads; no other file of this machine is opened.

    Raises:
        PhotoError: if it is none of these, leads into a network that is not public, or can't be fetched.
    """
    if text.startswith("data:"):
        return from_data_url(text)
    is_address = text.startswith(("http://", "https://"))
    if is_address and FILE_ROUTE not in text:
        return fetch(text)
    path = Path(unquote(text.partition(FILE_ROUTE)[2]) if is_address else text)
    if not path.is_absolute() or not path.resolve().is_relative_to(uploaded.resolve()):
        raise PhotoError(Said("page.not_uploaded"))
    return path


def from_data_url(text: str) -> bytes:
    """The file that a data URL holds.

    Raises:
        PhotoError: if it is not in base64.
    """
    try:
        return base64.b64decode(text.partition(",")[2], validate=True)
    except ValueError:  # letters that base64 has not, or none that ASCII has
        raise PhotoError(Said("page.bad_data_url")) from None


def is_public(address: Address) -> bool:
    """Whether an address lies outside this machine and the networks behind it."""
    if isinstance(address, ipaddress.IPv6Address):
        within = address.ipv4_mapped or (ipaddress.IPv4Address(int(address) % 2**32) if address in NAT64 else None)
        address = within or address
    return address.is_global and not address.is_multicast and not any(address in one for one in NEVER_PUBLIC)


def fetch(url: str, may_visit: Callable[[Address], bool] = is_public) -> bytes:
    """The file at an address, which must lie in the public internet, as must every address that it redirects to.

    The name is resolved once and that very address is visited: a name that changes its address between the check and
    the visit gains nothing. It runs an event loop of its own: a thread that has one must call it from another.

    Raises:
        PhotoError: if it does not, is not there, is larger than a photo may be, or takes too long.
    """
    try:
        return asyncio.run(_fetch(url, may_visit))
    except PhotoError:
        raise
    except TimeoutError as error:
        raise PhotoError(Said("doors.too_slow", seconds=SECONDS)) from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise PhotoError(Said("doors.unreachable")) from error


async def _fetch(url: str, may_visit: Callable[[Address], bool]) -> bytes:
    # The time for all of it: a server that sends its headers byte by byte never exceeds that for a single one.
    async with asyncio.timeout(SECONDS):
        for _ in range(REDIRECTS + 1):
            found = await _visit(url, may_visit)
            if isinstance(found, bytes):
                return found
            url = urljoin(url, found)
    raise PhotoError(Said("doors.unreachable"))


async def _visit(url: str, may_visit: Callable[[Address], bool]) -> bytes | str:
    """The file at an address, or the address that it redirects to."""
    parts = httpx.URL(url)
    if parts.scheme not in ("http", "https") or not parts.host:
        raise PhotoError(Said("doors.unreachable"))
    name = parts.raw_host.decode("ascii")
    address = await asyncio.to_thread(_resolved, name, may_visit)
    headers = {"Host": parts.netloc.decode("ascii"), "Accept-Encoding": "identity"}
    there = parts.copy_with(host=str(address))
    # A proxy that the environment names would resolve the name by itself, and may stand inside.
    async with (
        httpx.AsyncClient(trust_env=False, timeout=SECONDS / 2) as client,
        client.stream("GET", there, headers=headers, extensions={"sni_hostname": name}) as answer,
    ):
        if answer.has_redirect_location:
            return answer.headers["location"]
        if answer.status_code != httpx.codes.OK:
            raise PhotoError(Said("doors.status", status=answer.status_code))
        data = bytearray()
        async for chunk in answer.aiter_raw():
            data += chunk
            if len(data) > MAX_BYTES:
                raise PhotoError(Said("doors.too_large", limit=MAX_BYTES))
        return bytes(data)


def _resolved(host: str, may_visit: Callable[[Address], bool]) -> Address:
    """The first address of a host, if all of its addresses may be visited."""
    addresses = [ipaddress.ip_address(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    if not all(map(may_visit, addresses)):
        raise PhotoError(Said("doors.internal"))
    return addresses[0]
