"""What assistants may ask of the running page over MCP: to judge a photo, and to explain the verdict."""

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
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ImageContent, TextContent, ToolAnnotations
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.routing import BaseRoute, Route

from explain.analysis import Analysis, is_unmoved
from explain.maps.registry import METHODS
from explain.regions.superpixels import METHODS as SEGMENTATIONS
from explain.report.as_json import to_dict
from explain.report.files import report_pictures
from explain.service.fetch import photo_from
from explain.service.refusal import Refused, refusing
from explain.service.service import Doors
from explain.settings import MAX_SAMPLES, MIN_SAMPLES, Settings
from explain.wording.robustness import robustness_sentence
from explain.wording.summary import curves_in_words, map_in_words, plain_text, strongest_regions
from explain.wording.what_if import what_if_sentence
from model.artifact.card import Card
from model.detector.detector import Detector
from model.i18n.catalogue import in_language, say, speaking
from model.photos.photo import MAX_BYTES

PATHS = ("/gradio_api/mcp", "/gradio_api/mcp/")  # where assistants look for the tools of a Gradio app
MAX_BODY = MAX_BYTES * 4 // 3 + 1_000_000  # bytes; a photo as base64 within its request
SHOWN = 8  # superpixels that are drawn and listed
HEAVY = ("regions", "attributions")  # what would fill pages and is told in short instead
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
Language = Annotated[Literal["en", "tr"], Field(description="Language of the sentences.")]
Face = Annotated[int, Field(description="Which face: 1 is the largest, 2 the next.", ge=1)]
WholePicture = Annotated[bool, Field(description="Judge the central square of a photo that shows no face.")]
Model = Annotated[str | None, Field(description="Name of the model; the server's first one by default.")]
Methods = Annotated[
    list[str],
    Field(
        description="Maps to make; gradcam, gradcam_attention, hirescam and integrated_gradients take longer at first.",
        json_schema_extra={"items": {"type": "string", "enum": list(METHODS)}},
    ),
]
Target = Annotated[Literal["Fake", "Real"] | None, Field(description="Class to explain; by default the likelier one.")]
Trust = Annotated[bool, Field(description="Measure how far each map can be trusted; takes seconds.")]
Flip = Annotated[bool, Field(description="Find the smallest set of regions whose hiding flips the verdict.")]
Superpixels = Annotated[int, Field(description="About how many regions to cut the face into.")]
Samples = Annotated[
    int, Field(description="Pictures that LIME asks about at the most.", ge=MIN_SAMPLES, le=MAX_SAMPLES)
]
Segmentation = Annotated[str, Field(description=f"How to cut the face: {', '.join(SEGMENTATIONS)}.")]
Seed = Annotated[int, Field(description="Decides everything that is drawn at random.", ge=0)]
Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]
READS = ToolAnnotations(readOnlyHint=True, openWorldHint=True)


def assistants(doors: Doors, uploaded: Path) -> tuple[list[BaseRoute], Lifespan]:
    """Routes that serve the two tools, and what must be open around the server that serves them.

    Args:
        doors: see ``Doors``.
        uploaded: the folder that holds what was uploaded to the server.
    """
    server = FastMCP(
        "WhyFake",
        INSTRUCTIONS,
        log_level="WARNING",
        stateless_http=True,
        max_request_body_size=MAX_BODY,
        streamable_http_path=PATHS[0],
        # The names under which a shared page, a Space or a container is asked for are not known here.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )

    @server.tool(annotations=READS, structured_output=False)
    async def analyze_photo(
        photo: Photo,
        context: Context[Any, Any, Any],
        face: Face = 1,
        whole_picture: WholePicture = False,
        model: Model = None,
        language: Language = "en",
    ) -> Content:
        """Judge whether the face in a photo is real or fake, and show where the model looked.

        Answers with the verdict (Fake, Real or Inconclusive), calibrated probabilities and the strongest regions as
        text and JSON, the photo with every face boxed, LIME's superpixels (blue speaks for the named class, orange
        against it), and the attention mask. Takes about 3 seconds. A photo without a face gets no verdict.
        """
        settings = partial(Settings, face=face - 1, whole_picture=whole_picture)
        return await _answer(doors, photo, uploaded, settings, model, language, context)

    @server.tool(annotations=READS, structured_output=False)
    async def explain_photo(
        photo: Photo,
        context: Context[Any, Any, Any],
        methods: Methods = ["attention", "lime", "occlusion"],  # noqa: B006 - read only, and part of the schema
        target: Target = None,
        trust: Trust = True,
        flip: Flip = False,
        superpixels: Superpixels = Settings.superpixels,
        samples: Samples = Settings.samples,
        segmentation: Segmentation = Settings.segmentation,
        seed: Seed = Settings.seed,
        face: Face = 1,
        whole_picture: WholePicture = False,
        model: Model = None,
        language: Language = "en",
    ) -> Content:
        """Explain the verdict on a face by several maps, and say how far each can be trusted.

        Answers as analyze_photo does, with a picture of each map. With trust, each map comes with a sentence that says
        whether hiding what it marks moves the verdict more than hiding random regions does, and a picture of the
        curves; a map that does not should not be relied on. Takes 5 to 60 seconds.
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
            seed=seed,
            face=face - 1,
            whole_picture=whole_picture,
        )
        return await _answer(doors, photo, uploaded, settings, model, language, context)

    endpoint = server.streamable_http_app().routes[0].endpoint  # type: ignore[attr-defined]
    return [Route(path, endpoint=endpoint) for path in PATHS], lambda app: server.session_manager.run()


async def _answer(
    doors: Doors,
    photo: str,
    uploaded: Path,
    settings: Callable[[], Settings],
    model: str | None,
    language: str,
    context: Context[Any, Any, Any],
) -> Content:
    """Take the road, telling of each step, and say what was found."""
    try:
        with speaking(language), refusing():
            detector = await run_in_threadpool(doors.models.get, model or doors.models.first)
            data = await run_in_threadpool(photo_from, photo, uploaded)
            steps = in_language(language, doors.analyze(data, settings(), detector))
            latest = await _to_the_end(iterate_in_threadpool(steps), context)
            return await run_in_threadpool(_content, latest, detector)
    except Refused as error:
        raise ToolError(str(error)) from error


async def _to_the_end(steps: AsyncIterator[Analysis], context: Context[Any, Any, Any]) -> Analysis:
    number, analysis = 0, None
    async for analysis in steps:
        number += 1
        stage = analysis.stage
        await context.report_progress(number, message=METHODS[stage].title if stage in METHODS else stage)
    assert analysis is not None
    return analysis


def _content(analysis: Analysis, detector: Detector) -> Content:
    """Sentences, numbers, then each picture under its caption."""
    card = detector.card
    content: Content = [_text(plain_text(analysis, card, "photo")), _text(json.dumps(_numbers(analysis, card)))]
    drawn = report_pictures(analysis, SHOWN)
    for name, caption in _captions(analysis).items():
        data = base64.b64encode(_jpeg(drawn[name])).decode()
        content += [_text(caption), ImageContent(type="image", data=data, mimeType="image/jpeg")]
    return content


def _numbers(analysis: Analysis, card: Card) -> dict[str, Any]:
    """What is known in numbers, without what only a picture can show."""
    numbers = {name: value for name, value in to_dict(analysis).items() if name not in HEAVY}
    if numbers["prediction"] is not None:
        numbers["prediction"].pop("attention")
    numbers["inconclusive_band"] = list(card.inconclusive_band)
    numbers["maps"] = {name: _map_numbers(name, analysis) for name in analysis.attributions}
    return numbers


def _map_numbers(name: str, analysis: Analysis) -> dict[str, Any]:
    found, subject = analysis.attributions[name], analysis.subject
    assert subject is not None
    regions = []
    for number, shows, value in strongest_regions(found, subject, SHOWN):
        region = {"region": number, "name": shows, "value": round(value, 4)}
        if found.intervals is not None:
            region["interval"] = [round(float(end), 4) for end in found.intervals[number]]
        regions.append(region)
    return {"target": found.target, "evidence": found.evidence, "strongest_regions": regions}


def _captions(analysis: Analysis) -> dict[str, str]:
    """What to say of each picture that is worth an assistant's attention, by its name in ``report_pictures``."""
    count, subject = len(analysis.faces), analysis.subject
    captions = {"photo": say("doors.photo", count=count) if count else say("doors.photo_alone")}
    if subject is None:
        return captions
    unmoved = is_unmoved(analysis)
    for name, found in analysis.attributions.items():
        captions[name] = f"{METHODS[name].title}: {map_in_words(found, subject, SHOWN, unmoved)}"
    for name, trust in analysis.trusts.items():
        captions[f"{name}_curves"] = curves_in_words(trust)
    if analysis.flip is not None:
        captions["flip"] = what_if_sentence(analysis.flip, subject.target)
    if analysis.robustness is not None:
        captions["robustness"] = robustness_sentence(analysis.robustness)
    return captions


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    """A picture ``(H, W, 3) uint8`` RGB as a file that is small enough for an answer."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="jpeg", quality=88)
    return buffer.getvalue()


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)
