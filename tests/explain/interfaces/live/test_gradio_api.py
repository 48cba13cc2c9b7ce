"""Gradio's API of a running server, called by Gradio's client and by requests like those of curl."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from tests.explain.interfaces.live.doors import CAT, data_of_last_event, open_url, upload
from tests.support.bad_photos import ASTRONAUT

pytestmark = pytest.mark.slow  # each waits for a server that finds faces


# Calls by Gradio's client


def test_the_api_has_exactly_five_endpoints_with_descriptions(url: str) -> None:
    info = json.loads(open_url(f"{url}/gradio_api/info")[2])
    assert set(info["named_endpoints"]) == {"/analyze", "/explain", "/faces", "/models", "/health"}
    assert info["unnamed_endpoints"] == {}
    for endpoint in info["named_endpoints"].values():
        assert endpoint["description"]
        assert all(parameter["type"] for parameter in endpoint["parameters"])


def test_each_face_is_found_and_judged(client: Client) -> None:
    found = client.predict(handle_file(ASTRONAUT), api_name="/faces")
    (face,) = found["faces"]
    assert len(face["box"]) == 4 and 0 < face["score"] <= 1
    assert sum(face["probabilities"].values()) == pytest.approx(1)
    assert face["verdict"] in ("Fake", "Real", "Inconclusive")
    assert client.predict(handle_file(CAT), api_name="/faces")["faces"] == []


def test_the_requested_maps_are_returned_as_pictures(client: Client) -> None:
    fields = {"methods": ["occlusion", "attention"], "superpixels": 10, "target": "Real", "seed": 3, "language": "tr"}
    report, maps = client.predict(handle_file(ASTRONAUT), **fields, api_name="/explain")
    assert list(report["attributions"]) == ["attention", "occlusion"]
    assert report["settings"]["seed"] == 3
    assert report["attributions"]["occlusion"]["target"] == "Real"
    assert len(maps) == 2
    for entry in maps:
        with Image.open(entry["image"]) as picture:
            assert (picture.format, picture.size) == ("PNG", (640, 640))
    assert "Dikkat maskesi" in [entry["caption"] for entry in maps]


def test_models_and_health_are_available(client: Client, url: str) -> None:
    assert client.predict(api_name="/models") == json.loads(open_url(f"{url}/models")[2])
    health = client.predict(api_name="/health")
    assert health["status"] == "ok" and health["uptime_seconds"] > 0


def test_refusals_are_in_the_requested_language(client: Client) -> None:
    for language, word in (("en", "face must be 1 to 1"), ("tr", "face değeri 1 ile 1")):
        with pytest.raises(AppError) as caught:
            client.predict(handle_file(ASTRONAUT), methods=[], face=5, language=language, api_name="/explain")
        assert word in str(caught.value)


# Requests like those of curl


def event_stream(url: str, call: str, body: dict[str, Any]) -> str:
    """Start a call; return the stream of its events, which a second request reads."""
    address, headers = f"{url}/gradio_api/call/{call}", {"Content-Type": "application/json"}
    event = json.loads(open_url(address, json.dumps(body).encode(), headers)[2])["event_id"]
    return open_url(f"{url}/gradio_api/call/{call.removeprefix('v2/')}/{event}")[2].decode()


def test_arguments_by_position_and_by_name_give_the_same_result(url: str) -> None:
    photo = {"path": upload(url), "meta": {"_type": "gradio.FileData"}}
    by_position = data_of_last_event(event_stream(url, "faces", {"data": [photo, "lite_attention", "en"]}))
    by_name = data_of_last_event(event_stream(url, "v2/faces", {"photo": photo}))
    assert by_position[0]["faces"] == by_name[0]["faces"]
    assert len(by_name[0]["faces"]) == 1


def test_endpoints_without_arguments_can_be_called(url: str) -> None:
    assert data_of_last_event(event_stream(url, "health", {"data": []}))[0]["status"] == "ok"
    assert data_of_last_event(event_stream(url, "v2/models", {}))[0][0]["first"] is True


@pytest.mark.parametrize("call", ["faces", "explain"])
def test_a_program_cannot_make_the_server_open_a_local_address(
    url: str, local_site: tuple[str, list[str]], call: str
) -> None:
    address, visits = local_site
    for photo in ({"path": address}, {"path": address, "url": address}, {"url": address}):
        body = {"photo": {**photo, "meta": {"_type": "gradio.FileData"}}}
        assert re.search(r'"error": "[A-Z][^"]+\."', event_stream(url, f"v2/{call}", body))
    assert visits == []
