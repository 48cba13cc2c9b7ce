"""Every door but the page itself, of one running server: plain HTTP, Gradio's API, and assistants."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import sys
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import Client as Assistant
from mcp.types import CallToolResult, ImageContent, TextContent
from PIL import Image

from tests.bad_photos import ASTRONAUT, ROOT
from tests.conftest import served

pytestmark = pytest.mark.slow  # each waits for a server that finds faces

CAT = ROOT / "examples" / "cat.jpg"
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
Result = TypeVar("Result")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the server keeps photos; the server makes it."""
    return tmp_path_factory.mktemp("kept") / "photos"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, kept: Path) -> Iterator[str]:
    """Address of a server with every door open."""
    log = tmp_path_factory.mktemp("doors") / "log.txt"
    with served(ROOT, log, "--mcp", "--keep-uploads", str(kept)) as address:
        yield address


@pytest.fixture(scope="module")
def client(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(url, verbose=False, download_files=str(tmp_path_factory.mktemp("answers")))
    yield client
    client.close()


@pytest.fixture
def inner_site() -> Iterator[tuple[str, list[str]]]:
    """Address of a photo inside this machine, and who asked for it."""
    asked: list[str] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(ASTRONAUT.read_bytes())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/photo.jpg", asked
    server.shutdown()
    server.server_close()


def open_url(
    address: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer, whatever its status."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body, headers or {}), timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def form(field: str, photo: Path, **others: str) -> tuple[bytes, dict[str, str]]:
    """A multipart body with a photo, and the header that goes with it, as curl's -F makes them."""
    boundary = uuid.uuid4().hex
    parts = [f'name="{name}"\r\n\r\n'.encode() + value.encode() for name, value in others.items()]
    parts.append(f'name="{field}"; filename="{photo.name}"\r\n\r\n'.encode() + photo.read_bytes())
    body = b"".join(f"--{boundary}\r\nContent-Disposition: form-data; ".encode() + part + b"\r\n" for part in parts)
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def newly_kept(kept: Path, act: Callable[[], object]) -> list[Path]:
    """The photos that are kept once something was done."""
    before = set(kept.iterdir())
    act()
    return sorted(set(kept.iterdir()) - before)


# Plain HTTP, on the page's own server


def test_deepfake_answers_a_script_and_a_browser(url: str) -> None:
    body, headers = form("file", ASTRONAUT, methods="attention")
    status, answered, content = open_url(f"{url}/deepfake", body, headers)
    assert (status, answered["content-type"]) == (200, "application/json")
    assert json.loads(content)["prediction"]["verdict"] in ("Fake", "Real", "Inconclusive")
    status, answered, content = open_url(f"{url}/deepfake", body, headers | {"Accept": BROWSER})
    assert (status, answered["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<!doctype html>" in content and b"astronaut.jpg" in content


def test_service_leads_to_the_page(url: str) -> None:
    status, _, content = open_url(f"{url}/service")
    assert status == 200
    assert content == open_url(url)[2]


@pytest.mark.parametrize("path", ["/health", "/models", "/openapi.json"])
def test_probes_get_json(url: str, path: str) -> None:
    status, headers, content = open_url(f"{url}{path}")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(content)


def test_openapi_names_only_what_is_meant_for_others(url: str) -> None:
    described = json.loads(open_url(f"{url}/openapi.json")[2])
    assert set(described["paths"]) == {"/deepfake", "/service", "/health", "/ready", "/models"}


def test_pages_that_would_load_from_elsewhere_are_not_served(url: str) -> None:
    assert [open_url(f"{url}{path}")[0] for path in ("/docs", "/redoc")] == [404, 404]


# Gradio's API, by its client


def test_endpoints_are_these_and_each_is_described(url: str) -> None:
    info = json.loads(open_url(f"{url}/gradio_api/info")[2])
    assert set(info["named_endpoints"]) == {"/analyze", "/explain", "/faces", "/models", "/health"}
    assert info["unnamed_endpoints"] == {}
    for endpoint in info["named_endpoints"].values():
        assert endpoint["description"]
        assert all(parameter["type"] for parameter in endpoint["parameters"])


def test_faces_are_found_and_each_is_judged(client: Client) -> None:
    found = client.predict(handle_file(ASTRONAUT), api_name="/faces")
    (face,) = found["faces"]
    assert len(face["box"]) == 4 and 0 < face["score"] <= 1
    assert sum(face["probabilities"].values()) == pytest.approx(1)
    assert face["verdict"] in ("Fake", "Real", "Inconclusive")
    assert client.predict(handle_file(CAT), api_name="/faces")["faces"] == []


def test_maps_that_are_asked_for_come_as_pictures(client: Client) -> None:
    asked = {"methods": ["occlusion", "attention"], "superpixels": 10, "target": "Real", "seed": 3, "language": "tr"}
    report, maps = client.predict(handle_file(ASTRONAUT), **asked, api_name="/explain")
    assert list(report["attributions"]) == ["attention", "occlusion"]
    assert report["settings"]["seed"] == 3
    assert report["attributions"]["occlusion"]["target"] == "Real"
    assert len(maps) == 2
    for entry in maps:
        with Image.open(entry["image"]) as picture:
            assert (picture.format, picture.size) == ("PNG", (640, 640))
    assert "Dikkat maskesi" in [entry["caption"] for entry in maps]


def test_models_and_health_are_told(client: Client, url: str) -> None:
    assert client.predict(api_name="/models") == json.loads(open_url(f"{url}/models")[2])
    health = client.predict(api_name="/health")
    assert health["status"] == "ok" and health["uptime_seconds"] > 0


def test_refusals_speak_the_language_asked_for(client: Client) -> None:
    for language, word in (("en", "face must be 1 to 1"), ("tr", "face değeri 1 ile 1")):
        with pytest.raises(AppError) as caught:
            client.predict(handle_file(ASTRONAUT), methods=[], face=5, language=language, api_name="/explain")
        assert word in str(caught.value)


# Gradio's API, as curl would use it


def event_stream(url: str, call: str, body: dict[str, Any]) -> str:
    """What the two requests of a call bring."""
    address, headers = f"{url}/gradio_api/call/{call}", {"Content-Type": "application/json"}
    event = json.loads(open_url(address, json.dumps(body).encode(), headers)[2])["event_id"]
    return open_url(f"{url}/gradio_api/call/{call.removeprefix('v2/')}/{event}")[2].decode()


def answered(stream: str) -> list[Any]:
    """The data of a stream's last event, which must be a complete answer."""
    event, data = stream.strip().split("\n\n")[-1].split("\n", 1)
    assert event == "event: complete", stream
    return json.loads(data.removeprefix("data: "))


def upload(url: str, photo: Path = ASTRONAUT) -> str:
    """The path under which the server holds an uploaded photo."""
    body, headers = form("files", photo)
    return json.loads(open_url(f"{url}/gradio_api/upload", body, headers)[2])[0]


def test_curl_calls_with_an_uploaded_photo_by_position_and_by_name(url: str) -> None:
    photo = {"path": upload(url), "meta": {"_type": "gradio.FileData"}}
    by_position = answered(event_stream(url, "faces", {"data": [photo, "lite_attention", "en"]}))
    by_name = answered(event_stream(url, "v2/faces", {"photo": photo}))
    assert by_position[0]["faces"] == by_name[0]["faces"]
    assert len(by_name[0]["faces"]) == 1


def test_curl_calls_what_takes_nothing(url: str) -> None:
    assert answered(event_stream(url, "health", {"data": []}))[0]["status"] == "ok"
    assert answered(event_stream(url, "v2/models", {}))[0][0]["first"] is True


@pytest.mark.parametrize("call", ["faces", "explain"])
def test_no_address_inside_is_visited_for_a_program(url: str, inner_site: tuple[str, list[str]], call: str) -> None:
    address, asked = inner_site
    for photo in ({"path": address}, {"path": address, "url": address}, {"url": address}):
        body = {"photo": {**photo, "meta": {"_type": "gradio.FileData"}}}
        assert re.search(r'"error": "[A-Z][^"]+\."', event_stream(url, f"v2/{call}", body))
    assert asked == []


# Assistants


def with_tools(url: str, use: Callable[[Assistant], Awaitable[Result]]) -> Result:
    """What an assistant's client gets from the server's tools."""

    async def talk() -> Result:
        async with Assistant(f"{url}/gradio_api/mcp") as assistant:
            return await use(assistant)

    return asyncio.run(talk())


def call(url: str, tool: str, **arguments: Any) -> CallToolResult:
    return with_tools(url, lambda assistant: assistant.call_tool(tool, arguments))


def data_url(photo: Path = ASTRONAUT) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(photo.read_bytes()).decode()}"


def texts(result: CallToolResult) -> list[str]:
    return [content.text for content in result.content if isinstance(content, TextContent)]


def pictures(result: CallToolResult) -> list[Image.Image]:
    """The pictures of an answer, each decoded."""
    images = [content for content in result.content if isinstance(content, ImageContent)]
    assert {image.mime_type for image in images} <= {"image/jpeg"}
    return [Image.open(BytesIO(base64.b64decode(image.data))).convert("RGB") for image in images]


def test_exactly_two_tools_are_offered_and_well_described(url: str) -> None:
    listed = with_tools(url, lambda assistant: assistant.list_tools())
    tools = {tool.name: tool for tool in listed.tools}
    assert set(tools) == {"analyze_photo", "explain_photo"}
    for tool in tools.values():
        assert len(str(tool.description)) > 200
        assert tool.input_schema["required"] == ["photo"]
        assert all(field["description"] for field in tool.input_schema["properties"].values())
        assert tool.annotations is not None and tool.annotations.read_only_hint
    assert "lime" in tools["explain_photo"].input_schema["properties"]["methods"]["items"]["enum"]


def test_a_photo_is_judged_with_pictures_and_numbers(url: str) -> None:
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
    asked = {"photo": upload(url), "methods": ["occlusion"], "superpixels": 4, "language": "tr", "trust": True}
    result = call(url, "explain_photo", **asked)
    assert not result.is_error
    sentences, numbers, *_ = texts(result)
    assert "P(Sahte)" in sentences
    assert 0 <= json.loads(numbers)["trust"]["occlusion"]["percentile"] <= 1
    assert len(pictures(result)) == 2  # the photo, the map


def test_an_upload_may_be_named_by_its_address(url: str) -> None:
    photo = f"{url}/gradio_api/file={upload(url, CAT)}"
    result = call(url, "explain_photo", photo=photo, methods=["attention"], trust=False, whole_picture=True)
    assert not result.is_error
    assert len(pictures(result)) == 2


def test_steps_are_told_while_an_assistant_waits(url: str) -> None:
    told: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    arguments = {"photo": data_url(CAT), "whole_picture": True, "methods": ["attention", "occlusion"], "trust": False}
    with_tools(url, lambda assistant: assistant.call_tool("explain_photo", arguments, progress_callback=note))
    assert len(told) >= 3
    assert told == sorted(set(told))


def test_photo_without_a_face_gets_no_verdict(url: str) -> None:
    result = call(url, "analyze_photo", photo=data_url(CAT))
    assert not result.is_error
    assert json.loads(texts(result)[1])["prediction"] is None
    assert len(pictures(result)) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"photo": "data:image/jpeg;base64,AAAA"}, "not a readable JPEG"),
        ({"photo": "/etc/passwd"}, "was not uploaded"),
        ({"photo": str(ASTRONAUT)}, "was not uploaded"),
        ({"photo": "data:image/jpeg;base64,AAAA", "language": "tr"}, "okunabilir"),
        ({"photo": "data:image/jpeg;base64,AAAA", "model": "nobody's"}, "nobody's"),
    ],
    ids=str,
)
def test_refusal_is_an_error_with_a_sentence(url: str, arguments: dict[str, str], told: str) -> None:
    result = call(url, "analyze_photo", **arguments)
    assert result.is_error
    (sentence,) = texts(result)
    assert told in sentence and "Traceback" not in sentence


def test_no_address_inside_is_visited_for_an_assistant(url: str, inner_site: tuple[str, list[str]]) -> None:
    address, asked = inner_site
    result = call(url, "analyze_photo", photo=address)
    assert result.is_error and "not public" in texts(result)[0]
    assert asked == []


def test_a_large_photo_fits_through(url: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1300, 1300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size > 5_000_000  # more than the 4 MiB that mcp takes by default
    result = call(url, "analyze_photo", photo=data_url(tmp_path / "large.png"))
    assert not result.is_error


# What is kept


def test_each_door_keeps_the_photo_once_an_analysis(url: str, client: Client, kept: Path) -> None:
    body, headers = form("file", CAT)
    service = {
        "deepfake": lambda: open_url(f"{url}/deepfake", body, headers),
        "api": lambda: client.predict(handle_file(CAT), api_name="/faces"),
        "assistant": lambda: call(url, "analyze_photo", photo=data_url(CAT)),
    }
    for name, act in service.items():
        (new,) = newly_kept(kept, act)
        assert new.name.startswith("upload_") and new.suffix == ".jpg", name
        assert new.read_bytes() == CAT.read_bytes(), name
    bad, headers = form("file", Path(__file__))
    assert newly_kept(kept, lambda: open_url(f"{url}/deepfake", bad, headers)) == []


# What is refused at the start


def test_a_folder_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path) -> None:
    import app

    file = tmp_path / "file"
    file.write_text("here")
    with pytest.raises(SystemExit, match=r"Error: .+ is a file; name a folder"):
        app.main(keep_uploads=file)


def test_assistants_without_their_package_are_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    import app

    monkeypatch.setitem(sys.modules, "mcp", None)
    for name in [name for name in sys.modules if name.startswith(("mcp.", "explain.interfaces.mcp"))]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SystemExit, match=r"requirements-mcp\.txt"):
        app.main(mcp=True)
