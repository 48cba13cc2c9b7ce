"""Plain HTTP beside the page: a form or a script sends a photo and gets JSON or an HTML page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import Message, Receive

from explain.comparison import Second
from explain.html.rendering import render
from explain.report.as_json import to_dict
from explain.report.files import PAGE, report_files
from explain.report.origin import Origin
from explain.result import Analysis
from explain.service.forms import FormRequest, check_fields
from explain.service.queue import Busy
from explain.service.refusal import is_disk_full, refusal_of
from explain.service.service import Service
from explain.settings import Settings, known_language, text_of
from explain.wording.comparison import second_in_words
from explain.wording.summary import plain_text
from model.artifact.card import Card
from model.errors import PhotoError, UserError, is_out_of_memory
from model.i18n.catalogue import in_language, languages, translate, use_language
from model.i18n.preferences import by_preference, preferred_language
from model.photos.photo import MAX_BYTES

MAX_BODY = MAX_BYTES + 65_536  # bytes; a photo with the other fields of its form around it
SHOWN = 8  # number of superpixels that are drawn and listed
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
RETRY_S = "30"  # Retry-After in seconds, if too many requests wait
STATUS: dict[type[Exception], int] = {PhotoError: 400, Busy: 503}  # every other error of the user: 422
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "content": {"application/json": {"example": {"error": "A sentence."}}}}
    for status, description in {
        400: "The photo can't be used.",
        413: "The photo is too large.",
        422: "A field is missing or wrong.",
        500: "An unexpected error.",
        503: "Too many analyses wait already, or there is too little memory.",
        507: "The server's disk is full.",
    }.items()
}


def plain_routes(service: Service, metrics: bool = False) -> list[BaseRoute]:
    """Routes to serve beside the page: ``/deepfake``, ``/service``, ``/health``, ``/ready``, ``/models`` and so on.

    Args:
        service: see ``Service``.
        metrics: whether there is ``/metrics`` as well.
    """
    router = APIRouter(route_class=_Route)

    @router.post(
        "/deepfake",
        summary="Judge a photo",
        responses={200: {"content": {"text/html": {}}}, **REFUSALS},
        tags=["photo"],
    )
    async def deepfake(
        request: Request,
        file: Annotated[UploadFile, File(description="The photo: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC.")],
        model: Annotated[
            str | None, Form(description="One of the names that /models lists; the first one if not given.")
        ] = None,
        second: Annotated[
            str | None, Form(description="Another one of these names, to show beside it; none if not given.")
        ] = None,
        face: Annotated[int, Form(description=text_of("face"), json_schema_extra={"minimum": 1})] = Settings.face + 1,
        whole_picture: Annotated[bool, Form(description=text_of("whole_picture"))] = Settings.whole_picture,
        methods: Annotated[str, Form(description=text_of("methods"))] = ",".join(Settings.methods),
        robustness: Annotated[bool, Form(description=text_of("robustness"))] = Settings.robustness,
        trust: Annotated[bool, Form(description=text_of("trust"))] = Settings.trust,
        language: Annotated[
            str | None, Form(description=f"{' or '.join(languages())}; by Accept-Language if not given.")
        ] = None,
    ) -> Response:
        """Judge one face of a photo and explain the verdict.

        The answer is JSON, or a page of HTML for clients that prefer text/html. A photo without a face gets no
        verdict. With an empty methods field and robustness off, the answer is the verdict alone, in a fraction of the
        time.
        """
        if language:
            request.state.language = known_language(language)
        form = await request.form()
        check_fields(form, [field.alias for field in request.scope["route"].dependant.body_params])
        named = "" if form.get("methods") == "" else methods  # FastAPI takes an empty field for one that was not sent
        maps = tuple(dict.fromkeys(filter(None, map(str.strip, named.split(",")))))
        settings = Settings(
            methods=maps, robustness=robustness, trust=trust, face=face - 1, whole_picture=whole_picture
        )
        if (file.size or 0) > MAX_BYTES:
            raise HTTPException(413)
        photo = await file.read()

        detector, other = await run_in_threadpool(service.detectors, model, second)
        client = request.client.host if request.client else None
        steps = in_language(_language_of(request), service.both(photo, settings, detector, other, client))
        async for step in iterate_in_threadpool(steps):
            found = step
            if await request.is_disconnected():
                break
        return await run_in_threadpool(_answer, request, found, detector.card, file.filename or "photo")

    @router.get("/deepfake", include_in_schema=False)
    @router.get("/service", summary="Go to the page", status_code=307, tags=["page"])
    async def go_to_page() -> RedirectResponse:
        """Redirect to the page."""
        return RedirectResponse("./")

    @router.api_route("/health", methods=["GET", "HEAD"], include_in_schema=False)
    @router.get("/health", summary="Report the state of the server", tags=["server"])
    async def health() -> dict[str, Any]:
        """Status, uptime, open models, running and waiting analyses, versions."""
        return service.health()

    @router.api_route("/ready", methods=["GET", "HEAD"], include_in_schema=False)
    @router.get("/ready", summary="Report whether photos can be judged", responses={503: {}}, tags=["server"])
    def ready(response: Response) -> dict[str, bool]:
        """With the status 503 if not: while no model is open, its files are gone, or the server ends."""
        found = service.ready()
        response.status_code = 200 if found else 503
        return {"ready": found}

    if metrics:

        @router.get("/metrics", include_in_schema=False)
        def counts() -> PlainTextResponse:
            return PlainTextResponse(service.metrics.text(service.gauges()), media_type=PROMETHEUS)

    @router.get("/models", summary="List the models", tags=["server"])
    def models() -> list[dict[str, Any]]:
        """Each model's name, architecture, calibration, inconclusive band and SHA-256; the default one is first."""
        return service.list_models()

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


class _Route(APIRoute):
    """Answers in the caller's language, limits the body's size, and turns errors into one sentence."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            with use_language(_language_of(request)):
                try:
                    response = await handle(FormRequest(request.scope, _at_most(request.receive)))
                except Exception as error:
                    with use_language(_language_of(request)):  # by now the form's language may be known
                        response = _refusal(request, error)
            response.headers["Cache-Control"] = "no-store"
            return response

        return answer


def _at_most(receive: Receive, limit: int = MAX_BODY) -> Receive:
    """The messages of a request; an error once its body is larger than the limit."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise HTTPException(413)
        return message

    return counted


def _answer(request: Request, found: tuple[Analysis, Second | None], card: Card, file: str) -> Response:
    """An analysis, with a second model's if there is one, as JSON or as a page, in the caller's language."""
    analysis, second = found
    with use_language(_language_of(request)):
        if not _prefers_html(request):
            text = plain_text(analysis, card, file)
            if second is not None:
                text = "\n".join((text, *second_in_words(analysis, second, file)))
            return JSONResponse({"text": text, **to_dict(analysis, second)})
        origin = Origin(file, "POST /deepfake", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
        return HTMLResponse(report_files(analysis, card, SHOWN, origin, second)[PAGE])


def _refusal(request: Request, error: Exception) -> Response:
    """The error as JSON or as a page."""
    status, sentence = _status_and_sentence(error)
    headers = {"Retry-After": RETRY_S} if status == 503 else {}
    if not _prefers_html(request):
        return JSONResponse({"error": sentence}, status, headers)
    return HTMLResponse(render("refusal", sentence=sentence), status, headers)


def _status_and_sentence(error: Exception) -> tuple[int, str]:
    if is_disk_full(error):  # while the form was read, for example
        return 507, str(refusal_of(error))
    if is_out_of_memory(error):
        return 503, str(refusal_of(error))
    if isinstance(error, RequestValidationError):
        return 422, _field_sentence(error.errors()[0])
    if isinstance(error, HTTPException):
        if error.status_code == 413:
            return 413, translate("interfaces.too_large", limit=MAX_BYTES)
        return error.status_code, translate("interfaces.bad_form")
    status = STATUS.get(type(error), 422) if isinstance(error, UserError) else 500
    return status, str(refusal_of(error))


def _field_sentence(problem: dict[str, Any]) -> str:
    name = str(problem["loc"][-1])
    return (
        translate("interfaces.no_file")
        if name == "file"
        else translate("interfaces.bad_field", name=name, value=problem["input"])
    )


def _language_of(request: Request) -> str:
    """The language of the form's field, if it is known by now, else the first known one of the header."""
    chosen = getattr(request.state, "language", None)
    if chosen is not None:
        return str(chosen)
    return preferred_language(request.headers.get("accept-language", ""))


def _prefers_html(request: Request) -> bool:
    """Whether the client prefers HTML to JSON; a client that accepts anything gets JSON."""
    kinds = by_preference(request.headers.get("accept", ""))
    return next((kind for kind in kinds if kind in ("text/html", "application/json", "*/*")), "") == "text/html"
