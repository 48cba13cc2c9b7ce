"""Tests of keeping imported models as model folders: made once, exact, and carded as the owner wants it."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explain.html import fragments as words
from model.artifact.card import CONFIG, LEGACY, TFLITE, WEIGHTS, digest, load_artifact, read_card, write_card
from model.artifact.facts import assumed_labels
from model.artifact.preprocessing import Preprocessing
from model.artifact.views import PLAIN, STEADY, View
from model.detector.detector import Detector
from model.detector.engine import Engine
from model.errors import ArtifactError
from model.legacy import folder as legacy_folder
from model.legacy.apart import UNFINISHED, convert, put_in_place
from model.legacy.card import given_fields
from model.legacy.folder import CACHE_VARIABLE, cache_root, model_folder
from model.legacy.import_command import write_beside
from model.model_card.document import markdown
from model.networks.export import load_keras
from model.paths import SHIPPED

DATA = Path(__file__).parents[2] / "data" / "legacy"
NAME = "best_model_effatt.h5"
PAIRS = ("keras2_softmax", "keras2_sigmoid", "keras3_softmax")
pytestmark = pytest.mark.slow  # each uses a cache in which three networks were imported


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the small files were imported."""
    cache = tmp_path_factory.mktemp("cache")
    for pair in PAIRS:
        h5 = DATA / pair / NAME
        convert(h5, None, cache / digest(h5))
    return cache


@pytest.fixture
def cache(imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that is in use, and from which nothing is imported again."""

    def forbidden(*_: object) -> None:
        pytest.fail("the file was imported again")

    monkeypatch.setattr(legacy_folder, "convert_apart", forbidden)
    monkeypatch.setenv(CACHE_VARIABLE, str(shutil.copytree(imported, tmp_path / "cache")))
    return tmp_path / "cache"


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """The Keras 2 file with its labels, in a folder of its own."""
    return shutil.copytree(DATA / "keras2_softmax", tmp_path / "own") / NAME


def refusal(h5: Path, labels: Path | None = None) -> str:
    with pytest.raises(ArtifactError) as caught:
        model_folder(h5, labels)
    sentence = str(caught.value)
    assert sentence.endswith(".") and str(h5.parent) not in sentence
    return sentence


def beside(h5: Path, **fields: Any) -> None:
    (h5.parent / "card.json").write_text(json.dumps(fields))


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("folder", PAIRS)
def test_both_forms_answer_as_the_original(folder: str) -> None:
    made = model_folder(DATA / folder / NAME)
    with np.load(DATA / folder / "expected.npz") as stored:
        pixels, outputs, attention = stored["pixels"].astype(np.float32), stored["outputs"], stored["attention"]
    probabilities = outputs if outputs.shape[1] == 2 else np.hstack([1 - outputs, outputs])
    for answer in (Engine(made / TFLITE)(pixels), load_keras(made)(pixels)):
        np.testing.assert_allclose(np.asarray(answer["probabilities"]), probabilities, atol=1e-5)
        np.testing.assert_allclose(np.asarray(answer["attention"]), attention, atol=1e-5)


def test_card_is_that_of_the_thesis(cache: Path, pair: Path) -> None:
    folder = model_folder(pair)
    card = load_artifact(folder)
    assert folder == cache / digest(pair)
    assert card.architecture == LEGACY and card.labels == ("Fake", "Real") and card.temperature is None
    assert card.preprocessing == Preprocessing(128, "BGR", 1.0, 0.0)
    assert set(card.sha256) == {TFLITE, WEIGHTS, CONFIG}
    assert card.training["imported"]["sha256"] == digest(pair)
    assert "36 weights were loaded." in card.training["imported"]["report"]


@pytest.mark.usefixtures("cache")
def test_detector_swaps_colours_for_the_network(pair: Path) -> None:
    """The network saw BGR; the product's crops are RGB."""
    with np.load(pair.parent / "expected.npz") as stored:
        pixels, outputs = stored["pixels"], stored["outputs"]
    rgb = np.ascontiguousarray(pixels[..., ::-1])
    np.testing.assert_allclose(Detector(model_folder(pair)).probabilities(rgb), outputs, atol=1e-5)


@pytest.mark.usefixtures("cache")
def test_card_beside_the_file_sets_what_it_names_and_no_more(pair: Path) -> None:
    beside(
        pair,
        preprocessing={"color_order": "RGB", "value_scale": 1 / 255},
        labels=["real", "fake"],
        temperature=1.5,
        inconclusive_band=[0.3, 0.7],
    )
    card = load_artifact(model_folder(pair))
    assert card.preprocessing == Preprocessing(128, "RGB", 1 / 255, 0.0)
    assert card.labels == ("Real", "Fake") and card.temperature == 1.5 and card.inconclusive_band == (0.3, 0.7)
    assert card.licence == "the owner's" and card.fake_bias == 0


@pytest.mark.usefixtures("cache")
def test_what_the_card_beside_the_file_says_no_more_is_as_it_was_imported(pair: Path) -> None:
    before = load_artifact(model_folder(pair))
    beside(
        pair,
        labels=["real", "fake"],
        temperature=1.5,
        fake_bias=0.3,
        inconclusive_band=[0.3, 0.7],
        licence="mine",
        metrics={"test": {"x": 1}},
        training={"epochs": 3},
        preprocessing={"value_scale": 0.5},
    )
    changed = load_artifact(model_folder(pair))
    assert (changed.temperature, changed.licence, changed.training["epochs"]) == (1.5, "mine", 3)
    assert changed.training["imported"]["report"] == before.training["imported"]["report"]
    beside(pair, licence="mine", labels=["real", "fake"], preprocessing={"value_scale": 0.5})
    changed = load_artifact(model_folder(pair))
    assert (changed.temperature, changed.fake_bias, changed.inconclusive_band) == (None, 0, (0.4, 0.6))
    assert changed.licence == "mine" and changed.labels == ("Real", "Fake") and changed.metrics == {}
    (pair.parent / "card.json").unlink()
    assert load_artifact(model_folder(pair)) == before


@pytest.mark.usefixtures("cache")
def test_record_of_a_calibration_stays_as_long_as_the_calibration(pair: Path) -> None:
    folder = model_folder(pair)
    card, record = load_artifact(folder), {"real": 12, "fake": 12}
    write_card(folder, replace(card, temperature=1.5, training={**card.training, "calibration": record}))
    assert load_artifact(model_folder(pair)).training["calibration"] == record
    beside(pair, labels=["real", "fake"])
    changed = load_artifact(model_folder(pair))
    assert changed.temperature is None and "calibration" not in changed.training


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("change", [{"preprocessing": {"color_order": "RGB"}}, {"labels": ["Real", "Fake"]}])
def test_calibration_ends_with_what_it_was_fitted_for(pair: Path, change: dict[str, Any]) -> None:
    folder = model_folder(pair)
    fitted = {"temperature": 1.7, "fake_bias": -0.2, "inconclusive_band": (0.35, 0.65), "metrics": {"test": {"x": 1}}}
    write_card(folder, replace(read_card(folder), **fitted))
    beside(pair, **change)
    for _ in range(2):
        card = read_card(model_folder(pair))
        assert (card.temperature, card.fake_bias, card.inconclusive_band, card.metrics) == (None, 0, (0.4, 0.6), {})
        (pair.parent / "card.json").unlink(missing_ok=True)


@pytest.mark.usefixtures("cache")
def test_calibration_that_was_fitted_over_a_given_one_stays_when_that_goes(pair: Path) -> None:
    beside(pair, temperature=2.0)
    folder = model_folder(pair)
    assert read_card(folder).temperature == 2
    write_card(folder, replace(read_card(folder), temperature=1.7))
    (pair.parent / "card.json").unlink()
    assert read_card(model_folder(pair)).temperature == 1.7


@pytest.mark.usefixtures("cache")
def test_card_that_names_a_digest_is_of_that_file_alone(pair: Path) -> None:
    for sha256, temperature in (({"x": "0" * 64}, None), ({NAME: digest(pair)}, 2.0), ({}, 2.0)):
        beside(pair, temperature=2.0, sha256=sha256)
        assert read_card(model_folder(pair)).temperature == temperature


@pytest.mark.usefixtures("cache")
def test_word_on_a_lambda_is_kept_apart(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It decides what the network computes: without it, a file that was imported by it is looked at again."""
    folder = model_folder(pair)
    beside(pair, **{"lambda": "divide"})
    monkeypatch.setattr(legacy_folder, "convert_apart", convert)
    assert model_folder(pair).name == f"{folder.name}-divide"
    assert read_card(model_folder(pair)).training["imported"]["sha256"] == digest(pair)
    beside(pair, **{"lambda": "multiply"})
    assert '"lambda": "divide"' in refusal(pair)


def test_null_lambda_says_nothing(tmp_path: Path) -> None:
    beside(tmp_path / NAME, **{"lambda": None, "licence": "mine"})
    assert given_fields(tmp_path / NAME) == {"licence": "mine"}


def test_another_process_that_was_first_is_believed(cache: Path, pair: Path) -> None:
    folder, other = cache / digest(pair), cache / "other"
    shutil.copytree(folder, other)
    inode = (folder / TFLITE).stat().st_ino
    put_in_place(other, folder)
    assert (folder / TFLITE).stat().st_ino == inode and other.exists()
    (folder / TFLITE).unlink()
    put_in_place(other, folder)
    assert load_artifact(folder) and not other.exists()


def test_left_over_folders_are_cleared_and_those_in_use_kept(cache: Path) -> None:
    old, new = cache / f"{UNFINISHED}old", cache / f"{UNFINISHED}new"
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    legacy_folder.prepare(cache)
    assert new.exists() and not old.exists()


def test_cache_is_tried_before_the_long_work(pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        pytest.fail("the file was imported in vain")

    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(legacy_folder, "convert_apart", forbidden)
    assert f"set {CACHE_VARIABLE}" in refusal(pair)


def test_without_a_home_folder_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(ArtifactError, match=f"set {CACHE_VARIABLE}"):
        cache_root()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("Can't write data (errno = 28,\nerror message = 'No space left on device', buf = 0x1)"),
    ],
)
def test_full_disk_is_said_in_one_line(
    cache: Path, pair: Path, error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise error

    shutil.rmtree(cache)
    monkeypatch.setattr(legacy_folder, "convert_apart", full)
    sentence = refusal(pair)
    assert "(No space left on device); set" in sentence and "\n" not in sentence


@pytest.mark.usefixtures("cache")
def test_calibration_and_figures_of_the_folder_survive_the_next_start(pair: Path) -> None:
    folder = model_folder(pair)
    fitted = {"temperature": 1.7, "fake_bias": -0.2, "inconclusive_band": (0.35, 0.65), "metrics": {"test": {"x": 1}}}
    write_card(folder, replace(read_card(folder), **fitted))
    write_beside(pair, replace(read_card(folder), temperature=None), force=True)
    card = read_card(model_folder(pair))
    assert {name: getattr(card, name) for name in fitted} == fitted


@pytest.mark.usefixtures("cache")
def test_views_go_with_the_calibration(pair: Path) -> None:
    folder = model_folder(pair)
    write_card(folder, replace(read_card(folder), temperature=1.7, views=STEADY))
    assert read_card(model_folder(pair)).views == STEADY, "fitted since the import"
    beside(pair, temperature=2.0, views=[{"right": 0.03}, {"mirrored": True}])
    assert read_card(model_folder(pair)).views == (View(right=0.03), View(mirrored=True))
    beside(pair, temperature=2.0)
    assert read_card(model_folder(pair)).views == PLAIN, "the owner no longer says so"
    beside(pair, views=[{"tilted": 1}])
    assert "views" in refusal(pair) and "mirrored" in refusal(pair)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"preprocessing": {"input_size": 64}}, "input_size is 64, but the network's input has 128 pixels"),
        ({"preprocessing": {"color_order": "CMYK"}}, "RGB or BGR"),
        ({"preprocessing": {"mean": 3}}, "mean"),
        ({"preprocessing": 3}, "wrong field"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": 10**400}, "wrong field"),
        ({"preprocessing": {"value_scale": 10**400}}, "wrong field"),
        ({"preprocessing": {"input_size": 1e400}}, "input_size is inf"),
        ({"licence": 5}, "licence must be text, not 5"),
        ({"metrics": []}, "metrics must be an object"),
        ({"training": []}, "wrong field"),
        ({"inconclusive_band": 3}, "wrong field"),
        ({"threshold": 0.5}, "threshold"),
        ({"labels": ["cat", "dog"]}, "'cat', 'dog'"),
        ({"labels": "Fake"}, "'Fake'"),
    ],
)
def test_wrong_card_beside_the_file_is_refused(pair: Path, fields: dict[str, Any], words: str) -> None:
    beside(pair, **fields)
    sentence = refusal(pair)
    assert words in sentence and "card.json" in sentence


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_card_beside_the_file_that_is_no_card_is_refused(pair: Path, content: bytes) -> None:
    (pair.parent / "card.json").write_bytes(content)
    assert "card.json beside best_model_effatt.h5" in refusal(pair)


@pytest.mark.usefixtures("cache")
def test_given_labels_count_more_than_the_card(pair: Path) -> None:
    beside(pair, labels=["Real", "Fake"])
    assert read_card(model_folder(pair)).labels == ("Real", "Fake")
    assert read_card(model_folder(pair, pair.parent / "label_transform.pkl")).labels == ("Fake", "Real")


@pytest.mark.usefixtures("cache")
def test_labels_default_to_those_of_the_thesis(pair: Path) -> None:
    (pair.parent / "label_transform.pkl").unlink()
    assert read_card(model_folder(pair)).labels == ("Fake", "Real")
    assert "no file named.pkl" in refusal(pair, pair.parent / "named.pkl")


@pytest.mark.usefixtures("cache")
def test_where_the_labels_come_from_is_told(pair: Path) -> None:
    pickled = pair.parent / "label_transform.pkl"
    spare = Path(shutil.copy(pickled, pair.parent / "spare.pkl"))
    assert assumed_labels(read_card(model_folder(pair))) == ""
    pickled.unlink()
    card = read_card(model_folder(pair))
    assert "Fake = 0, Real = 1" in assumed_labels(card)
    assert assumed_labels(card) in words.scope(card) and assumed_labels(card) in markdown(card)
    beside(pair, labels=["Real", "Fake"])
    assert assumed_labels(read_card(model_folder(pair))) == ""
    (pair.parent / "card.json").unlink()
    assert assumed_labels(read_card(model_folder(pair, spare))) == ""
    assert assumed_labels(read_card(SHIPPED)) == ""


@pytest.mark.usefixtures("cache")
def test_assumed_labels_are_not_written_as_the_owners_word(pair: Path) -> None:
    (pair.parent / "label_transform.pkl").unlink()
    write_beside(pair, read_card(model_folder(pair)), force=False)
    assert "labels" not in json.loads((pair.parent / "card.json").read_text())
    assert assumed_labels(read_card(model_folder(pair)))


@pytest.mark.usefixtures("cache")
def test_hostile_labels_stop_the_model_and_run_nothing(
    pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(DATA / "hostile" / "label_transform.pkl", pair.parent)
    assert "posix.system" in refusal(pair)
    assert not (tmp_path / "legacy_file_was_executed").exists()


def test_damaged_folder_is_made_again(cache: Path, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, told = cache / digest(pair), []
    (folder / TFLITE).write_bytes(b"spoilt")
    monkeypatch.setattr(legacy_folder, "convert_apart", convert)
    assert model_folder(pair, tell=told.append) == folder
    assert load_artifact(folder) and [path for path in cache.iterdir() if path.name.startswith(".")] == []
    assert len(told) == 5 and all(NAME in str(said) for said in told)


@pytest.mark.parametrize("recorded", [{"format": 1}, {}, None, "text"])
def test_folder_of_an_earlier_importer_is_made_again(
    cache: Path, pair: Path, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it held wrong would stay wrong otherwise."""
    folder = model_folder(pair)
    write_card(folder, replace(read_card(folder), training={} if recorded is None else {"imported": recorded}))
    asked: list[Path] = []

    def again(h5: Path, labels: Path | None, target: Path, tell: object) -> None:
        asked.append(target)
        raise ArtifactError(f"{h5.name} was imported again.")

    monkeypatch.setattr(legacy_folder, "convert_apart", again)
    assert "imported again" in refusal(pair) and asked == [folder]


def test_description_that_was_changed_is_noticed(cache: Path, pair: Path) -> None:
    folder = cache / digest(pair)
    (folder / CONFIG).write_text("{}")
    with pytest.raises(ArtifactError, match=f"{CONFIG} is not the file that its card describes"):
        load_keras(folder)


def test_refused_file_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="code in the file"):
        convert(DATA / "hostile" / "one_input.h5", None, tmp_path / "cache" / "x")
    assert not (tmp_path / "cache").exists()


def test_cache_that_cannot_be_written_is_named(pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    monkeypatch.setattr(legacy_folder, "convert_apart", convert)
    with pytest.raises(ArtifactError, match=f"can't be kept in .*set {CACHE_VARIABLE} to a folder that can be written"):
        model_folder(pair)


def test_cache_lies_in_the_home_folder_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    assert cache_root() == Path.home() / ".cache" / "whyfake"


def test_import_happens_in_a_process_of_its_own(pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    folder = model_folder(pair)
    assert Detector(folder, "mine").name == "mine"
    with pytest.raises(ArtifactError, match="code in the file"):
        model_folder(DATA / "hostile" / "one_input.h5", pair.parent / "label_transform.pkl")
