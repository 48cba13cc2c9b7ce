"""The endpoint ``/analyze`` of the running page, as a program on the same machine would use it."""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

if TYPE_CHECKING:
    from tests.bad_photos import BadPhoto

pytestmark = pytest.mark.slow  # each waits for a server that finds faces and runs LIME

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
ASTRONAUT, CAT = EXAMPLES / "astronaut.jpg", EXAMPLES / "cat.jpg"
LIKELIER = "likelier"
QUICK = {
    **{"target": LIKELIER, "superpixels": 20, "samples": 100, "shown": 8, "smooth": False, "whole": False},
    **{"model": "lite_attention", "further": [], "trust": False, "flip": False, "segmentation": "slic", "hide": "mean"},
    "language": "en",
}
Answer = tuple[dict[str, Any], str, str, list[dict[str, Any]]]
PATHS = re.compile(r"(/tmp|/work|/home|/root|\.py\b|[A-Za-z]:\\|Traceback)")


@pytest.fixture(scope="module")
def client(page_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of the page that downloads into a folder of its own."""
    client = Client(page_url, verbose=False, download_files=str(tmp_path_factory.mktemp("answers")))
    yield client
    client.close()


def ask(client: Client, photo: Path | None = ASTRONAUT, **changes: Any) -> Answer:
    """The complete answer: JSON, the paths of the LIME and the attention picture, and the further maps."""
    given = None if photo is None else handle_file(photo)
    return client.predict(given, **QUICK | changes, api_name="/analyze")


def refusal(client: Client, photo: Path | None = ASTRONAUT, **changes: Any) -> str:
    """The sentence of a refusal, checked to be one that may be shown to anyone."""
    with pytest.raises(AppError) as caught:
        ask(client, photo, **changes)
    sentence = str(caught.value)
    assert sentence.endswith("."), f"not a sentence: {sentence!r}"
    assert len(sentence.split()) >= 5, f"not a sentence: {sentence!r}"
    assert not PATHS.search(sentence)
    return sentence


# The answer


@pytest.fixture(scope="module")
def answer(client: Client) -> Answer:
    """What the endpoint says of the astronaut."""
    return ask(client)


def test_answer_has_a_verdict_and_probabilities_that_sum_to_one(answer: Answer) -> None:
    prediction = answer[0]["prediction"]
    assert prediction["verdict"] in ("Fake", "Real", "Inconclusive")
    assert set(prediction["probabilities"]) == {"Fake", "Real"}
    assert sum(prediction["probabilities"].values()) == pytest.approx(1)


def test_answer_is_the_complete_one(answer: Answer) -> None:
    found = answer[0]
    assert found["complete"] is True
    assert found["attributions"]["lime"]["evidence"]["samples"] == 100
    assert set(found["attributions"]) == {"attention", "lime"}
    assert found["settings"]["superpixels"] == 20
    assert len(found["faces"]) == 1


def test_both_pictures_come_as_png(answer: Answer) -> None:
    assert answer[1] != answer[2]
    for path in answer[1:3]:
        with Image.open(path) as picture:
            assert (picture.format, picture.size) == ("PNG", (640, 640))
            assert picture.convert("L").getextrema()[0] != picture.convert("L").getextrema()[1]


def test_further_maps_come_with_their_names(client: Client) -> None:
    found, *_, further = ask(client, further=["occlusion"])
    assert set(found["attributions"]) == {"attention", "lime", "occlusion"}
    assert [entry["caption"] for entry in further] == ["Occlusion"]
    with Image.open(further[0]["image"]) as picture:
        assert (picture.format, picture.size) == ("PNG", (640, 640))


def test_trust_comes_when_asked_for(client: Client, answer: Answer) -> None:
    assert answer[0]["trust"] == {} and answer[0]["flip"] is None
    found = ask(client, trust=True, superpixels=10)[0]
    assert set(found["trust"]) == {"attention", "lime"}
    for trust in found["trust"].values():
        assert 0 <= trust["percentile"] <= 1
        assert trust["sentence"].endswith(".")
        assert trust["stability"]["runs"] >= 3


def test_flip_turns_the_likelier_class(client: Client) -> None:
    photos = sorted(EXAMPLES.glob("*_*.jpg"))  # whether hiding regions flips a verdict depends on photo and model
    controls = (ask(client, photo, flip=True, superpixels=10)[0]["flip"] for photo in (ASTRONAUT, *photos))
    flip = next((flip for flip in controls if flip), None)
    assert flip is not None, "no example's verdict flips"
    assert flip["flipped"] is True
    assert flip["probability"] < 0.5 <= flip["before"]


def test_same_seed_gives_the_same_weights_again(client: Client, answer: Answer) -> None:
    again = ask(client)[0]
    assert again["attributions"]["lime"]["weights"] == answer[0]["attributions"]["lime"]["weights"]
    assert again["prediction"] == answer[0]["prediction"]


def test_settings_reach_the_analysis(client: Client) -> None:
    found = ask(client, target="Real", superpixels=40, samples=200, smooth=True)[0]
    assert found["attributions"]["lime"]["target"] == "Real"
    assert found["attributions"]["lime"]["evidence"]["samples"] == 200
    assert 25 <= len(found["attributions"]["lime"]["weights"]) <= 42
    assert found["attributions"]["attention"]["evidence"]["smooth"] is True


def test_answers_grow_until_the_complete_one(client: Client) -> None:
    job = client.submit(handle_file(ASTRONAUT), **QUICK | {"samples": 1000}, api_name="/analyze")
    job.result(timeout=120)
    complete = [output[0]["complete"] for output in job.outputs()]
    assert len(complete) >= 3
    assert complete == [False] * (len(complete) - 1) + [True]


def test_number_of_regions_shown_changes_the_overlay(client: Client, answer: Answer) -> None:
    overlay = Image.open(ask(client, shown=1)[1])
    assert overlay.tobytes() != Image.open(answer[1]).tobytes()


# A photo without a face


def test_photo_without_a_face_gets_no_score(client: Client) -> None:
    found, overlay, heatmap, _ = ask(client, CAT)
    assert found["faces"] == []
    assert found["prediction"] is None
    assert found["complete"] is True
    assert overlay is None
    assert heatmap is None


def test_whole_picture_is_judged_when_asked_for(client: Client) -> None:
    found, overlay, heatmap, _ = ask(client, CAT, whole=True)
    assert found["faces"] == []
    assert found["prediction"]["verdict"] in ("Fake", "Real", "Inconclusive")
    assert overlay and heatmap


# What cannot be used


def test_bad_photo_gets_a_clear_sentence_or_an_answer(client: Client, bad_photo: BadPhoto, page_url: str) -> None:
    if bad_photo.refusal:
        assert bad_photo.refusal in refusal(client, bad_photo.path)
    else:
        found = ask(client, bad_photo.path)[0]
        about_the_file = found["photo"]["notes"][: len(bad_photo.notes)]  # one about a small face may follow
        assert about_the_file == list(bad_photo.notes)
        assert len(found["faces"]) >= bad_photo.faces
        assert (found["prediction"] is None) is (bad_photo.faces == 0)
    with urllib.request.urlopen(page_url, timeout=60) as page:
        assert page.status == 200


def test_turned_photo_is_analysed_upright(client: Client, bad_photos: dict[str, BadPhoto]) -> None:
    found = ask(client, bad_photos["turned"].path)[0]
    assert (found["photo"]["width"], found["photo"]["height"]) == (512, 400)
    left, right = found["faces"][0]["landmarks"][:2]
    assert right[0] - left[0] > 2 * abs(right[1] - left[1]), "the eyes must lie side by side"


def test_server_answers_the_same_after_every_refusal(
    client: Client, bad_photos: dict[str, BadPhoto], answer: Answer
) -> None:
    for bad in bad_photos.values():
        if bad.refusal:
            refusal(client, bad.path)
    again = ask(client)[0]
    assert again["prediction"] == answer[0]["prediction"]


def test_no_photo_is_refused(client: Client) -> None:
    assert "No photo was given" in refusal(client, None)


def refused_over_http(page_url: str, photo: Any) -> str:
    """What the endpoint answers to a photo as a program sends it that does without Gradio's client."""
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
    there = refused_over_http(page_url, {"path": str(private), **meta})
    missing = refused_over_http(page_url, {"path": str(tmp_path / "missing.jpg"), **meta})
    assert there == missing, "the answer must not tell which files exist"


def test_photo_may_come_as_a_data_url(page_url: str, client: Client) -> None:
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


def test_unknown_class_is_refused_with_those_there_are(client: Client) -> None:
    with pytest.raises(AppError, match="Banana") as caught:
        ask(client, target="Banana")
    assert all(name in str(caught.value) for name in ("Fake", "Real"))
    assert not PATHS.search(str(caught.value))


# What others may call


def test_nothing_but_named_endpoints_is_offered(client: Client) -> None:
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


def test_server_prints_no_traceback_of_its_own_making(
    client: Client, bad_photos: dict[str, BadPhoto], server_log: Path
) -> None:
    before = len(server_log.read_text())
    refusal(client, bad_photos["text"].path)
    refusal(client, bad_photos["huge"].path)
    ask(client, CAT)
    assert "Traceback" not in server_log.read_text()[before:]


def test_assistants_get_tools_only_where_asked_for(page_url: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{page_url}/gradio_api/mcp/schema", timeout=60)
    assert caught.value.code == 404


def test_unknown_model_is_refused_with_those_that_there_are(client: Client) -> None:
    with pytest.raises(AppError) as caught:
        ask(client, model="nobody's")
    assert "nobody's" in str(caught.value) and "lite_attention" in str(caught.value)
