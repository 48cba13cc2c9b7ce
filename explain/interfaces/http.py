"""Plain HTTP beside the page: a photo sent by a form or a script is answered as JSON, or as a page to read."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import Message, Receive

from explain.analysis import Analysis
from explain.html.fragments import ONLY_ITSELF, STYLE, notice
from explain.maps.registry import METHODS
from explain.report.as_json import to_dict
from explain.report.files import PAGE, report_files
from explain.report.origin import Origin
from explain.service.queue import Busy
from explain.service.service import Doors
from explain.settings import Settings, SettingsError
from explain.wording.summary import plain_text
from model.artifact.card import Card
from model.errors import ArtifactError, PhotoError
from model.i18n.catalogue import LANGUAGES, LanguageError, in_language, known_language, language, say, speaking
from model.i18n.preferences import by_preference, preferred_language
from model.photos.photo import MAX_BYTES

log = logging.getLogger(__name__)
MAX_BODY = MAX_BYTES + 65_536  # bytes; a photo with the other fields of its form around it
SHOWN = 8  # superpixels that are drawn and listed
RETRY_S = "30"  # when to come back, for whom too many others wait
STATUS = {PhotoError: 400, SettingsError: 422, ArtifactError: 422, LanguageError: 422, Busy: 503}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": told, "content": {"application/json": {"example": {"error": "A sentence."}}}}
    for status, told in {
        400: "The photo can't be used.",
        413: "The photo is too large.",
        422: "A field is missing or wrong.",
        503: "Too many analyses wait already.",
    }.items()
}


def plain_routes(doors: Doors) -> list[BaseRoute]:
    """Routes to serve beside the page: ``/deepfake``, ``/service``, ``/health``, ``/models`` and ``/openapi.json``."""
    router = APIRouter(route_class=_Door)

    @router.post(
        "/deepfake",
        summary="Judge a photo",
        responses={200: {"content": {"text/html": {}}}, **REFUSALS},
        tags=["photo"],
    )
    async def deepfake(
        request: Request,
        file: Annotated[UploadFile, File(description="The photo: JPEG, PNG, WebP, GIF, BMP or TIFF.")],
        model: Annotated[
            str | None, Form(description="One of the names that /models lists; the first of them if not given.")
        ] = None,
        face: Annotated[int, Form(description="Which face: 1 is the largest, 2 the next.")] = 1,
        whole_picture: Annotated[bool, Form(description="Judge a photo that shows no face all the same.")] = False,
        methods: Annotated[
            str, Form(description=f"Maps to make, with commas between them: {', '.join(METHODS)}.")
        ] = ",".join(Settings.methods),
        trust: Annotated[bool, Form(description="Measure how far each map can be trusted.")] = False,
        language: Annotated[
            str | None, Form(description=f"{' or '.join(LANGUAGES)}; by Accept-Language if it is not given.")
        ] = None,
    ) -> Response:
        """Judge one face of a photo and explain the verdict.

        The answer is JSON, or a page of HTML for clients that prefer text/html. A photo without a face gets no
        verdict.
        """
        if language:
            request.state.language = known_language(language)
        names = tuple(dict.fromkeys(filter(None, map(str.strip, methods.split(",")))))
        settings = Settings(methods=names, trust=trust, face=face - 1, whole_picture=whole_picture)
        if (file.size or 0) > MAX_BYTES:
            raise HTTPException(413)
        photo = await file.read()

        detector = await run_in_threadpool(doors.models.get, model or doors.models.first)
        steps = in_language(_asked(request), doors.analyze(photo, settings, detector))
        async for step in iterate_in_threadpool(steps):
            analysis = step
            if await request.is_disconnected():
                break
        return await run_in_threadpool(_answer, request, analysis, detector.card, file.filename or "photo")

    @router.get("/deepfake", include_in_schema=False)
    @router.get("/service", summary="Go to the page", status_code=307, tags=["page"])
    async def service() -> RedirectResponse:
        """Lead to the page."""
        return RedirectResponse("./")

    @router.api_route("/health", methods=["GET", "HEAD"], include_in_schema=False)
    @router.get("/health", summary="Tell whether the server is well", tags=["server"])
    async def health() -> dict[str, Any]:
        """Status, uptime, models open, analyses that run and wait, versions."""
        return doors.health()

    @router.get("/models", summary="List the models", tags=["server"])
    def models() -> list[dict[str, Any]]:
        """Each model's name, architecture, calibration, inconclusive band and SHA-256; the page's first one first."""
        return doors.list_models()

    described = get_openapi(
        title="WhyFake",
        version="1",
        description="Is this face real or fake, and why does a model think so? The endpoints of the page's own API are "
        "described at /gradio_api/openapi.json.",
        routes=router.routes,
    )

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(described)

    return list(router.routes)


class _Door(APIRoute):
    """Speaks the asker's language, reads no more than a photo takes, and refuses in one sentence."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            with speaking(_asked(request)):
                try:
                    response = await handle(Request(request.scope, _at_most(request.receive)))
                except Exception as error:
                    with speaking(_asked(request)):  # by now the form's own field may be known
                        response = _refusal(request, error)
            response.headers["Cache-Control"] = "no-store"
            return response

        return answer


def _at_most(receive: Receive, limit: int = MAX_BODY) -> Receive:
    """The same messages of a request, until its body is larger than the limit."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise HTTPException(413)
        return message

    return counted


def _answer(request: Request, analysis: Analysis, card: Card, file: str) -> Response:
    """An analysis as JSON or as a page, in the language asked for."""
    with speaking(_asked(request)):
        if not _prefers_html(request):
            return JSONResponse({"text": plain_text(analysis, card, file), **to_dict(analysis)})
        origin = Origin(file, "POST /deepfake", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
        return HTMLResponse(report_files(analysis, card, SHOWN, origin)[PAGE])


def _refusal(request: Request, error: Exception) -> Response:
    """Why there is no answer, as JSON or as a page."""
    status, sentence = _status_and_sentence(error)
    headers = {"Retry-After": RETRY_S} if status == 503 else {}
    if not _prefers_html(request):
        return JSONResponse({"error": sentence}, status, headers)
    return HTMLResponse(_notice_page(sentence), status, headers)


def _status_and_sentence(error: Exception) -> tuple[int, str]:
    if isinstance(error, RequestValidationError):
        return 422, _field_sentence(error.errors()[0])
    if isinstance(error, HTTPException):
        if error.status_code == 413:
            return 413, say("doors.too_large", limit=MAX_BYTES)
        return error.status_code, say("doors.bad_form")
    if (status := STATUS.get(type(error))) is not None:
        return status, str(error)
    log.error("A request failed.", exc_info=error)
    return 500, say("doors.failed")


def _field_sentence(problem: dict[str, Any]) -> str:
    name = str(problem["loc"][-1])
    return say("doors.no_file") if name == "file" else say("doors.bad_field", name=name, value=problem["input"])


def _notice_page(sentence: str) -> str:
    return (
        f'<!doctype html>\n<html lang="{language()}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{ONLY_ITSELF}">\n'
        f"<title>{escape(say('doors.heading'))} – WhyFake</title>\n"
        f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n"
        '</head>\n<body>\n<header><p class="wordmark">Why<em>Fake</em></p>'
        f"<h1>{escape(say('doors.heading'))}</h1></header>\n<main>\n{notice(sentence, 'error')}\n"
        f'<p><a href="./">{escape(say("doors.back"))}</a></p>\n</main>\n</body>\n</html>\n'
    )


def _asked(request: Request) -> str:
    """The language of the form, if it was read and names one, or the header's first that is known."""
    chosen = getattr(request.state, "language", None)
    if chosen is not None:
        return str(chosen)
    return preferred_language(request.headers.get("accept-language", ""))


def _prefers_html(request: Request) -> bool:
    """Whether a page is named before JSON; who takes anything gets JSON."""
    kinds = by_preference(request.headers.get("accept", ""))
    return next((kind for kind in kinds if kind in ("text/html", "application/json", "*/*")), "") == "text/html"
