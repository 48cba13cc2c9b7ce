"""Guards the page, plain HTTP and the tools: passwords, size and speed of requests, headers of answers."""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
import re
import time
from collections.abc import Collection
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explain.batch.photos import MAX_UNPACKED
from explain.service.forms import MAX_BODY
from explain.service.logs import REQUEST
from explain.service.metrics import Metrics
from model.clips.clip import MAX_BYTES as MAX_CLIP
from model.i18n.catalogue import translate, use_language
from model.i18n.preferences import preferred_language

log = logging.getLogger(__name__)
# By path: many photos at once, each with its own limit; a clip.
MAX_OF = {"/gradio_api/upload": MAX_UNPACKED + MAX_BODY, "/clip": MAX_CLIP + 1_000_000}
CHUNK_S = 20.0  # between two parts of a body
LEAST_BYTES_PER_S = 10_000  # of a body, after its first CHUNK_S seconds
PUBLIC = ("/health", "/ready", "/gradio_api/startup-events")  # for probes, and for Gradio's own start
KNOWN = re.compile(r"^/(gradio_api/)?[a-z_.-]*")  # the part of a path that names no file
# Gradio's page holds inline scripts. Its gr.HTML makes a function of every text that it shows, and so do handlers with
# js=: without 'unsafe-eval' Gradio 6.31 shows "Error rendering HTML" instead (tried in Chromium).
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self' https://huggingface.co https://*.hf.space",  # Spaces show the page in a frame
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
LOGIN_HEADERS = {"WWW-Authenticate": 'Basic realm="WhyFake", charset="UTF-8"'}


class _Refused(Exception):
    """The guard has answered the request; raised to leave the app."""


class Guard:
    """ASGI middleware around the whole app.

    Args:
        app: the page and all other interfaces.
        metrics: counts the answers.
        users: ``USER:PASSWORD`` of each user; if empty, no password is needed.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, users: Collection[str] = ()) -> None:
        self._app = app
        self._metrics = metrics
        self._users = [user.encode() for user in users]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, receive, send)
        token = REQUEST.set(visit.id)
        try:
            if not self._may_enter(visit):
                await visit.refuse(401, "server.no_entry", LOGIN_HEADERS)
            elif visit.announced > visit.limit:
                await visit.refuse(413, "server.too_large", {"Connection": "close"})
            else:
                await self._app(scope, visit.receive, visit.send)
        except asyncio.CancelledError:
            visit.left = True  # the server ends; nothing more is sent
        except Exception as error:
            if isinstance(error.__cause__, HTTPException) and visit.status:
                await visit.end()  # Gradio refuses some event streams after it has begun to answer
            elif not (visit.refused or visit.left):
                raise
        finally:
            self._metrics.add("whyfake_requests_total", "left" if visit.left else str(visit.status))
            visit.note()
            REQUEST.reset(token)

    def _may_enter(self, visit: _Visit) -> bool:
        if not self._users or visit.path in PUBLIC:
            return True
        kind, _, given = visit.headers.get("authorization", "").partition(" ")
        try:
            user = base64.b64decode(given, validate=True) if kind.lower() == "basic" else b""
        except ValueError:
            return False
        # A list: all are compared, so that the time does not show which one fits.
        return any([hmac.compare_digest(user, known) for known in self._users])


class _Visit:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.id = uuid4().hex[:12]
        self.path: str = scope["path"]
        self.headers = Headers(scope=scope)
        self.limit = MAX_OF.get(self.path.rstrip("/"), MAX_BODY)
        length = self.headers.get("content-length", "0")
        self.announced = int(length) if length.isdecimal() else 0
        self.status = 0
        self.refused = self.left = self._answered = False
        self._method = scope["method"]
        self._received = 0
        self._whole = False  # whether the body has arrived
        self._started = time.monotonic()
        self._receive, self._send = receive, send

    async def receive(self) -> Message:
        """The next part of the body, within its limits; afterwards whether the client has left."""
        if self._whole:
            message = await self._receive()
        else:
            allowed = CHUNK_S + self._received / LEAST_BYTES_PER_S - (time.monotonic() - self._started)
            try:
                async with asyncio.timeout(min(CHUNK_S, max(allowed, 0.0))):
                    message = await self._receive()
            except TimeoutError:
                if not self._whole:  # another call may have got the end of the body; this one waits for what follows
                    await self.refuse(408, "server.too_slow", {"Connection": "close"})
                    raise _Refused from None
                message = await self._receive()
        self._received += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        # A client that closes its side once all is answered has not left.
        self.left |= message["type"] == "http.disconnect" and not self._answered
        if self._received > self.limit:
            await self.refuse(413, "server.too_large", {"Connection": "close"})
            raise _Refused
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the headers that every answer has."""
        if self.refused or self.left:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name in [name for name in headers if name.lower().startswith("access-control-")]:
                del headers[name]  # Gradio would let the pages of any site read the answers
            headers.update(HEADERS)
            headers["X-Request-Id"] = self.id
        elif not message.get("more_body", False):
            self._answered = True
        await self._send(message)

    async def end(self) -> None:
        """End an answer that the app has begun."""
        await self.send({"type": "http.response.body", "body": b""})

    async def refuse(self, status: int, key: str, headers: dict[str, str]) -> None:
        """Answer in one sentence instead of the app."""
        if not self.status:
            language = preferred_language(self.headers.get("accept-language", ""))
            with use_language(language):
                answer = JSONResponse({"error": translate(key, limit=self.limit)}, status, headers)
            await self.send({"type": "http.response.start", "status": status, "headers": answer.raw_headers})
            await self.send({"type": "http.response.body", "body": answer.body})
        self.refused = True

    def note(self) -> None:
        """Log the kind of the request, without its file, its query and its address."""
        known = KNOWN.match(self.path)
        facts: dict[str, Any] = {
            "method": self._method,
            "path": known[0] if known else "",
            "status": self.status,
            "seconds": round(time.monotonic() - self._started, 3),
            "received": self._received,
            "left": self.left,
        }
        log.info("request", extra=facts)
