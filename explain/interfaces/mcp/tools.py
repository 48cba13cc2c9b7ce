"""The MCP tools for assistants: judge a photo, and explain the verdict."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ImageContent, TextContent, ToolAnnotations
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.routing import BaseRoute, Route

from explain.comparison import Second
from explain.interfaces.mcp.calls import AssistantServer, PlainRefusals
from explain.maps.attribution import Attribution
from explain.maps.registry import METHODS
from explain.maps.subject import Subject
from explain.report.as_json import to_dict
from explain.report.files import report_pictures
from explain.result import Analysis, is_unmoved
from explain.service.fetch import photo_from
from explain.service.forms import MAX_BODY
from explain.service.refusal import Refused, refusing_in
from explain.service.service import Service
from explain.settings import SHOWN, Settings, described, limits_of, text_of
from explain.wording.comparison import comparison_sentence
from explain.wording.progress import doing
from explain.wording.summary import map_in_words, plain_text, strongest_regions
from explain.wording.what_if import what_if_sentence
from model.artifact.card import MASK, Card
from model.i18n.catalogue import DEFAULT, in_language, languages, translate, use_language

PATHS = ("/gradio_api/mcp", "/gradio_api/mcp/")  # where assistants look for the tools of a Gradio app
HEAVY = ("regions", "attributions")  # too long for an answer; a summary replaces them
GRADIENTS = [name for name, method in METHODS.items() if method.needs_gradients]
# The page's default maps, and those that are fast and do not need Keras.
EXPLAINED = [
    name for name, method in METHODS.items() if method.by_default or not (method.needs_gradients or method.costly)
]
INSTRUCTIONS = (
    "WhyFake says how likely the face in a photo is fake and shows why its model thinks so. The verdict is an aid for "
    "looking closer, never a proof: the model is often wrong, and its maps explain the model, not the photo."
)
Content = list[TextContent | ImageContent]
Photo = Annotated[
    str,
    Field(
        description="The photo: a public http(s) address, a data URL (data:image/jpeg;base64,...), or the path or "
        "address of a file that was uploaded to this server."
    ),
]
Language = Annotated[
    str, Field(description="Language of the sentences.", json_schema_extra={"enum": list(languages())})
]
Face = Annotated[int, Field(description=text_of("face"), json_schema_extra={"minimum": 1})]
WholePicture = Annotated[bool, described("whole_picture")]
Model = Annotated[str | None, Field(description="Name of the model; by default the server's first one.")]
SecondModel = Annotated[str | None, Field(description="Name of another model to show beside it; by default none.")]
Methods = Annotated[
    list[str],
    Field(
        description=f"Maps to make; {', '.join(GRADIENTS)} take longer the first time.",
        json_schema_extra=limits_of("methods"),
    ),
]
Target = Annotated[Literal["Fake", "Real"] | None, Field(description=text_of("target"))]
Trust = Annotated[bool, described("trust")]
Flip = Annotated[bool, described("flip")]
Superpixels = Annotated[int, described("superpixels")]
Samples = Annotated[int, described("samples")]
Segmentation = Annotated[str, described("segmentation")]
Hide = Annotated[str, described("hide")]
Seed = Annotated[int, described("seed")]
Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]
READS = ToolAnnotations(read_only_hint=True, open_world_hint=True)


def assistants(service: Service, uploaded: Path) -> tuple[list[BaseRoute], Lifespan]:
    """Routes of the two tools, and the lifespan that their server needs.

    Args:
        service: see ``Service``.
        uploaded: the folder of the server's uploads.
    """
    tools = AssistantTools(service, uploaded)
    server = AssistantServer("WhyFake", instructions=INSTRUCTIONS, log_level="WARNING", unlimited=("photo",))
    for tool in (tools.analyze_photo, tools.explain_photo):
        server.add_tool(tool, annotations=READS, structured_output=False)
    served = server.streamable_http_app(
        stateless_http=True,
        max_request_body_size=MAX_BODY,
        # The host names of a shared page, a Space or a container are not known here.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    endpoint = served.routes[0].endpoint  # type: ignore[attr-defined]
    return [Route(path, endpoint=PlainRefusals(endpoint)) for path in PATHS], lambda app: server.session_manager.run()


class AssistantTools:
    """The tools; assistants read their names, docstrings and options.

    Args:
        service: see ``Service``.
        uploaded: the folder of the server's uploads.
    """

    def __init__(self, service: Service, uploaded: Path) -> None:
        self._service = service
        self._uploaded = uploaded

    async def analyze_photo(
        self,
        photo: Photo,
        context: Context[Any, Any],
        face: Face = 1,
        whole_picture: WholePicture = False,
        model: Model = None,
        second: SecondModel = None,
        language: Language = DEFAULT,
    ) -> Content:
        """Judge whether the face in a photo is real or fake, and show where the model looked.

        Answers with the verdict (Fake, Real or Inconclusive), calibrated probabilities and the strongest regions as
        text and JSON, the photo with every face boxed, LIME's superpixels (blue speaks for the named class, orange
        against it), the attention mask, how stable the verdict is under changes of the face, and what the file itself
        says about its origin, which is no part of the probabilities. Takes some seconds. A photo without a face gets no
        verdict.
        """
        settings = partial(Settings, face=face - 1, whole_picture=whole_picture)
        return await self._answer(photo, settings, (model, second), language, context)

    async def explain_photo(
        self,
        photo: Photo,
        context: Context[Any, Any],
        methods: Methods = EXPLAINED,
        target: Target = None,
        trust: Trust = True,
        flip: Flip = False,
        superpixels: Superpixels = Settings.superpixels,
        samples: Samples = Settings.samples,
        segmentation: Segmentation = Settings.segmentation,
        hide: Hide = Settings.hide,
        seed: Seed = Settings.seed,
        face: Face = 1,
        whole_picture: WholePicture = False,
        model: Model = None,
        second: SecondModel = None,
        language: Language = DEFAULT,
    ) -> Content:
        """Explain the verdict on a face by several maps, and say how far each can be trusted.

        Answers as analyze_photo does, with a picture of each map. With trust, each map comes with a sentence that says
        whether hiding what it marks moves the verdict more than hiding random regions does, and its curves as numbers;
        do not rely on a map that does not. Takes up to some minutes.
        """
        settings = partial(
            Settings,
            methods=tuple(dict.fromkeys(methods)),
            target=target,
            trust=trust,
            flip=flip,
            superpixels=superpixels,
            samples=samples,
            segmentation=segmentation,
            hide=hide,
            seed=seed,
            face=face - 1,
            whole_picture=whole_picture,
        )
        return await self._answer(photo, settings, (model, second), language, context)

    async def _answer(
        self,
        photo: str,
        settings: Callable[[], Settings],
        models: tuple[str | None, str | None],
        language: str,
        context: Context[Any, Any],
    ) -> Content:
        """Analyse the photo, report each step, and return the answer."""
        try:
            with refusing_in(language):
                detector, other = await run_in_threadpool(self._service.detectors, *models)
                data = await run_in_threadpool(photo_from, photo, self._uploaded)
                steps = in_language(language, self._service.both(data, settings(), detector, other, _client(context)))
                analysis, second = await _last_step(iterate_in_threadpool(steps), context, language)
                content = await run_in_threadpool(_content, analysis, detector.card, "photo")
                return content if second is None else content + await run_in_threadpool(_content_of, analysis, second)
        except Refused as error:
            raise ToolError(str(error)) from error


def _client(context: Context[Any, Any]) -> str | None:
    """The address of the assistant."""
    address = getattr(context.request_context.request, "client", None)
    return None if address is None else str(address.host)


async def _last_step(
    steps: AsyncIterator[tuple[Analysis, Second | None]], context: Context[Any, Any], language: str
) -> tuple[Analysis, Second | None]:
    number, found = 0, None
    async for found in steps:
        number += 1
        analysis = found[0] if found[1] is None else found[1].analysis
        with use_language(language):
            message = None if analysis.complete else doing(analysis)
        await context.report_progress(number, message=message)
    assert found is not None
    return found


def _content_of(first: Analysis, second: Second) -> Content:
    """The sentence that compares two models, and the second one's content."""
    compared = None if second.comparison is None else second.comparison.to_dict()
    content: Content = [_text(comparison_sentence(first, second)), _text(json.dumps({"comparison": compared}))]
    return content + _content(second.analysis, second.card, second.analysis.model["name"])


def _content(analysis: Analysis, card: Card, name: str) -> Content:
    """Sentences, numbers, then each picture after its caption."""
    content: Content = [_text(plain_text(analysis, card, name)), _text(json.dumps(_numbers(analysis, card)))]
    drawn = report_pictures(analysis, SHOWN)
    for name, caption in _captions(analysis).items():
        data = base64.b64encode(_jpeg(drawn[name])).decode()
        content += [_text(caption), ImageContent(type="image", data=data, mime_type="image/jpeg")]
    return content


def _numbers(analysis: Analysis, card: Card) -> dict[str, Any]:
    """The analysis in numbers, without the fields that are too long."""
    numbers = {name: value for name, value in to_dict(analysis).items() if name not in HEAVY}
    if numbers["prediction"] is not None:
        numbers["prediction"].pop(MASK)
    numbers["inconclusive_band"] = list(card.inconclusive_band)
    numbers["maps"] = {}
    if (subject := analysis.subject) is not None:  # the analysis may have been stopped before the face was cut
        numbers["maps"] = {name: _map_numbers(found, subject) for name, found in analysis.attributions.items()}
    return numbers


def _map_numbers(found: Attribution, subject: Subject) -> dict[str, Any]:
    regions = []
    for number, shows, value in strongest_regions(found, subject, SHOWN):
        region = {"region": number, "name": shows, "value": round(value, 4)}
        if found.intervals is not None:
            region["interval"] = [round(float(end), 4) for end in found.intervals[number]]
        regions.append(region)
    return {"target": found.target, "evidence": found.evidence, "strongest_regions": regions}


def _captions(analysis: Analysis) -> dict[str, str]:
    """Captions of the pictures for the assistant, by their names in ``report_pictures``."""
    count, subject = len(analysis.faces), analysis.subject
    captions = {"photo": translate("interfaces.photo", count=count) if count else translate("interfaces.photo_alone")}
    if subject is None:
        return captions
    unmoved = is_unmoved(analysis)
    for name, found in analysis.attributions.items():
        captions[name] = f"{METHODS[name].title}: {map_in_words(found, subject, SHOWN, unmoved)}"
    if analysis.flip is not None:
        captions["flip"] = what_if_sentence(analysis.flip, subject.target)
    return captions


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    """A picture ``(H, W, 3) uint8`` RGB as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="jpeg", quality=88)
    return buffer.getvalue()


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)
