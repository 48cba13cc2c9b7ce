"""Tests of the calibration command: the pictures that it uses, and the card and the files that it writes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import load_artifact, write_card
from model.artifact.views import PLAIN, STEADY
from model.data.dataset import choose, face_crops, gather
from model.data.split import write_split
from model.detector.detector import Detector
from model.errors import DatasetError
from model.evaluation import calibrate as module
from model.evaluation.calibrate import calibrate
from model.evaluation.fit_calibration import calibrate_scores
from model.evaluation.metrics import expected_calibration_error

Floats = NDArray[np.float64]


@pytest.fixture(autouse=True)
def few_charts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws no diagrams, which take nearly all the time of a calibration; slow tests check them."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(module, "chart", lambda *_: None)
        monkeypatch.setattr(module, "save", lambda *_: None)


@pytest.mark.slow
@pytest.mark.parametrize("labels", [("Fake", "Real"), ("Real", "Fake")])
def test_command_writes_the_fitted_calibration(
    folder: Path,
    make_data: Callable[..., tuple[Path, Path]],
    picture: Callable[..., NDArray[np.uint8]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    labels: tuple[str, str],
) -> None:
    """Labels agree with the model's raw verdicts except for one picture in four, so that there is something to fit."""
    uncalibrated = {"temperature": None, "fake_bias": 0.0, "metrics": {}}
    write_card(folder, replace(load_artifact(folder), labels=labels, **uncalibrated))
    raw = Detector(folder)
    names = {}
    for seed in range(12):
        split = "test" if seed > 9 else "val"
        dataset = "large" if seed > 2 else "small"
        fake = (raw.predict(picture(seed)).probabilities["Fake"] > 0.5) != (seed % 4 == 1)
        names[f"{dataset}/{split}/{'fake' if fake else 'real'}/{seed}.png"] = picture(seed)
    root, cache = make_data(names)
    calibrate(folder, root, tmp_path / "out", faces=cache)

    card, before = load_artifact(folder), raw.card
    fitted = {"temperature": None, "fake_bias": 0.0, "inconclusive_band": before.inconclusive_band, "training": {}}
    assert replace(card, **fitted) == before, "no other field may change"
    p_raw, is_fake = scores_of(raw, root, cache)
    expected = calibrate_scores(p_raw, is_fake)
    assert card.temperature == pytest.approx(expected.temperature, rel=1e-3)
    assert card.fake_bias == pytest.approx(expected.fake_bias, abs=1e-3) and card.fake_bias != 0
    assert card.inconclusive_band == expected.band
    # The product must compute the same probabilities as the fit.
    large = p_raw["large"]
    p_fake = 1 / (1 + np.exp(-(np.log(large / (1 - large)) / expected.temperature + expected.fake_bias)))
    product = scores_of(Detector(folder), root, cache)[0]["large"]
    np.testing.assert_allclose(product, p_fake, atol=1e-3)
    printed = capsys.readouterr().out
    assert f"temperature {card.temperature:.3f}" in printed and "the model was trained on" in printed
    written = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert written["temperature"] == card.temperature and written["sets"] == ["large", "small"]
    assert written["band_chosen_on"] == card.training["calibration"]["band_chosen_on"] == {}
    for when, scores in (("before", large), ("after", p_fake)):
        error = expected_calibration_error(scores, is_fake["large"])
        assert written["calibration_error"]["large"][when] == pytest.approx(error, abs=1e-3)
        assert (tmp_path / "out" / f"large_{when}.png").stat().st_size > 1000
    arguments = json.loads((tmp_path / "out" / "arguments.json").read_text())
    assert (arguments["seed"], arguments["data"], arguments["faces"]) == (0, root.name, cache.name), "names, not paths"


def test_calibration_on_few_pictures_gives_a_warning_and_is_recorded(
    folder: Path, make_data: Callable[..., tuple], picture: Callable[..., NDArray], capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"one/val/{label}/{number}.png" for label in ("real", "fake") for number in range(3)]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    calibrate(folder, root, root.parent / "out", faces=cache)
    card = load_artifact(folder)
    assert (card.training["calibration"]["real"], card.training["calibration"]["fake"]) == (3, 3)
    assert "WARNING Calibrated on only 3 real and 3 fake pictures" in capsys.readouterr().out
    assert card.inconclusive_band == (0.15, 0.85)


# pictures that are used


@pytest.fixture
def sources(make_data: Callable[..., tuple[Path, Path]], picture: Callable[..., NDArray[np.uint8]]) -> tuple:
    """One set of both classes, further sets of one class alone, and one for the final test, all with splits."""
    counts = {
        **{f"both/{split}/{label}": 3 for split in ("train", "val", "test") for label in ("real", "fake")},
        **{f"real_{name}/{split}/real": 2 for name in ("seen", "one", "two") for split in ("train", "val", "test")},
        **{f"fake_out/{split}/fake": 2 for split in ("train", "val", "test")},
        **{f"unseen_exam/{split}/{label}": 2 for split in ("train", "val", "test") for label in ("real", "fake")},
    }
    names = [f"{folder}/{number}.png" for folder, count in counts.items() for number in range(count)]
    return make_data({name: picture(seed) for seed, name in enumerate(names)})


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of all pictures that the model judges."""
    seen: list[str] = []
    raw_p_fake = module.raw_p_fake

    def watch(detector: Detector, data: Path, members: dict) -> dict:
        seen.extend(example.path for examples in members.values() for example in examples)
        return raw_p_fake(detector, data, members)

    monkeypatch.setattr(module, "raw_p_fake", watch)
    return seen


def folders(paths: list[str]) -> set[str]:
    """Set and split of each picture, as ``set/split``."""
    return {"/".join(Path(path).parts[:2]) for path in paths}


VALIDATED = {f"{name}/val" for name in ("both", "real_seen", "real_one", "real_two", "fake_out")}


def write_training(folder: Path, left_out: list[str] | None) -> None:
    """Write into the model's card that its training left out these sets."""
    data = dict.fromkeys(("both", "real_seen", "real_one", "real_two", "fake_out"), "")
    training = {"data": data, "arguments": {} if left_out is None else {"leave_out": left_out}}
    write_card(folder, replace(load_artifact(folder), training=training))


def test_validation_pictures_of_all_sets_are_used_and_test_pictures_never(
    folder: Path, sources: tuple[Path, Path], judged: list[str]
) -> None:
    write_training(folder, None)
    calibrate(folder, sources[0], sources[0].parent / "out", faces=sources[1])
    assert folders(judged) == VALIDATED and len(judged) == 3 * 2 + 4 * 2
    assert load_artifact(folder).training["calibration"]["band_chosen_on"] == {}


@pytest.mark.parametrize("named", [True, False])
def test_training_pictures_of_left_out_sets_are_also_used(
    folder: Path, sources: tuple[Path, Path], judged: list[str], capsys: pytest.CaptureFixture[str], named: bool
) -> None:
    left_out = ["fake_out", "real_one", "real_two"]
    write_training(folder, [*left_out, "elsewhere"])
    out = sources[0].parent / "out"
    calibrate(folder, sources[0], out, faces=sources[1], unseen=left_out if named else None)
    assert folders(judged) == VALIDATED | {f"{name}/train" for name in left_out}
    record = load_artifact(folder).training["calibration"]
    assert set(record["band_chosen_on"]) == {"real_one", "real_two"}, "a set of fakes cannot be falsely accused"
    assert all(source["real"] == 4 and 0 <= source["accused"] <= 1 for source in record["band_chosen_on"].values())
    assert (record["real"], record["fake"]) == (3 + 2 + 2 * 4, 3 + 4)
    assert json.loads((out / "calibration.json").read_text())["band_chosen_on"] == record["band_chosen_on"]
    assert "real_two, unseen:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("unseen_exam", "reserved for the final test"),
        ("real_seen", "trained on it"),
        ("nowhere", "no data set 'nowhere' among both, fake_out"),
    ],
)
def test_sets_that_are_not_unseen_are_refused(
    folder: Path, sources: tuple[Path, Path], judged: list[str], named: str, words: str
) -> None:
    write_training(folder, ["real_one"])
    with pytest.raises(DatasetError, match=words):
        calibrate(folder, sources[0], sources[0].parent / "out", faces=sources[1], unseen=["real_one", named])
    assert judged == []


def test_set_of_the_final_test_is_not_used_even_if_the_card_names_it(
    folder: Path, sources: tuple[Path, Path], judged: list[str]
) -> None:
    write_training(folder, ["unseen_exam"])
    calibrate(folder, sources[0], sources[0].parent / "out", faces=sources[1])
    assert folders(judged) == VALIDATED


@pytest.fixture
def small_data(make_data: Callable[..., tuple[Path, Path]], picture: Callable[..., NDArray[np.uint8]]) -> tuple:
    """Twelve pictures of each class without splits."""
    names = [f"{label}/{number}.png" for label in ("real", "fake") for number in range(12)]
    return make_data({name: picture(seed) for seed, name in enumerate(names)})


@pytest.mark.slow
def test_figures_of_the_old_calibration_are_removed_from_the_card(
    folder: Path, small_data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, cache = small_data
    calibrate(folder, root, tmp_path / "out", faces=cache)
    assert "measure again" not in capsys.readouterr().out, "there were no figures"
    metrics = {"test": {"one": {"miss_rate": 0.1}}, "transfer": {"net": {}}}
    write_card(folder, replace(load_artifact(folder), metrics=metrics))
    calibrate(folder, root, tmp_path / "out", faces=cache)
    assert load_artifact(folder).metrics == {"transfer": {"net": {}}}
    assert "measure again" in capsys.readouterr().out


@pytest.mark.slow
def test_changed_views_are_saved_and_figures_of_the_old_views_are_removed(
    folder: Path, small_data: tuple[Path, Path], tmp_path: Path
) -> None:
    root, cache = small_data
    measured = {"transfer": {"net": {}}, "cost": {"lime_seconds": 1.0}}
    write_card(folder, replace(load_artifact(folder), metrics=measured))
    calibrate(folder, root, tmp_path / "out", faces=cache, steady=False)
    assert load_artifact(folder).views == PLAIN and load_artifact(folder).metrics == measured
    plain = load_artifact(folder).temperature
    calibrate(folder, root, tmp_path / "out", faces=cache, steady=True)
    card = load_artifact(folder)
    assert card.views == STEADY and card.metrics == {} and card.temperature != plain
    calibrate(folder, root, tmp_path / "out", faces=cache)
    assert load_artifact(folder).views == STEADY, "the views of the card stay by default"


def test_validation_pictures_of_the_training_run_are_used(
    folder: Path, small_data: tuple[Path, Path], tmp_path: Path, judged: list[str]
) -> None:
    root, cache = small_data
    run = gather(root, cache, 3)
    write_split(folder, run)
    calibrate(folder, root, tmp_path / "out", faces=cache, seed=0)
    expected = sorted(example.path for example in run if example.split == "val")
    assert sorted(judged) == expected != sorted(e.path for e in gather(root, cache, 0) if e.split == "val")


@pytest.mark.parametrize(("trained_on", "warned"), [("whole pictures", True), ("face crops", False)])
def test_pictures_unlike_the_training_pictures_give_a_warning(
    folder: Path,
    small_data: tuple[Path, Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    trained_on: str,
    warned: bool,
) -> None:
    write_card(folder, replace(load_artifact(folder), training={"pictures": trained_on}))
    with caplog.at_level(logging.WARNING):
        calibrate(folder, small_data[0], tmp_path / "out", faces=small_data[1])
    words = "net was trained on whole pictures, but gets face crops; run the command with --whole-pictures"
    assert (words in caplog.text) is warned


def scores_of(detector: Detector, root: Path, cache: Path) -> tuple[dict[str, Floats], dict[str, NDArray[np.bool_]]]:
    """P(Fake) and truth of the validation pictures of each of the two sets."""
    sets = face_crops(root, choose(root, cache), "val")
    assert {name: len(crops) for name, (crops, _) in sets.items()} == {"small": 3, "large": 7}
    fake = detector.card.labels.index("Fake")
    return (
        {name: detector.probabilities(crops)[:, fake] for name, (crops, _) in sets.items()},
        {name: is_fake for name, (_, is_fake) in sets.items()},
    )


@pytest.mark.parametrize(
    ("split", "words"), [("test", "no val pictures with a face"), ("val", "no val pictures of both classes")]
)
def test_folder_without_validation_pictures_is_refused(
    tiny_artifact: Path, make_data: Callable[..., tuple], split: str, words: str
) -> None:
    root, cache = make_data({f"one/{split}/real/a.png": np.full((64, 64, 3), 127, np.uint8)})
    with pytest.raises(DatasetError, match=words):
        calibrate(tiny_artifact, root, root.parent / "out", faces=cache)
