"""The tools of a running server for assistants."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from mcp.types import CallToolResult, ImageContent, TextContent
from PIL import Image

from tests.explain.interfaces.live.doors import CAT, call, data_url, upload, with_assistant
from tests.support.bad_photos import ASTRONAUT

pytestmark = pytest.mark.slow  # each waits for a server that finds faces


def texts(result: CallToolResult) -> list[str]:
    return [content.text for content in result.content if isinstance(content, TextContent)]


def pictures(result: CallToolResult) -> list[Image.Image]:
    """The decoded pictures of an answer."""
    images = [content for content in result.content if isinstance(content, ImageContent)]
    assert {image.mime_type for image in images} <= {"image/jpeg"}
    return [Image.open(BytesIO(base64.b64decode(image.data))).convert("RGB") for image in images]


def test_exactly_two_tools_are_offered_with_descriptions(url: str) -> None:
    listed = with_assistant(url, lambda assistant: assistant.list_tools())
    tools = {tool.name: tool for tool in listed.tools}
    assert set(tools) == {"analyze_photo", "explain_photo"}
    for tool in tools.values():
        assert len(str(tool.description)) > 200
        assert tool.input_schema["required"] == ["photo"]
        assert all(field["description"] for field in tool.input_schema["properties"].values())
        assert tool.annotations is not None and tool.annotations.read_only_hint
    assert "lime" in tools["explain_photo"].input_schema["properties"]["methods"]["items"]["enum"]


def test_the_result_for_a_photo_has_sentences_numbers_and_pictures(url: str) -> None:
    result = call(url, "analyze_photo", photo=data_url())
    assert not result.is_error
    sentences, numbers, *captions = texts(result)
    assert "P(Fake)" in sentences
    found = json.loads(numbers)
    assert found["prediction"]["verdict"] in ("Fake", "Real", "Inconclusive")
    assert set(found["maps"]) == {"attention", "lime"}
    region = found["maps"]["lime"]["strongest_regions"][0]
    assert region["interval"][0] <= region["value"] <= region["interval"][1]
    drawn = pictures(result)
    assert len(drawn) == len(captions) == 3  # the photo with its boxes, the attention mask, LIME
    assert [caption.split(":")[0] for caption in captions[1:3]] == ["Attention mask", "LIME superpixels"]
    assert [picture.size for picture in drawn[1:3]] == [(640, 640)] * 2
    assert len({picture.tobytes() for picture in drawn}) == 3
    assert sum(len(content.text) for content in result.content if isinstance(content, TextContent)) < 12_000


def test_an_uploaded_photo_is_explained_with_trust_in_turkish(url: str) -> None:
    arguments = {"photo": upload(url), "methods": ["occlusion"], "superpixels": 4, "language": "tr", "trust": True}
    result = call(url, "explain_photo", **arguments)
    assert not result.is_error
    sentences, numbers, *_ = texts(result)
    assert "P(Sahte)" in sentences
    assert 0 <= json.loads(numbers)["trust"]["occlusion"]["percentile"] <= 1
    assert len(pictures(result)) == 2  # the photo, the map


def test_an_uploaded_photo_can_be_given_by_its_address(url: str) -> None:
    photo = f"{url}/gradio_api/file={upload(url, CAT)}"
    result = call(url, "explain_photo", photo=photo, methods=["attention"], trust=False, whole_picture=True)
    assert not result.is_error
    assert len(pictures(result)) == 2


def test_an_assistant_receives_the_progress_while_it_waits(url: str) -> None:
    values: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        values.append(progress)

    arguments = {"photo": data_url(CAT), "whole_picture": True, "methods": ["attention", "occlusion"], "trust": False}
    with_assistant(
        url, lambda assistant: assistant.call_tool("explain_photo", arguments, progress_callback=on_progress)
    )
    assert len(values) >= 3
    assert values == sorted(set(values))


def test_a_photo_without_a_face_gets_no_verdict(url: str) -> None:
    result = call(url, "analyze_photo", photo=data_url(CAT))
    assert not result.is_error
    assert json.loads(texts(result)[1])["prediction"] is None
    assert len(pictures(result)) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"photo": "data:image/jpeg;base64,AAAA"}, "not a readable JPEG"),
        ({"photo": "/etc/passwd"}, "was not uploaded"),
        ({"photo": str(ASTRONAUT)}, "was not uploaded"),
        ({"photo": "data:image/jpeg;base64,AAAA", "language": "tr"}, "okunabilir"),
        ({"photo": "data:image/jpeg;base64,AAAA", "model": "nobody's"}, "nobody's"),
    ],
    ids=str,
)
def test_a_refusal_is_an_error_with_one_sentence(url: str, arguments: dict[str, str], expected: str) -> None:
    result = call(url, "analyze_photo", **arguments)
    assert result.is_error
    (sentence,) = texts(result)
    assert expected in sentence and "Traceback" not in sentence


def test_an_assistant_cannot_make_the_server_open_a_local_address(url: str, local_site: tuple[str, list[str]]) -> None:
    address, visits = local_site
    result = call(url, "analyze_photo", photo=address)
    assert result.is_error and "not public" in texts(result)[0]
    assert visits == []


def test_a_photo_above_the_default_limit_of_mcp_is_accepted(url: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1300, 1300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size > 5_000_000  # the mcp package accepts 4 MiB by default
    result = call(url, "analyze_photo", photo=data_url(tmp_path / "large.png"))
    assert not result.is_error
