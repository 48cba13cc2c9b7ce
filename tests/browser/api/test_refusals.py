"""Tests of requests that the endpoint ``/analyze`` of the running page refuses, and of the list of endpoints."""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

if TYPE_CHECKING:
    from tests.support.bad_photos import BadPhoto
from tests.browser.api.endpoint import ASTRONAUT, CAT, QUICK, Answer, analyze

pytestmark = pytest.mark.slow  # each waits for a server that finds faces and runs LIME
PATHS = re.compile(r"(/tmp|/work|/home|/root|\.py\b|[A-Za-z]:\\|Traceback)")


def refusal(client: Client, photo: Path | None = ASTRONAUT, **changes: Any) -> str:
    """The sentence of a refusal, which must be complete and contain no path of the server."""
    with pytest.raises(AppError) as caught:
        analyze(client, photo, **changes)
    sentence = str(caught.value)
    assert sentence.endswith("."), f"not a sentence: {sentence!r}"
    assert len(sentence.split()) >= 5, f"not a sentence: {sentence!r}"
    assert not PATHS.search(sentence)
    return sentence


# Unusable requests


def test_bad_photo_gets_a_clear_sentence_or_an_answer(client: Client, bad_photo: BadPhoto, page_url: str) -> None:
    if bad_photo.refusal:
        assert bad_photo.refusal in refusal(client, bad_photo.path)
    else:
        found = analyze(client, bad_photo.path)[0]
        about_the_file = found["photo"]["notes"][: len(bad_photo.notes)]  # a note about a small face may follow
        assert about_the_file == list(bad_photo.notes)
        assert len(found["faces"]) >= bad_photo.faces
        assert (found["prediction"] is None) is (bad_photo.faces == 0)
    with urllib.request.urlopen(page_url, timeout=60) as page:
        assert page.status == 200


def test_rotated_photo_is_analysed_upright(client: Client, bad_photos: dict[str, BadPhoto]) -> None:
    found = analyze(client, bad_photos["turned"].path)[0]
    assert (found["photo"]["width"], found["photo"]["height"]) == (512, 400)
    left, right = found["faces"][0]["landmarks"][:2]
    assert right[0] - left[0] > 2 * abs(right[1] - left[1]), "the eyes must be side by side"


def test_server_answers_the_same_after_every_refusal(
    client: Client, bad_photos: dict[str, BadPhoto], answer: Answer
) -> None:
    for bad in bad_photos.values():
        if bad.refusal:
            refusal(client, bad.path)
    again = analyze(client)[0]
    assert again["prediction"] == answer[0]["prediction"]


def test_request_without_a_photo_is_refused(client: Client) -> None:
    assert "No photo was given" in refusal(client, None)


def refused_over_http(page_url: str, photo: Any) -> str:
    """The error that the endpoint sends to a program without Gradio's client."""
    address, headers = f"{page_url}/gradio_api/call/analyze", {"Content-Type": "application/json"}
    body = json.dumps({"data": [photo, *QUICK.values()]}).encode()
    with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=60) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{address}/{event}", timeout=60) as stream:
        text = stream.read().decode()
    assert "event: error" in text
    assert not PATHS.search(text)
    return text


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}], ids=["plain", "as Gradio's own"])
def test_files_of_the_server_cannot_be_read(page_url: str, meta: dict[str, Any], tmp_path: Path) -> None:
    private = tmp_path / "private.jpg"
    private.write_bytes(ASTRONAUT.read_bytes())
    existing = refused_over_http(page_url, {"path": str(private), **meta})
    missing = refused_over_http(page_url, {"path": str(tmp_path / "missing.jpg"), **meta})
    assert existing == missing, "the answer must not reveal which files exist"


def test_photo_can_be_sent_as_a_data_url(page_url: str, client: Client) -> None:
    encoded = base64.b64encode(ASTRONAUT.read_bytes()).decode()
    photo = {"url": f"data:image/jpeg;base64,{encoded}", "meta": {"_type": "gradio.FileData"}}
    answer, *_ = client.predict(photo, **QUICK, api_name="/analyze")
    assert len(answer["faces"]) == 1


@pytest.mark.parametrize("encoded", ["", "A", "AAAAA", "@@@", "AAAA"])
def test_broken_data_url_is_refused_in_a_sentence(page_url: str, encoded: str) -> None:
    text = refused_over_http(page_url, {"url": f"data:image/jpeg;base64,{encoded}"})
    assert re.search(r'"error": "[A-Z][^"]+\."', text)


@pytest.mark.parametrize(
    "change",
    [
        {"samples": 1_000_000},
        {"samples": 1},
        {"superpixels": 5000},
        {"superpixels": -1},
        {"shown": 0},
        {"shown": 900},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused_with_their_limit(client: Client, change: dict[str, int]) -> None:
    (value,) = change.values()
    sentence = refusal(client, **change)
    numbers = re.findall(r"-?\d+", sentence.replace(",", ""))
    assert str(value) in numbers
    assert len(numbers) >= 2, f"the limit is missing: {sentence!r}"


def test_refusal_of_an_unknown_class_lists_the_classes(client: Client) -> None:
    with pytest.raises(AppError, match="Banana") as caught:
        analyze(client, target="Banana")
    assert all(name in str(caught.value) for name in ("Fake", "Real"))
    assert not PATHS.search(str(caught.value))


# Endpoints


def test_only_named_endpoints_are_offered(client: Client) -> None:
    offered = client.view_api(return_format="dict", print_info=False)
    assert set(offered["named_endpoints"]) == {"/analyze", "/explain", "/faces", "/models", "/health"}
    assert offered["unnamed_endpoints"] == {}


def test_parameters_have_names_and_defaults(client: Client) -> None:
    parameters = client.view_api(return_format="dict", print_info=False)["named_endpoints"]["/analyze"]["parameters"]
    assert [parameter["parameter_name"] for parameter in parameters] == ["photo", *QUICK]
    assert not parameters[0]["parameter_has_default"]
    assert all(parameter["parameter_has_default"] for parameter in parameters[1:])


@pytest.mark.parametrize("name", ["/show", "/redraw", "/pick", "/stop", "/describe"])
def test_events_of_the_page_cannot_be_called_by_name(client: Client, name: str) -> None:
    with pytest.raises(ValueError, match="Cannot find a function"):
        client.predict(api_name=name)


def test_server_logs_no_traceback_for_refused_photos(
    client: Client, bad_photos: dict[str, BadPhoto], server_log: Path
) -> None:
    before = len(server_log.read_text())
    refusal(client, bad_photos["text"].path)
    refusal(client, bad_photos["huge"].path)
    analyze(client, CAT)
    assert "Traceback" not in server_log.read_text()[before:]


def test_tools_for_assistants_are_off_by_default(page_url: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{page_url}/gradio_api/mcp/schema", timeout=60)
    assert caught.value.code == 404


def test_refusal_of_an_unknown_model_lists_the_models(client: Client) -> None:
    with pytest.raises(AppError) as caught:
        analyze(client, model="nobody's")
    assert "nobody's" in str(caught.value) and "lite_attention" in str(caught.value)
