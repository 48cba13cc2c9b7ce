"""The answer of the endpoint ``/analyze`` of the running page, as a program on the same machine gets it."""

from __future__ import annotations

import pytest
from gradio_client import Client, handle_file
from PIL import Image

from tests.browser.api.endpoint import ASTRONAUT, CAT, EXAMPLES, QUICK, Answer, analyze

pytestmark = pytest.mark.slow  # each waits for a server that finds faces and runs LIME


# The answer


def test_answer_has_a_verdict_and_probabilities_that_sum_to_one(answer: Answer) -> None:
    prediction = answer[0]["prediction"]
    assert prediction["verdict"] in ("Fake", "Real", "Inconclusive")
    assert set(prediction["probabilities"]) == {"Fake", "Real"}
    assert sum(prediction["probabilities"].values()) == pytest.approx(1)


def test_answer_is_complete(answer: Answer) -> None:
    found = answer[0]
    assert found["complete"] is True
    assert found["attributions"]["lime"]["evidence"]["samples"] == 100
    assert set(found["attributions"]) == {"attention", "lime"}
    assert found["settings"]["superpixels"] == 20
    assert len(found["faces"]) == 1


def test_both_pictures_are_png(answer: Answer) -> None:
    assert answer[1] != answer[2]
    for path in answer[1:3]:
        with Image.open(path) as picture:
            assert (picture.format, picture.size) == ("PNG", (640, 640))
            assert picture.convert("L").getextrema()[0] != picture.convert("L").getextrema()[1]


def test_further_maps_have_their_names(client: Client) -> None:
    found, *_, further = analyze(client, further=["occlusion"])
    assert set(found["attributions"]) == {"attention", "lime", "occlusion"}
    assert [entry["caption"] for entry in further] == ["Occlusion"]
    with Image.open(further[0]["image"]) as picture:
        assert (picture.format, picture.size) == ("PNG", (640, 640))


def test_trust_is_measured_only_on_request(client: Client, answer: Answer) -> None:
    assert answer[0]["trust"] == {} and answer[0]["flip"] is None
    found = analyze(client, trust=True, superpixels=10)[0]
    assert set(found["trust"]) == {"attention", "lime"}
    for trust in found["trust"].values():
        assert 0 <= trust["percentile"] <= 1
        assert trust["sentence"].endswith(".")
        assert trust["stability"]["runs"] >= 3


def test_flip_changes_the_likelier_class(client: Client) -> None:
    photos = sorted(EXAMPLES.glob("*_*.jpg"))  # whether hiding regions flips a verdict depends on photo and model
    flips = (analyze(client, photo, flip=True, superpixels=10)[0]["flip"] for photo in (ASTRONAUT, *photos))
    flip = next((flip for flip in flips if flip), None)
    assert flip is not None, "no example's verdict flips"
    assert flip["flipped"] is True
    assert flip["probability"] < 0.5 <= flip["before"]


def test_same_seed_gives_the_same_weights(client: Client, answer: Answer) -> None:
    again = analyze(client)[0]
    assert again["attributions"]["lime"]["weights"] == answer[0]["attributions"]["lime"]["weights"]
    assert again["prediction"] == answer[0]["prediction"]


def test_settings_reach_the_analysis(client: Client) -> None:
    found = analyze(client, target="Real", superpixels=40, samples=200, smooth=True)[0]
    assert found["attributions"]["lime"]["target"] == "Real"
    assert found["attributions"]["lime"]["evidence"]["samples"] == 200
    assert 25 <= len(found["attributions"]["lime"]["weights"]) <= 42
    assert found["attributions"]["attention"]["evidence"]["smooth"] is True


def test_only_the_last_of_several_answers_is_complete(client: Client) -> None:
    job = client.submit(handle_file(ASTRONAUT), **QUICK | {"samples": 1000}, api_name="/analyze")
    job.result(timeout=120)
    complete = [output[0]["complete"] for output in job.outputs()]
    assert len(complete) >= 3
    assert complete == [False] * (len(complete) - 1) + [True]


def test_number_of_regions_shown_changes_the_overlay(client: Client, answer: Answer) -> None:
    overlay = Image.open(analyze(client, shown=1)[1])
    assert overlay.tobytes() != Image.open(answer[1]).tobytes()


# A photo without a face


def test_photo_without_a_face_gets_no_score(client: Client) -> None:
    found, overlay, heatmap, _ = analyze(client, CAT)
    assert found["faces"] == []
    assert found["prediction"] is None
    assert found["complete"] is True
    assert overlay is None
    assert heatmap is None


def test_whole_picture_is_judged_on_request(client: Client) -> None:
    found, overlay, heatmap, _ = analyze(client, CAT, whole=True)
    assert found["faces"] == []
    assert found["prediction"]["verdict"] in ("Fake", "Real", "Inconclusive")
    assert overlay and heatmap
