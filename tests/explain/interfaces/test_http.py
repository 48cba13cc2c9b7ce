"""Plain HTTP beside the page: what a form, a script and a probe get, and how each is refused."""

from __future__ import annotations

import asyncio
import errno
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import Response
from starlette.testclient import TestClient

import explain.interfaces.http
from explain.interfaces.http import plain_routes
from explain.result import Analysis
from explain.service.queue import AnalysisQueue
from explain.service.service import Service
from explain.service.uploads import Uploads
from explain.settings import Settings
from model.available import Models, available_models
from model.detector.detector import Detector
from model.errors import SettingsError
from model.photos.photo import MAX_BYTES

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
ASTRONAUT, CAT = EXAMPLES / "astronaut.jpg", EXAMPLES / "cat.jpg"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
QUICK = {"methods": "attention"}
PATHS = re.compile(r"(/tmp|/work|/home|/root|\.py\b|Traceback)")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the server keeps photos."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def service(kept: Path) -> Service:
    return Service(Models(available_models()), Uploads(kept), AnalysisQueue(1, most_programs=1))


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(FastAPI(openapi_url=None, routes=plain_routes(service)), follow_redirects=False) as client:
        yield client


def send(
    client: TestClient, photo: Path | bytes = ASTRONAUT, headers: dict[str, str] | None = None, **fields: Any
) -> Response:
    """Post a photo as a form does."""
    content = photo if isinstance(photo, bytes) else photo.read_bytes()
    return client.post("/deepfake", files={"file": ("me.jpg", content)}, data=QUICK | fields, headers=headers or {})


def refusal(answer: Response, status: int) -> str:
    """The sentence of a refusal in JSON, checked to be one that may be shown to anyone."""
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    sentence = answer.json()["error"]
    assert sentence.endswith(".") and len(sentence.split()) >= 5
    assert not PATHS.search(sentence)
    return sentence


# The verdict


@pytest.fixture(scope="module")
def found(client: TestClient) -> dict[str, Any]:
    """What is said of the astronaut."""
    answer = send(client)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def test_photo_gets_a_verdict_as_json(found: dict[str, Any], service: Service) -> None:
    assert found["prediction"]["verdict"] in ("Fake", "Real", "Inconclusive")
    assert sum(found["prediction"]["probabilities"].values()) == pytest.approx(1)
    assert found["faces"][0]["verdict"] == found["prediction"]["verdict"]
    assert set(found["attributions"]) == {"attention"}
    assert found["complete"] is True
    assert found["model"]["name"] == service.models.first
    assert found["text"].startswith("me.jpg: ") and "P(Fake)" in found["text"]


def test_whoever_takes_anything_gets_json(client: TestClient, found: dict[str, Any]) -> None:
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.9", "text/html;q=0", ""):
        assert send(client, CAT, {"accept": accept}).json()["faces"] == [], accept


class Addresses(HTMLParser):
    """Collects what a page would load or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [str(value) for name, value in attributes if name in ("src", "href", "action")]
        assert tag not in ("script", "link", "iframe")


def test_a_browser_gets_a_page_that_needs_nothing_else(client: TestClient, found: dict[str, Any]) -> None:
    answer = send(client, headers={"accept": BROWSER})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Addresses()
    page.feed(answer.text)
    assert page.found and all(address.startswith("data:image/png;base64,") for address in page.found)
    assert "me.jpg" in answer.text and "POST /deepfake" in answer.text
    assert f"{found['prediction']['probabilities']['Fake']:.2f}" in answer.text


def test_name_of_the_file_cannot_become_part_of_the_page(client: TestClient) -> None:
    files = {"file": ("<script>alert(1)</script>.jpg", CAT.read_bytes())}
    answer = client.post("/deepfake", files=files, data=QUICK, headers={"accept": BROWSER})
    assert answer.status_code == 200
    assert "<script" not in answer.text


def test_photo_without_a_face_gets_no_verdict_unless_asked_for(client: TestClient) -> None:
    without = send(client, CAT).json()
    assert without["prediction"] is None and without["faces"] == []
    assert "No face" in without["text"]
    assert send(client, CAT, whole_picture="true").json()["prediction"] is not None


def test_fields_reach_the_analysis(client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Settings] = []

    def note(source: bytes, settings: Settings, detector: Detector, client: str) -> Iterator[Analysis]:
        assert (source, detector) == (ASTRONAUT.read_bytes(), service.models.get("lite_attention"))
        assert client == "testclient"
        asked.append(settings)
        raise SettingsError("That is all that this test wants.")

    monkeypatch.setattr(service, "analyze", note)
    fields = {"methods": "rise, lime,,rise", "trust": "on", "face": "3", "whole_picture": "true", "robustness": "off"}
    refusal(send(client, model="lite_attention", **fields), 422)
    refusal(client.post("/deepfake", files={"file": ASTRONAUT.read_bytes()}), 422)
    refusal(send(client, methods="", robustness="false"), 422)
    every = Settings(methods=("rise", "lime"), trust=True, face=2, whole_picture=True, robustness=False)
    assert asked == [every, Settings(), Settings(methods=(), robustness=False)]


def test_verdict_alone_comes_without_regions_maps_and_origin(client: TestClient, found: dict[str, Any]) -> None:
    answer = send(client, methods="", robustness="false").json()
    assert answer["complete"] and answer["prediction"] == found["prediction"]
    assert answer["robustness"] is answer["provenance"] is None
    assert answer["regions"] == [] and answer["attributions"] == {}
    assert answer["seconds"].keys() == {"open", "faces", "predict"}


def test_each_photo_that_could_be_read_is_kept(client: TestClient, kept: Path) -> None:
    before = set(kept.iterdir())
    for _ in range(2):
        assert send(client, CAT).status_code == 200
    assert send(client, b"no photo").status_code == 400
    new = set(kept.iterdir()) - before
    assert len(new) == 2
    assert {path.read_bytes() for path in new} == {CAT.read_bytes()}


# Languages


@pytest.mark.parametrize(
    ("headers", "fields", "turkish"),
    [
        ({}, {}, False),
        ({"accept-language": "tr-TR,tr;q=0.9,en;q=0.8"}, {}, True),
        ({"accept-language": "en;q=0.5, tr"}, {}, True),
        ({"accept-language": "en-GB,tr;q=0.9"}, {}, False),
        ({"accept-language": "de, fr;q=0.9"}, {}, False),
        ({"accept-language": "de, tr;q=0.1"}, {}, True),
        ({"accept-language": "tr;q=nonsense,;;q"}, {}, False),
        ({"accept-language": "tr"}, {"language": "en"}, False),
        ({}, {"language": "tr"}, True),
    ],
)
def test_language_of_answer_and_refusal(
    client: TestClient, headers: dict[str, str], fields: dict[str, str], turkish: bool
) -> None:
    bad = send(client, b"no photo", headers, **fields).json()["error"]
    assert ("okunabilir" in bad) is turkish
    assert ("Yüz" in send(client, CAT, headers, **fields).json()["text"]) is turkish


def test_unknown_language_is_refused_with_those_there_are(client: TestClient) -> None:
    sentence = refusal(send(client, language="klingon"), 422)
    assert all(name in sentence for name in ("klingon", "en", "tr"))


# Refusals


def test_bad_photo_is_refused_in_a_sentence(client: TestClient) -> None:
    assert "not a readable JPEG" in refusal(send(client, b"Not a photo. " * 50), 400)
    assert "empty" in refusal(send(client, b""), 400)


@pytest.mark.parametrize(
    "request_",
    [
        {"data": {"other": "field"}},
        {"json": {"file": "photo.jpg"}},
        {"content": b"raw bytes"},
        {"data": {"file": "only a text"}},
        {},
    ],
    ids=str,
)
def test_request_without_a_photo_is_told_where_to_put_it(client: TestClient, request_: dict[str, Any]) -> None:
    assert "field named file" in refusal(client.post("/deepfake", **request_), 422)


def test_broken_form_is_refused(client: TestClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    sentence = refusal(client.post("/deepfake", content=b"--y\r\nnonsense", headers=headers), 400)
    assert "multipart" in sentence


@pytest.mark.parametrize("name", ["file", "face"])
def test_of_two_photos_none_is_left_out_in_silence(client: TestClient, name: str) -> None:
    photo, face = ("a.jpg", CAT.read_bytes()), (None, b"1")
    parts = [("file", photo), ("face", face), (name, photo if name == "file" else face)]
    assert name in refusal(client.post("/deepfake", files=parts), 422)


def test_name_in_any_letters_is_read(client: TestClient) -> None:
    head = "Content-Disposition: form-data; name=file; filename*=UTF-8''do%C4%9Fum.jpg"
    body = b"--x\r\n" + head.encode() + b"\r\n\r\n" + CAT.read_bytes() + b"\r\n--x--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/deepfake", content=body, headers=headers).json()["text"].startswith("doğum.jpg: ")


def test_full_disk_is_said(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SpooledTemporaryFile, "rollover", full)  # what a photo over 1 MB needs
    assert "disk is full" in refusal(send(client, bytes(2_000_000)), 507)
    assert "Traceback" not in caplog.text
    assert send(client, CAT).status_code == 200


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"face": "first"}, ("face", "first")),
        ({"face": "7"}, ("face", "7")),
        ({"trust": "perhaps"}, ("trust", "perhaps")),
        ({"methods": "attention,magic"}, ("magic", "attention")),
        ({"robust": "false"}, ("robust", "file, model, face, whole_picture, methods, robustness, trust, language")),
        ({"model": "nobody's"}, ("nobody's", "lite_attention")),
    ],
    ids=str,
)
def test_wrong_field_is_refused_with_its_value(
    client: TestClient, fields: dict[str, str], told: tuple[str, ...]
) -> None:
    sentence = refusal(send(client, **fields), 422)
    assert all(word in sentence for word in told)


def test_too_large_a_photo_is_refused(client: TestClient) -> None:
    assert f"{MAX_BYTES:,} bytes" in refusal(send(client, bytes(MAX_BYTES + 1)), 413)


def test_reading_ends_as_soon_as_a_request_is_too_large(service: Service) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    read, answered = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1_000_000
        return {"type": "http.request", "body": bytes(1_000_000) if read > 1_000_000 else head, "more_body": True}

    async def send_(message: dict[str, Any]) -> None:
        answered.append(message)

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    scope = {"type": "http", "method": "POST", "path": "/deepfake", "headers": headers, "query_string": b""}
    asyncio.run(FastAPI(routes=plain_routes(service))(scope, receive, send_))
    assert answered[0]["status"] == 413
    assert read < MAX_BYTES + 3_000_000


def test_too_many_at_once_are_asked_to_come_back(client: TestClient, service: Service) -> None:
    other = service.queue.each(iter([1, 2]))
    next(other)
    answer = send(client)
    assert "waiting" in refusal(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    list(other)
    assert send(client, CAT).status_code == 200


def test_a_fault_of_ours_is_told_without_its_details(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("at /srv/secret.py")

    monkeypatch.setattr(explain.interfaces.http, "to_dict", broken)
    assert "went wrong inside WhyFake" in refusal(send(client, CAT), 500)
    assert "at /srv/secret.py" in caplog.text


def test_a_browser_reads_a_refusal_as_a_page(client: TestClient) -> None:
    answer = send(client, b"<b>no photo</b>", {"accept": BROWSER, "accept-language": "tr"})
    assert answer.status_code == 400
    page = Addresses()
    page.feed(answer.text)
    assert page.found == ["./"]
    assert '<html lang="tr">' in answer.text and 'role="alert"' in answer.text and "okunabilir" in answer.text


# The other routes


@pytest.mark.parametrize("path", ["/service", "/deepfake"])
def test_whoever_only_looks_is_led_to_the_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (307, "./")


def test_health_tells_since_when_and_with_what(client: TestClient, service: Service) -> None:
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["uptime_seconds"] > 0
    assert health["models_open"] == [service.models.first]
    assert (health["running"], health["waiting"]) == (0, 0)
    assert {"python", "gradio", "numpy", "ai-edge-litert"} <= set(health["versions"])
    assert client.head("/health").status_code == 200


def test_models_are_listed_with_what_a_reader_must_know(client: TestClient, service: Service) -> None:
    model, second = client.get("/models").json()
    assert (second["name"], second["first"]) == ("clip_attention", False)
    card = service.models.get(service.models.first).card
    assert model == {
        "name": "lite_attention",
        "first": True,
        "open": True,
        "architecture": "lite_attention",
        "calibrated": True,
        "inconclusive_band": list(card.inconclusive_band),
        "sha256": card.sha256,
        "licence": card.licence,
        "problem": None,
    }


def test_openapi_describes_these_routes_and_no_others(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.")
    assert {path: sorted(methods) for path, methods in described["paths"].items()} == {
        "/deepfake": ["post"],
        "/service": ["get"],
        "/health": ["get"],
        "/ready": ["get"],
        "/models": ["get"],
    }
    deepfake = described["paths"]["/deepfake"]["post"]
    assert set(deepfake["responses"]) == {"200", "400", "413", "422", "500", "503", "507"}
    (form,) = (schema for name, schema in described["components"]["schemas"].items() if "deepfake" in name)
    assert form["required"] == ["file"]
    fields = {"file", "model", "face", "whole_picture", "methods", "robustness", "trust", "language"}
    assert set(form["properties"]) == fields
    assert all(field["description"] for field in form["properties"].values())
