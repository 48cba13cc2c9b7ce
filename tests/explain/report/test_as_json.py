"""Tests of an analysis of four known regions as plain data."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from explain.maps.lime import lime
from explain.maps.subject import Subject
from explain.probes.robustness import CHANGES, measure_robustness
from explain.probes.what_if import without
from explain.report.as_json import MAX_GRID, rounded, to_dict
from explain.result import Analysis
from explain.settings import Settings
from explain.steps import NO_ATTENTION
from explain.trust.agreement import Agreement
from explain.trust.curves import ORDERS, Band, Curves
from explain.trust.measure import Trust
from explain.trust.stability import Stability
from explain.wording.trust import trust_sentence
from model.detector.detector import Prediction
from model.photos.faces import Face
from model.photos.photo import Photo
from tests.support.worlds import World, brightness, squares

SIDE = 24
QUARTERS = squares(SIDE, 2)  # 0 and 1 above 2 and 3
NAMES = ("left eye", "right eye", "mouth", "chin")
CROP = np.full((SIDE, SIDE, 3), 128, np.uint8)
CROP[QUARTERS == 1] = 200
LANDMARKS = np.arange(10, dtype=np.float32).reshape(5, 2)
FACE = Face((10, 20, 24, 24), 0.98765, LANDMARKS, CROP, (10.0, 20.0, 24.0))
PHOTO = Photo(np.zeros((60, 80, 3), np.uint8), ("Only its first frame.",), "0" * 64)
MASK = np.array([[0.1, 0.9, 0.3], [0.25, 0.5, 0.75]], np.float32)
DETECTOR: Any = World(brightness, band=(0.4, 0.6))
SUBJECT = Subject(CROP, QUARTERS, "Fake", DETECTOR, "black", 0, NAMES)
PREDICTION = Prediction({"Fake": 0.57, "Real": 0.43}, "Inconclusive", True, MASK)
EARLY = Analysis(PHOTO, (FACE,), FACE, Settings(), {"name": "ours"}, stage="faces", seconds={"open": 0.12345678})
JUDGED = replace(
    EARLY,
    settings=Settings(target="Fake", hidden=(2, 0)),
    prediction=PREDICTION,
    subject=SUBJECT,
    attributions={"attention": attention_map(MASK, SIDE)},
)


def data(analysis: Analysis) -> dict[str, Any]:
    """The analysis as another program reads it."""
    answer: dict[str, Any] = json.loads(json.dumps(to_dict(analysis), allow_nan=False))
    return answer


def as_data(found: Attribution) -> dict[str, Any]:
    answer: dict[str, Any] = data(replace(JUDGED, attributions={found.method: found}))["attributions"][found.method]
    return answer


def full_analysis() -> Analysis:
    """An analysis in which everything is known."""
    *_, found = lime(SUBJECT, samples=64)
    areas = (np.arange(ORDERS) + 0.5) / ORDERS
    curves = Curves("mean", np.full(2, 0.1), np.full(2, 0.9), Band(np.stack([areas, areas], axis=1), np.arange(2.0)))
    steady = Stability("seed", 3, 1.0, 1.0, 1.0)
    return replace(
        JUDGED,
        attributions={**JUDGED.attributions, "lime": found},
        problems={"attention": NO_ATTENTION},
        trusts={"lime": Trust("lime", "Fake", (curves,), False, 0.5, steady)},
        agreement=Agreement(("attention", "lime"), np.array([[1, 0.25], [0.25, 1]])),
        robustness=list(measure_robustness(DETECTOR, CROP, None))[-1],
        what_if=without(SUBJECT, (2, 0)),
        flip=without(SUBJECT, (1,)),
        complete=True,
        stage="",
    )


def test_everything_survives_json_without_nan() -> None:
    analysis = full_analysis()
    answer = data(analysis)
    settings = answer["settings"]  # its tuples have become lists
    assert answer == to_dict(analysis) | {"settings": settings}
    assert set(answer) == set(data(EARLY)), "every analysis of a run has the same keys"


# Before the verdict


def test_results_that_are_not_known_yet_are_null_or_empty() -> None:
    answer = data(EARLY)
    assert [answer[name] for name in ("prediction", "agreement", "robustness", "what_if", "flip")] == [None] * 5
    assert answer["regions"] == []
    assert answer["attributions"] == answer["trust"] == answer["problems"] == {}
    assert answer["complete"] is False


def test_photo_and_face_are_described_without_pixels() -> None:
    answer = data(EARLY)
    assert answer["photo"] == {
        "sha256": "0" * 64,
        "width": 80,
        "height": 60,
        "turns": 0,
        "notes": ["Only its first frame."],
    }
    assert answer["chosen"] == answer["faces"][0]
    where = {"box": [10, 20, 24, 24], "score": 0.9877, "landmarks": LANDMARKS.tolist()}
    assert answer["chosen"] == where | {"probabilities": None, "verdict": None}
    assert answer["seconds"] == {"open": 0.1235}
    assert answer["model"] == {"name": "ours"}
    without_a_face = data(replace(EARLY, faces=(), chosen=None))
    assert (without_a_face["faces"], without_a_face["chosen"]) == ([], None)


def test_each_face_has_its_own_verdict() -> None:
    second_face = replace(FACE, box=(50, 20, 9, 9))
    fake = replace(PREDICTION, probabilities={"Fake": 0.9, "Real": 0.1}, verdict="Fake")
    answer = data(replace(JUDGED, faces=(second_face, FACE), predictions=(fake, PREDICTION)))
    assert [face["verdict"] for face in answer["faces"]] == ["Fake", "Inconclusive"]
    assert answer["faces"][0]["probabilities"] == {"Fake": 0.9, "Real": 0.1}
    assert answer["chosen"] == answer["faces"][1]


def test_all_settings_are_included() -> None:
    settings = JUDGED.settings
    assert data(JUDGED)["settings"] == asdict(settings) | {
        "methods": list(settings.methods),
        "hidden": list(settings.hidden),
    }


# Regions


def test_regions_have_their_share_and_centre() -> None:
    regions = data(JUDGED)["regions"]
    assert [region["name"] for region in regions] == list(NAMES)
    assert [region["share"] for region in regions] == [0.25] * 4
    assert [region["centre"] for region in regions] == [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]


def test_shares_of_uneven_regions_sum_to_one() -> None:
    segments = np.zeros((SIDE, SIDE), np.int32)
    segments[:7, 5:] = 1
    segments[20:, :3] = 2
    subject = Subject(CROP, segments, "Fake", DETECTOR)
    regions = data(replace(JUDGED, subject=subject))["regions"]
    assert sum(region["share"] for region in regions) == pytest.approx(1, abs=1e-5)
    assert regions[1] == {"name": None, "share": round(7 * 19 / SIDE**2, 6), "centre": [0.6042, 0.1458]}


# Maps


def test_grid_of_the_attention_map_is_its_native_mask() -> None:
    answer = data(JUDGED)
    attention = answer["attributions"]["attention"]
    expected = [[0.1, 0.9, 0.3], [0.25, 0.5, 0.75]]
    assert attention["grid"] == answer["prediction"]["attention"] == expected
    assert attention["native_shape"] == [2, 3]
    assert attention["weights"] is attention["intervals"] is None
    assert attention["target"] == "either class"
    assert attention["evidence"]["contrast"] == pytest.approx(0.8)


def test_grid_of_any_other_map_is_read_at_the_centre_of_each_cell() -> None:
    rows, columns = np.indices((SIDE, SIDE), np.float32)
    found = as_data(Attribution("rise", "Fake", 100 * rows + columns, (2, 4), None, None, {}))
    assert found["grid"] == [[603, 609, 615, 621], [1803, 1809, 1815, 1821]]


def test_prediction_without_a_mask_has_none() -> None:
    answer = data(replace(JUDGED, prediction=replace(PREDICTION, attention=None), attributions={}))
    assert answer["prediction"] == {
        "probabilities": {"Fake": 0.57, "Real": 0.43},
        "verdict": "Inconclusive",
        "calibrated": True,
        "attention": None,
    }


def test_region_values_are_the_means_of_the_map() -> None:
    values = np.zeros((SIDE, SIDE), np.float32)
    values[:12, :12] = 0.5  # all of region 0
    values[0, 12:] = -1.2  # one row in twelve of region 1
    found = as_data(Attribution("rise", "Fake", values, (7, 7), None, None, {}))
    assert found["region_values"] == [0.5, -0.1, 0.0, 0.0]


@pytest.mark.parametrize(("cells", "written"), [(MAX_GRID, True), (MAX_GRID + 1, False)])
def test_only_a_coarse_grid_is_written_out(cells: int, written: bool) -> None:
    side = 2 * (MAX_GRID + 1)
    values = np.arange(side * side, dtype=np.float32).reshape(side, side)
    subject = Subject(np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.int32), "Fake", DETECTOR)
    found = Attribution("gradcam", "Fake", values, (2, cells), None, None, {})
    answer = data(replace(JUDGED, subject=subject, attributions={"gradcam": found}))["attributions"]["gradcam"]
    assert (answer["grid"] is not None) is written
    if written:
        assert np.shape(answer["grid"]) == (2, cells)


def test_superpixels_have_weights_and_intervals_and_no_grid() -> None:
    weights = np.array([0.1234567, -0.2, 0.0, 0.3], np.float32)
    intervals = np.stack([weights - 0.05, weights + 0.05], axis=1).astype(np.float32)
    shape = (SIDE, SIDE)
    found = as_data(
        Attribution("lime", "Fake", weights[QUARTERS], shape, QUARTERS, weights, {"seed": 4}, intervals, NAMES)
    )
    assert found["weights"] == found["region_values"] == [0.123457, -0.2, 0.0, 0.3]
    assert np.shape(found["intervals"]) == (4, 2)
    assert found["intervals"][1] == [-0.25, -0.15]
    assert found["grid"] is None
    assert found["evidence"] == {"seed": 4}


# Results other than maps


def test_what_if_holds_the_hidden_regions_and_the_models_answer() -> None:
    answer = data(full_analysis())
    shown = (CROP[QUARTERS == 1].sum() + CROP[QUARTERS == 3].sum()) / CROP.size / 255
    before = CROP.mean() / 255
    assert answer["what_if"] == {
        "hidden": [2, 0],
        "names": ["mouth", "left eye"],
        "target": "Fake",
        "before": round(before, 6),
        "probability": round(shown, 6),
        "flipped": True,
        "verdict": "Real",
        "sentence": f"With the mouth and the left eye hidden, Fake falls from {before:.0%} to {shown:.0%}: the model "
        "would then say Real.",
    }


def test_robustness_holds_its_sentence() -> None:
    """The crop's brightness, 0.57, is inconclusive; a brighter crop is fake, a much darker one real."""
    answer = data(full_analysis())["robustness"]
    assert answer["untouched"] == {"probability": round(CROP.mean() / 255, 6), "verdict": "Inconclusive"}
    assert set(answer["changes"]) == set(CHANGES)
    assert {name: change["flip"] for name, change in answer["changes"].items() if change and change["flip"]} == {
        "darker": 0.4,
        "brighter": 1.4,
    }
    assert answer["sentence"] == (
        "The verdict stays Inconclusive down to JPEG quality 20; darkening to 40% turns it to Real; brightening to "
        "140% turns it to Fake."
    )


def test_flip_has_the_fields_of_a_what_if() -> None:
    answer = data(full_analysis())
    assert set(answer["flip"]) == set(answer["what_if"])
    assert answer["flip"]["hidden"] == [1]
    assert answer["flip"]["names"] == ["right eye"]


def test_hidden_regions_without_names_have_none() -> None:
    subject = replace(SUBJECT, names=None)
    answer = data(replace(JUDGED, subject=subject, what_if=without(subject, (3,))))
    assert answer["what_if"]["names"] is None
    assert answer["what_if"]["hidden"] == [3]
    assert answer["flip"] is None


def test_trust_agreement_and_problems_are_included() -> None:
    analysis = full_analysis()
    answer = data(analysis)
    trust = analysis.trusts["lime"]
    assert answer["trust"] == {"lime": {**trust.to_dict(), "sentence": trust_sentence(trust)}}
    assert answer["trust"]["lime"]["sentence"].endswith(
        "of random orders move the verdict away from Fake at least as much; "
        "repeated with other seeds it names the same top regions every time."
    )
    assert answer["agreement"] == {"names": ["attention", "lime"], "matrix": [[1, 0.25], [0.25, 1]]}
    assert answer["problems"] == {"attention": "This model has no attention block, so there is no mask to show."}
    assert answer["complete"] is True


@pytest.mark.parametrize("array", [np.array([1 / 3, -1e-9], np.float32), np.array([[2.0000004]])])
def test_numbers_have_six_digits_after_the_point(array: NDArray[np.floating]) -> None:
    np.testing.assert_array_equal(rounded(array), np.round(array.astype(np.float64), 6))
    assert all(len(str(value).partition(".")[2]) <= 6 for value in np.ravel(rounded(array)))
