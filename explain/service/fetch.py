"""Reads a photo from a data URL, a public address, or an upload to this server."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urljoin

import httpx
from anyio import to_thread

from explain.service.queue import Busy
from model.errors import PhotoError
from model.i18n.catalogue import Message
from model.photos.photo import MAX_BYTES

FILE_ROUTE = "/gradio_api/file="  # where the page's server serves its uploads
ESCAPES = [(f"%{ord(sign):02X}", sign) for sign in "+/=-_ \r\n\t"]  # that base64 may have in an address
REDIRECTS = 5
PORTS = range(1, 65_536)
SECONDS = 20.0  # in total for one photo
AT_ONCE = 8  # addresses that are visited at the same time; each takes a thread for up to SECONDS
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # addresses that hold one of IPv4 (RFC 6052)
UNICAST = ipaddress.IPv6Network("2000::/3")  # all public addresses of IPv6 (RFC 4291)
NEVER_PUBLIC = tuple(  # Python 3.11 counts these as global
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # for protocols (RFC 6890); clouds answer their machines there
        "168.63.129.16/32",  # where Azure answers its machines
        "2002::/16",  # 6to4, holds an address of IPv4
        "3fff::/20",  # for documentation (RFC 9637)
    )
)
PLACES = threading.BoundedSemaphore(AT_ONCE)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def photo_from(text: str, uploaded: Path) -> bytes | Path:
    """The photo that a text names.

    Args:
        text: a data URL, an ``http`` or ``https`` address, or the path that an upload to this server returned.
        uploaded: the folder that holds such uploads; no other file of this machine is opened.

    Raises:
        PhotoError: if it is none of these, is not public, or can't be fetched.
    """
    head = text[:8].lower()  # a keyboard of a phone may begin with a capital letter
    if head.startswith("data:"):
        return from_data_url(text)
    is_address = head.startswith(("http://", "https://"))
    if is_address and FILE_ROUTE not in text:
        return fetch(text)
    path = Path(unquote(text.partition(FILE_ROUTE)[2]) if is_address else text)
    if "\0" in str(path) or not path.is_absolute() or not path.resolve().is_relative_to(uploaded.resolve()):
        raise PhotoError(Message("page.not_uploaded"))
    return path


def from_data_url(text: str) -> bytes:
    """The file that a data URL holds in base64, which may be wrapped, escaped, unpadded, or that of addresses.

    Raises:
        PhotoError: if it is not valid base64.
    """
    _, comma, content = text.partition(",")
    for escape, sign in ESCAPES:  # letters are never escaped, and undoing every escape would take seconds
        content = content.replace(escape, sign).replace(escape.lower(), sign)
    letters = "".join(content.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        if not comma:
            raise ValueError("nothing follows the head")
        return base64.b64decode(f"{letters}{'=' * (-len(letters) % 4)}", validate=True)
    except ValueError:  # signs outside base64 or ASCII, or one letter too many
        raise PhotoError(Message("page.bad_data_url")) from None


def is_public(address: Address) -> bool:
    """Whether an address lies outside this machine and the networks behind it."""
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped or (ipaddress.IPv4Address(int(address) % 2**32) if address in NAT64 else None)
        if embedded is None and address not in UNICAST:
            return False
        address = embedded or address
    return address.is_global and not address.is_multicast and not any(address in network for network in NEVER_PUBLIC)


def fetch(url: str, may_visit: Callable[[Address], bool] = is_public) -> bytes:
    """The file at an address; the address and all its redirects must be public.

    The name is resolved once, and the connection uses the address that was checked; so a name that changes its address
    between check and connection is no risk. It runs its own event loop: call it in a thread without one.

    Raises:
        PhotoError: if it is not public, can't be reached, is too large, or takes too long.
        Busy: if too many addresses are visited already.
    """
    if not PLACES.acquire(blocking=False):
        raise Busy(Message("interfaces.many_addresses"))
    try:
        return asyncio.run(_fetch(url, may_visit))
    except TimeoutError as error:
        raise PhotoError(Message("interfaces.too_slow", seconds=SECONDS)) from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise PhotoError(Message("interfaces.unreachable")) from error
    finally:
        PLACES.release()


async def _fetch(url: str, may_visit: Callable[[Address], bool]) -> bytes:
    # A limit for the whole download: a server could send byte by byte and stay within the limit of each read.
    async with asyncio.timeout(SECONDS):
        for _ in range(REDIRECTS + 1):
            answer = await _visit(url, may_visit)
            if isinstance(answer, bytes):
                return answer
            url = urljoin(url, answer)
    raise PhotoError(Message("interfaces.unreachable"))


async def _visit(url: str, may_visit: Callable[[Address], bool]) -> bytes | str:
    """The file at an address, or the address that it redirects to."""
    parts = httpx.URL(url)
    port_exists = parts.port is None or parts.port in PORTS
    if parts.scheme not in ("http", "https") or not parts.host or not port_exists:
        raise PhotoError(Message("interfaces.unreachable"))
    name = parts.raw_host.decode("ascii")
    # A slow name server keeps its thread: nothing can end it, and asyncio.to_thread would wait for it at the end.
    address = await to_thread.run_sync(_resolved, name, may_visit, abandon_on_cancel=True)
    headers = {"Host": parts.netloc.decode("ascii"), "Accept-Encoding": "identity"}
    target = parts.copy_with(host=str(address))
    # A proxy of the environment would resolve the name itself, and may be in an internal network.
    async with (
        httpx.AsyncClient(trust_env=False, timeout=SECONDS / 2) as client,
        client.stream("GET", target, headers=headers, extensions={"sni_hostname": name}) as answer,
    ):
        if answer.has_redirect_location:
            return answer.headers["location"]
        if answer.status_code != httpx.codes.OK:
            raise PhotoError(Message("interfaces.status", status=answer.status_code))
        data = bytearray()
        async for chunk in answer.aiter_raw():
            data += chunk
            if len(data) > MAX_BYTES:
                raise PhotoError(Message("interfaces.too_large", limit=MAX_BYTES))
        return bytes(data)


def _resolved(host: str, may_visit: Callable[[Address], bool]) -> Address:
    """The first address of a host, if all of its addresses may be visited."""
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    if not all(map(may_visit, addresses)):
        raise PhotoError(Message("interfaces.internal"))
    return addresses[0]
