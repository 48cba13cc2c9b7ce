"""Sends requests to a running server, over plain HTTP and as an assistant."""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from mcp import Client as Assistant
from mcp.types import CallToolResult

from tests.support.bad_photos import ASTRONAUT, ROOT

CAT = ROOT / "examples" / "cat.jpg"
Result = TypeVar("Result")


def open_url(
    address: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer, also if its status is an error."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body, headers or {}), timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def form(field: str, photo: Path, **fields: str) -> tuple[bytes, dict[str, str]]:
    """A multipart body with a photo and its header, as ``curl -F`` makes them."""
    boundary = uuid.uuid4().hex
    parts = [f'name="{name}"\r\n\r\n'.encode() + value.encode() for name, value in fields.items()]
    parts.append(f'name="{field}"; filename="{photo.name}"\r\n\r\n'.encode() + photo.read_bytes())
    body = b"".join(f"--{boundary}\r\nContent-Disposition: form-data; ".encode() + part + b"\r\n" for part in parts)
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def data_of_last_event(stream: str) -> list[Any]:
    """The data of the last event of a stream; it must be a complete answer."""
    event, data = stream.strip().split("\n\n")[-1].split("\n", 1)
    assert event == "event: complete", stream
    return json.loads(data.removeprefix("data: "))


def upload(url: str, photo: Path = ASTRONAUT) -> str:
    """Upload a photo; return its path on the server."""
    body, headers = form("files", photo)
    return json.loads(open_url(f"{url}/gradio_api/upload", body, headers)[2])[0]


def with_assistant(url: str, use: Callable[[Assistant], Awaitable[Result]]) -> Result:
    """Connect to the server's tools as an assistant; return the result of ``use``."""

    async def connect() -> Result:
        async with Assistant(f"{url}/gradio_api/mcp") as assistant:
            return await use(assistant)

    return asyncio.run(connect())


def call(url: str, tool: str, **arguments: Any) -> CallToolResult:
    return with_assistant(url, lambda assistant: assistant.call_tool(tool, arguments))


def data_url(photo: Path = ASTRONAUT) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(photo.read_bytes()).decode()}"
