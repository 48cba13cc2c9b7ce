"""What holds for every route of the server, those of Gradio included: HEAD is answered, and an error is a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import anyio
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explain.html.rendering import render
from explain.service.forms import MOST_SHOWN
from explain.service.refusal import is_disk_full, refusal_of
from model.i18n.catalogue import translate, use_language
from model.i18n.preferences import preferred_language, prefers_html


def for_every_route() -> dict[str, Any]:
    """Arguments of ``FastAPI``."""
    return {
        "middleware": [Middleware(HeadAsGet)],
        "exception_handlers": {
            HTTPException: _answer_status,
            RequestValidationError: _answer_bad_field,
            OSError: _answer_full_disk,
            Exception: _answer_failure,
        },
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


def _refused(
    request: Request, status: int, sentence: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """The sentence as JSON, with further fields, or as a page for clients that prefer it."""
    if prefers_html(request.headers.get("accept", "")):
        return HTMLResponse(render("refusal", sentence=sentence), status, headers)
    return JSONResponse({"error": sentence, **more}, status, headers)


async def _answer_status(request: Request, error: HTTPException) -> Response:
    """Most come from the router, such as 404 and 405, and from Gradio; its clients read ``detail``."""
    allowed = (error.headers or {}).get("Allow", "")
    with use_language(_language_of(request)):
        if error.status_code == HTTPStatus.NOT_FOUND:
            sentence = translate("server.nothing_here")
        elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and allowed:
            sentence = translate("server.method", method=request.method[:MOST_SHOWN], allowed=allowed)
        else:
            sentence = translate("server.refused", reason=f"{str(error.detail).rstrip('.')}.")
        return _refused(request, error.status_code, sentence, error.headers, detail=error.detail)


async def _answer_bad_field(request: Request, error: RequestValidationError) -> Response:
    """FastAPI would send back what was sent, however large, and fail where it is no text."""
    name = ".".join(part for part in error.errors()[0]["loc"] if isinstance(part, str))
    with use_language(_language_of(request)):
        sentence = translate("server.bad_request", name=ascii(name)[1:-1][:MOST_SHOWN])
        return _refused(request, HTTPStatus.UNPROCESSABLE_ENTITY, sentence)


async def _answer_full_disk(request: Request, error: Exception) -> PlainTextResponse:
    if not is_disk_full(error):
        raise error
    with use_language(_language_of(request)):
        return PlainTextResponse(str(refusal_of(error)), 507)


async def _answer_failure(request: Request, error: Exception) -> PlainTextResponse:
    """The sentence for an unexpected error; the server logs it."""
    with use_language(_language_of(request)):
        return PlainTextResponse(translate("failed"), 500)


def _language_of(request: Request) -> str:
    return preferred_language(request.headers.get("accept-language", ""))
