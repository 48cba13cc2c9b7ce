"""Tests of judging and measuring: every figure is recomputed from the detector's output for each picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.preprocessing import Preprocessing
from model.data.dataset import choose, face_crop
from model.data.layout import Example
from model.detector.detector import Detector
from model.errors import DatasetError
from model.evaluation import measuring as module
from model.evaluation.bootstrap import bootstrap
from model.evaluation.groups import group_figures, groups_of
from model.evaluation.measuring import attention_peaks, judge, measure, p_fake_of, scorable_members, verdict_measures
from model.evaluation.metrics import FURTHER_MEASURES, MEASURES, SetScores, calibration_error_by_chance
from model.photos.corruptions import CLEAN, corrupt

Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]
UTK = "35_1_2_20170105174739309.jpg.chip.jpg"


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer resamples for each interval; ``test_bootstrap.py`` checks the bounds."""
    monkeypatch.setattr(module, "bootstrap", partial(bootstrap, rounds=50))


@dataclass
class Stub:
    """A detector with the brightness of the crop as P(Fake), and an attention peak at one cell."""

    labels: tuple[str, str] = ("Fake", "Real")
    peak: tuple[int, int] = (0, 0)
    sees: str = "face"
    batches: list[int] = field(default_factory=list)

    @property
    def card(self) -> Any:
        return SimpleNamespace(labels=self.labels, preprocessing=Preprocessing(32), sees=self.sees, parts=())

    def probabilities(self, crops: Pixels, in_turn: bool = False) -> NDArray[np.float64]:
        self.batches.append(len(crops))
        fake = crops.mean(axis=(1, 2, 3)) / 255
        columns = {"Fake": fake, "Real": 1 - fake}
        return np.stack([columns[label] for label in self.labels], axis=1)

    def predict(self, crop: Pixels) -> Any:
        attention = np.zeros((4, 4), np.float32)
        attention[self.peak] = 1
        return SimpleNamespace(probabilities={"Fake": float(crop.mean() / 255)}, attention=attention)


def grey(*levels: int) -> Pixels:
    """One flat crop per level."""
    return np.stack([np.full((8, 8, 3), level, np.uint8) for level in levels])


# judging


@pytest.mark.parametrize("labels", [("Fake", "Real"), ("Real", "Fake")])
def test_p_fake_is_read_from_the_column_of_fake_in_small_batches(
    monkeypatch: pytest.MonkeyPatch, labels: tuple[str, str]
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    stub = Stub(labels)
    np.testing.assert_allclose(p_fake_of(stub, grey(0, 51, 102, 204, 255)), [0, 0.2, 0.4, 0.8, 1])
    assert stub.batches == [2, 2, 1]


@pytest.fixture
def mixed(make_data: MakeData, picture: Callable[..., Pixels]) -> tuple[Path, list[Example]]:
    """Seven pictures of two classes and two splits, one of them without a face."""
    names = [
        *(f"a/test/real/{i}.png" for i in range(3)),
        *(f"a/test/fake/{i}.png" for i in range(3)),
        "a/val/real/9.png",
    ]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)}, without_face=[names[2]])
    return root, choose(root, cache)


def test_judge_gives_the_same_p_fake_as_the_product(mixed: tuple[Path, list[Example]], tiny_artifact: Path) -> None:
    root, examples = mixed
    found = [example for example in examples if example.box is not None]
    detector, progress = Detector(tiny_artifact), []
    p_fake = judge(detector, root, found, advance=progress.append)[CLEAN]
    expected = [detector.predict(face_crop(root, example)).probabilities["Fake"] for example in found]
    np.testing.assert_allclose(p_fake, expected, atol=1e-6)
    assert np.ptp(p_fake) > 0.01 and sum(progress) == len(found)


def test_judge_corrupts_the_crop_before_resizing(mixed: tuple[Path, list[Example]], tiny_artifact: Path) -> None:
    root, examples = mixed
    (example,) = [e for e in examples if e.split == "val"]
    detector, seen = Detector(tiny_artifact), face_crop(root, example)
    judged = judge(detector, root, [example], [CLEAN, "noise 40", "eyes 1.4"], seed=3)
    expected = detector.predict(corrupt(seen, "noise 40", seed=3)).probabilities["Fake"]
    assert judged["noise 40"][0] == pytest.approx(expected, abs=1e-6)
    # The square crop around the face box of the generated pictures (40 x 48): see conftest.
    square_x, square_y, scale = 8.0, 8.0, 256 / 48
    landmarks = (np.array(example.landmarks, np.float32) - [square_x, square_y]) * scale
    hidden = corrupt(seen, "eyes 1.4", landmarks.astype(np.float32))
    assert judged["eyes 1.4"][0] == pytest.approx(detector.predict(hidden).probabilities["Fake"], abs=1e-6)
    assert judged["eyes 1.4"][0] != judged[CLEAN][0]


def test_p_fake_does_not_depend_on_the_batch_size(
    mixed: tuple[Path, list[Example]], tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, examples = mixed
    found = [example for example in examples if example.box is not None]
    at_once = judge(Detector(tiny_artifact), root, found, ["noise 20"], seed=1)["noise 20"]
    monkeypatch.setattr(module, "BATCH", 4)
    np.testing.assert_allclose(judge(Detector(tiny_artifact), root, found, ["noise 20"], seed=1)["noise 20"], at_once)


def test_model_for_whole_pictures_gets_the_central_square(tmp_path: Path) -> None:
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 20:60] = 255
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    face = Example("a.png", "set", "test", "Fake", (0.0, 0.0, 20.0, 20.0), ((5.0, 5.0),) * 5)
    assert judge(Stub(sees="picture"), tmp_path, [face])[CLEAN] == pytest.approx([1.0])
    assert judge(Stub(), tmp_path, [face])[CLEAN] == pytest.approx([0.0])


def test_whole_pictures_of_any_size_are_judged_without_hiding_facial_parts(tmp_path: Path) -> None:
    examples = []
    for number, (size, level) in enumerate([((20, 50), 0), ((90, 30), 255)]):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((*size, 3), level, np.uint8))
        examples.append(Example(f"{number}.png", "set", "test", "Real", None, ()))
    judged = judge(Stub(), tmp_path, examples, [CLEAN, "nose 1", "brightness 0.4"])
    assert judged[CLEAN].tolist() == [0, 1] and judged["brightness 0.4"].tolist() == pytest.approx([0, 0.4])
    assert np.isnan(judged["nose 1"]).all()


def test_members_are_the_pictures_of_the_split_with_a_face(mixed: tuple[Path, list[Example]]) -> None:
    _, examples = mixed
    assert len(scorable_members(examples, "test", whole=False)["a"]) == 5
    assert len(scorable_members(examples, "test", whole=True)["a"]) == 6
    assert len(scorable_members(examples, "all", whole=False)["a"]) == 6
    with pytest.raises(DatasetError, match="no train pictures with a face"):
        scorable_members(examples, "train", whole=False)


# measure


def test_measures_have_counts_and_intervals() -> None:
    p_fake = np.array([10, 60, 140, 200, 120, 180, 230, 250]) / 255
    is_fake = np.array([False] * 4 + [True] * 4)
    figures = measure(SetScores("set", p_fake, is_fake, (0.4, 0.6)))
    functions = {**MEASURES, **FURTHER_MEASURES}
    counts = {"real", "fake", "inconclusive_share", "calibration_error_by_chance"}
    assert set(figures) == {*counts, "reliability", *functions, *verdict_measures((0.4, 0.6))}
    assert figures["calibration_error_by_chance"] == pytest.approx(calibration_error_by_chance(p_fake), abs=1e-4)
    assert (figures["real"], figures["fake"]) == (4, 4)
    for name, function in functions.items():
        assert figures[name]["value"] == pytest.approx(function(p_fake, is_fake), abs=1e-4)
        assert figures[name]["low"] <= figures[name]["high"]
    assert figures["inconclusive_share"] == 2 / 8, "140 and 120 are between .4 and .6"
    assert figures["false_accusation_rate"]["value"] == 0.5 and figures["miss_rate"]["value"] == 0.25


def test_bins_of_the_calibration_error_are_reported() -> None:
    p_fake, is_fake = np.array([0.02, 0.08, 0.55, 0.98]), np.array([False, True, False, True])
    figures = measure(SetScores("set", p_fake, is_fake))
    bins = figures["reliability"]
    assert [(part["low"], part["high"], part["count"]) for part in bins] == [
        (0.0, 0.1, 2),
        (0.5, 0.6, 1),
        (0.9, 1.0, 1),
    ]
    assert (bins[0]["stated"], bins[0]["observed"]) == (0.05, 0.5)
    assert bins[0]["interval"][0] < 0.5 < bins[0]["interval"][1]
    error = sum(part["count"] * abs(part["stated"] - part["observed"]) for part in bins) / len(p_fake)
    assert error == pytest.approx(figures["expected_calibration_error"]["value"], abs=1e-4)
    assert json.loads(json.dumps(bins)) == bins


def test_verdict_rates_count_the_verdicts_of_the_page() -> None:
    p_fake, is_fake = np.array([0.1, 0.5, 0.9, 0.2, 0.5, 0.95]), np.array([False] * 3 + [True] * 3)
    figures = measure(SetScores("set", p_fake, is_fake, (0.4, 0.6)))
    assert figures["verdict_false_accusation_rate"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["verdict_miss_rate"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["verdict_error_rate"]["value"] == 0.5, "two of the four that got a verdict"
    assert figures["false_accusation_rate"]["value"] == pytest.approx(2 / 3, abs=1e-4)


def test_verdict_rates_without_a_band_are_the_plain_rates() -> None:
    p_fake, is_fake = np.array([0.1, 0.5, 0.9, 0.2, 0.5, 0.95]), np.array([False] * 3 + [True] * 3)
    figures = measure(SetScores("set", p_fake, is_fake))
    for name in ("false_accusation_rate", "miss_rate"):
        assert figures[f"verdict_{name}"]["value"] == figures[name]["value"]


def test_set_of_one_class_leaves_out_measures_of_both_classes() -> None:
    figures = measure(SetScores("set", np.array([0.1, 0.8, 0.2]), np.zeros(3, bool), (0.4, 0.6)))
    assert not {"auc", "miss_rate", "expected_calibration_error", "f1_fake", "groups", "reliability"} & set(figures)
    assert figures["fake"] == 0 and figures["false_accusation_rate"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert json.loads(json.dumps(figures)) == figures


# groups


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        (UTK, {"age": "20 to 39", "sex": "female", "race as labelled": "Asian"}),
        ("a/b/9_0_0_20170105174739309.jpg", {"age": "0 to 9", "sex": "male", "race as labelled": "White"}),
        ("101_0_4_20170105174739309.jpg", {"age": "60 and over", "sex": "male", "race as labelled": "other"}),
        ("999_0_4_20170105174739309.jpg", {"sex": "male", "race as labelled": "other"}),
        ("35_2_0_20170105174739309.jpg", {}),
        ("35_1_0_7.jpg", {}),
        ("easy_108_1111.png", {}),
    ],
)
def test_groups_are_read_from_file_names_of_utkface(name: str, groups: dict[str, str]) -> None:
    assert groups_of(name) == groups


@pytest.mark.slow
def test_rates_of_a_group_are_computed_from_its_pictures() -> None:
    paths = [f"{age}_{sex}_0_20170105174739309.jpg" for age in (5, 30) for sex in (0, 1)] + ["unknown.jpg"]
    figures = group_figures(paths, np.array([0.9, 0.8, 0.1, 0.7, 0.99]), np.zeros(5, bool))
    assert figures["age"]["0 to 9"]["false_accusation_rate"]["value"] == 1
    assert figures["age"]["20 to 39"]["false_accusation_rate"]["value"] == 0.5
    assert figures["sex"]["male"] == {
        "real": 2,
        "fake": 0,
        "false_accusation_rate": figures["age"]["20 to 39"]["false_accusation_rate"],
    }
    assert figures["race as labelled"]["White"]["real"] == 4, "a picture without attributes in its name is in no group"
    assert group_figures(["a.jpg"], np.array([0.5]), np.array([True])) == {}


def test_groups_are_reported_with_the_figures_of_a_set() -> None:
    scores = SetScores("faces", np.array([0.9, 0.1]), np.zeros(2, bool))
    assert "groups" in measure(scores, [UTK, UTK]) and "groups" not in measure(scores, ["a.jpg", "b.jpg"])


# attention_peaks


@pytest.fixture
def fakes(make_data: MakeData) -> tuple[Path, list[Example]]:
    """Two bright fakes, changed in the upper left and in the middle of the face, and a dark one, not detected."""
    bright, dark = np.full((64, 64, 3), 200, np.uint8), np.full((64, 64, 3), 20, np.uint8)
    names = {"a.png": bright, "b.png": bright, "c.png": dark, "nomask.png": bright}
    root, cache = make_data({f"set/fake/{name}": pixels for name, pixels in names.items()})
    (root / "mask").mkdir()
    corner, middle = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    corner[8:24, 8:24], middle[28:36, 28:36] = 255, 255
    for name, mask in {"a.png": corner, "b.png": middle, "c.png": corner}.items():
        assert cv2.imwrite(str(root / "mask" / name), mask)
    examples = [
        replace(example, mask=None if "nomask" in example.path else f"mask/{Path(example.path).name}")
        for example in choose(root, cache)
    ]
    return root, examples


@pytest.mark.parametrize(("peak", "share"), [((0, 0), 0.5), ((3, 3), 0.0)])
def test_peak_inside_the_change_is_counted(
    fakes: tuple[Path, list[Example]], peak: tuple[int, int], share: float
) -> None:
    assert attention_peaks(Stub(peak=peak), *fakes) == {"attention": share, "centre": 0.5, "fakes": 2}


def test_rows_and_columns_are_not_confused(fakes: tuple[Path, list[Example]]) -> None:
    root, examples = fakes
    lower_left = np.zeros((64, 64), np.uint8)
    lower_left[44:56, 8:20] = 255
    assert cv2.imwrite(str(root / "mask" / "a.png"), lower_left)
    example = [example for example in examples if example.path.endswith("a.png")]
    assert attention_peaks(Stub(peak=(3, 0)), root, example)["attention"] == 1
    assert attention_peaks(Stub(peak=(0, 3)), root, example)["attention"] == 0


def test_without_detected_fakes_there_is_no_share(fakes: tuple[Path, list[Example]]) -> None:
    root, examples = fakes
    dark = [example for example in examples if example.path.endswith("c.png")]
    assert attention_peaks(Stub(), root, dark) == {"fakes": 0}
