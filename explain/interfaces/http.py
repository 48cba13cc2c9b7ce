"""Plain HTTP beside the page: a form or a script sends a photo and gets JSON or an HTML page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from explain.comparison import Second
from explain.html.rendering import render
from explain.report.as_json import to_dict
from explain.report.clip import clip_page, clip_to_dict
from explain.report.files import PAGE, report_files
from explain.report.origin import Origin
from explain.result import Analysis
from explain.service.forms import MOST_SHOWN, FormRequest, at_most, check_fields
from explain.service.queue import Busy
from explain.service.refusal import is_disk_full, refusal_of
from explain.service.service import Service
from explain.settings import SHOWN, Settings, known_language, names_in, text_of
from explain.video.result import Clip
from explain.wording.clip import clip_text
from explain.wording.comparison import second_in_words
from explain.wording.summary import plain_text
from model.artifact.card import Card
from model.clips.clip import FRAMES
from model.clips.clip import MAX_BYTES as MOST_OF_CLIP
from model.errors import ClipError, PhotoError, UserError, is_out_of_memory
from model.i18n.catalogue import in_language, languages, translate, use_language
from model.i18n.preferences import preferred_language, prefers_html
from model.photos.photo import MAX_BYTES

AROUND = 65_536  # bytes of the other fields of a form
CLIP = "/clip"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
RETRY_S = "30"  # Retry-After in seconds, if too many requests wait
STATUS: dict[type[Exception], int] = {PhotoError: 400, ClipError: 400, Busy: 503}  # every other error of the user: 422
Step = TypeVar("Step")
HTML: dict[str, Any] = {"content": {"text/html": {}}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "content": {"application/json": {"example": {"error": "A sentence."}}}}
    for status, description in {
        400: "The photo or clip can't be used.",
        413: "The photo or clip is too large.",
        422: "A field is missing or wrong.",
        500: "An unexpected error.",
        503: "Too many analyses wait already, or there is too little memory.",
        507: "The server's disk is full.",
    }.items()
}

# Fields of both forms.
Model = Annotated[str | None, Form(description="One of the names that /models lists; the first one if not given.")]
WholePicture = Annotated[bool, Form(description=text_of("whole_picture"))]
Language = Annotated[str | None, Form(description=f"{' or '.join(languages())}; by Accept-Language if not given.")]


def plain_routes(service: Service, metrics: bool = False) -> list[BaseRoute]:
    """Routes to serve beside the page: ``/deepfake``, ``/service``, ``/health``, ``/ready``, ``/models`` and so on.

    Args:
        service: see ``Service``.
        metrics: whether there is ``/metrics`` as well.
    """
    router = APIRouter(route_class=_Route)
    _add_photo(router, service)
    _add_clip(router, service)
    _add_state(router, service, metrics)
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


def _add_photo(router: APIRouter, service: Service) -> None:
    @router.post("/deepfake", summary="Judge a photo", responses={200: HTML, **REFUSALS}, tags=["photo"])
    async def deepfake(
        request: Request,
        file: Annotated[UploadFile, File(description="The photo: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC.")],
        model: Model = None,
        second: Annotated[str | None, Form(description="Another one of these names, to show beside it.")] = None,
        face: Annotated[int, Form(description=text_of("face"), json_schema_extra={"minimum": 1})] = Settings.face + 1,
        whole_picture: WholePicture = Settings.whole_picture,
        methods: Annotated[str, Form(description=text_of("methods"))] = ",".join(Settings.methods),
        robustness: Annotated[bool, Form(description=text_of("robustness"))] = Settings.robustness,
        trust: Annotated[bool, Form(description=text_of("trust"))] = Settings.trust,
        language: Language = None,
    ) -> Response:
        """Judge one face of a photo and explain the verdict.

        The answer is JSON, or a page of HTML for clients that prefer text/html. A photo without a face gets no verdict.
        An empty methods field with robustness off gives the verdict alone, in a fraction of the time.
        """
        form = await _checked(request, language)
        named = "" if form.get("methods") == "" else methods  # FastAPI takes an empty field for one that was not sent
        settings = Settings(
            methods=names_in(named), robustness=robustness, trust=trust, face=face - 1, whole_picture=whole_picture
        )
        if (file.size or 0) > MAX_BYTES:
            raise HTTPException(413)
        photo = await file.read()
        detector, other = await run_in_threadpool(service.detectors, model, second)
        found = await _last(request, service.both(photo, settings, detector, other, _client(request)))
        return await run_in_threadpool(_answer, request, found, detector.card, file.filename or "photo")


def _add_clip(router: APIRouter, service: Service) -> None:
    @router.post(CLIP, summary="Judge a clip", responses={200: HTML, **REFUSALS}, tags=["clip"])
    async def clip(
        request: Request,
        file: Annotated[UploadFile, File(description="The clip: MP4, MOV, WebM or GIF, of a minute at most.")],
        model: Model = None,
        frames: Annotated[int, Form(description="Number of frames that are judged, at even times.")] = FRAMES,
        whole_picture: WholePicture = Settings.whole_picture,
        language: Language = None,
    ) -> Response:
        """Judge every face of a clip over time.

        The answer is JSON, or a page of HTML for clients that prefer text/html.
        """
        await _checked(request, language)
        detector = await run_in_threadpool(service.models.get, model or service.models.first)
        with TemporaryDirectory() as folder:  # the process that decodes it needs a file
            kept = Path(folder) / "clip"
            await run_in_threadpool(_save, file, kept)
            judged = service.judge_clip(kept, detector, frames, client=_client(request), whole_picture=whole_picture)
            found = await _last(request, judged)
        return await run_in_threadpool(_clip_answer, request, found, detector.card, file.filename or "clip")


def _add_state(router: APIRouter, service: Service, metrics: bool) -> None:
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


class _Route(APIRoute):
    """Answers in the caller's language, limits the body's size, and turns errors into one sentence."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            with use_language(_language_of(request)):
                try:
                    response = await handle(
                        FormRequest(request.scope, at_most(request.receive, _most_of(request) + AROUND))
                    )
                except Exception as error:
                    with use_language(_language_of(request)):  # by now the form's language may be known
                        response = _refusal(request, error)
            response.headers["Cache-Control"] = "no-store"
            return response

        return answer


async def _checked(request: Request, language: str | None) -> FormData:
    """The form, with known fields, each at most once; from now on ``language`` is that of the answer."""
    if language:
        request.state.language = known_language(language[:MOST_SHOWN])
    form = await request.form()
    check_fields(form, [field.alias for field in request.scope["route"].dependant.body_params])
    return form


def _client(request: Request) -> str | None:
    return request.client.host if request.client else None


async def _last(request: Request, steps: Iterator[Step]) -> Step:
    """The last of the steps, or the one at which the client has left."""
    async for step in iterate_in_threadpool(in_language(_language_of(request), steps)):
        latest = step
        if await request.is_disconnected():
            break
    return latest


def _most_of(request: Request) -> int:
    """Bytes of a photo or a clip."""
    return MOST_OF_CLIP if request.scope["path"].rstrip("/").endswith(CLIP) else MAX_BYTES


def _answer(request: Request, found: tuple[Analysis, Second | None], card: Card, file: str) -> Response:
    """An analysis, with a second model's if there is one, as JSON or as a page, in the caller's language."""
    analysis, second = found
    with use_language(_language_of(request)):
        if not prefers_html(request.headers.get("accept", "")):
            text = plain_text(analysis, card, file)
            if second is not None:
                text = "\n".join((text, *second_in_words(analysis, second, file)))
            return JSONResponse({"text": text, **to_dict(analysis, second)})
        origin = Origin.now(file, "POST /deepfake")
        return HTMLResponse(report_files(analysis, card, SHOWN, origin, second)[PAGE])


def _save(file: UploadFile, path: Path) -> None:
    with path.open("wb") as kept:
        copyfileobj(file.file, kept)


def _clip_answer(request: Request, clip: Clip, card: Card, file: str) -> Response:
    """A clip's result as JSON or as a page, in the caller's language."""
    with use_language(_language_of(request)):
        if not prefers_html(request.headers.get("accept", "")):
            return JSONResponse({"text": clip_text(clip, file), **clip_to_dict(clip)})
        return HTMLResponse(clip_page(clip, card, Origin.now(file, f"POST {CLIP}")))


def _refusal(request: Request, error: Exception) -> Response:
    """The error as JSON or as a page."""
    status, sentence = _status_and_sentence(request, error)
    headers = {"Retry-After": RETRY_S} if status == 503 else {}
    if not prefers_html(request.headers.get("accept", "")):
        return JSONResponse({"error": sentence}, status, headers)
    return HTMLResponse(render("refusal", sentence=sentence), status, headers)


def _status_and_sentence(request: Request, error: Exception) -> tuple[int, str]:
    if is_disk_full(error):  # while the form was read, for example
        return 507, str(refusal_of(error))
    if is_out_of_memory(error):
        return 503, str(refusal_of(error))
    if isinstance(error, RequestValidationError):
        return 422, _field_sentence(error.errors()[0])
    if isinstance(error, HTTPException):
        if error.status_code == 413:
            return 413, translate("interfaces.too_large", limit=_most_of(request))
        return error.status_code, translate("interfaces.bad_form")
    status = STATUS.get(type(error), 422) if isinstance(error, UserError) else 500
    return status, str(refusal_of(error))


def _field_sentence(problem: dict[str, Any]) -> str:
    name = str(problem["loc"][-1])
    if name == "file":
        return translate("interfaces.no_file")
    return translate("interfaces.bad_field", name=name, value=str(problem["input"])[:MOST_SHOWN])


def _language_of(request: Request) -> str:
    """The language of the form's field, if it is known by now, else the first known one of the header."""
    chosen = getattr(request.state, "language", None)
    return preferred_language(request.headers.get("accept-language", "")) if chosen is None else str(chosen)
