"""What holds for every route of the server, those of Gradio included: HEAD is answered, and an error is a sentence."""

from __future__ import annotations

from typing import Any

import anyio
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explain.service.refusal import is_disk_full, refusal_of
from model.i18n.catalogue import translate, use_language
from model.i18n.preferences import preferred_language


def for_every_route() -> dict[str, Any]:
    """Arguments of ``FastAPI``."""
    return {
        "middleware": [Middleware(HeadAsGet)],
        "exception_handlers": {OSError: _say_if_full, Exception: _say_failed},
    }


class HeadAsGet:
    """Answers HEAD as GET, without a body; an endless answer ends after its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        with anyio.CancelScope() as running:

            async def send_head(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await send(message)
                    await send({"type": "http.response.body", "body": b""})
                    running.cancel()

            await self._app({**scope, "method": "GET"}, receive, send_head)


async def _say_if_full(request: Request, error: Exception) -> PlainTextResponse:
    if not is_disk_full(error):
        raise error
    with use_language(preferred_language(request.headers.get("accept-language", ""))):
        return PlainTextResponse(str(refusal_of(error)), 507)


async def _say_failed(request: Request, error: Exception) -> PlainTextResponse:
    """The sentence for an unexpected error; the server logs it."""
    with use_language(preferred_language(request.headers.get("accept-language", ""))):
        return PlainTextResponse(translate("failed"), 500)
