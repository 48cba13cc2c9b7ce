"""Tests of caching imported models as model folders: created once, exact, and created again if outdated or damaged."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.artifact.card import CONFIG, LEGACY, TFLITE, WEIGHTS, digest, load_artifact, read_card, write_card
from model.artifact.preprocessing import Preprocessing
from model.detector.detector import Detector
from model.detector.engine import Engine
from model.errors import ArtifactError
from model.legacy import folder as legacy_folder
from model.legacy.apart import UNFINISHED, convert, put_in_place
from model.legacy.folder import CACHE_VARIABLE, cache_root, model_folder
from model.networks.export import load_keras
from tests.model.legacy.folder.pairs import DATA, NAME, PAIRS, refusal

pytestmark = pytest.mark.slow  # each test uses a cache with three imported networks


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("folder", PAIRS)
def test_litert_and_keras_give_the_outputs_of_the_original(folder: str) -> None:
    made = model_folder(DATA / folder / NAME)
    with np.load(DATA / folder / "expected.npz") as stored:
        pixels, outputs, attention = stored["pixels"].astype(np.float32), stored["outputs"], stored["attention"]
    probabilities = outputs if outputs.shape[1] == 2 else np.hstack([1 - outputs, outputs])
    for answer in (Engine(made / TFLITE)(pixels), load_keras(made)(pixels)):
        np.testing.assert_allclose(np.asarray(answer["probabilities"]), probabilities, atol=1e-5)
        np.testing.assert_allclose(np.asarray(answer["attention"]), attention, atol=1e-5)


def test_card_has_the_preprocessing_and_labels_of_the_thesis(cache: Path, pair: Path) -> None:
    folder = model_folder(pair)
    card = load_artifact(folder)
    assert folder == cache / digest(pair)
    assert card.architecture == LEGACY and card.labels == ("Fake", "Real") and card.temperature is None
    assert card.preprocessing == Preprocessing(128, "BGR", 1.0, 0.0)
    assert set(card.sha256) == {TFLITE, WEIGHTS, CONFIG}
    assert card.training["imported"]["sha256"] == digest(pair)
    assert "36 weights were loaded." in card.training["imported"]["report"]


@pytest.mark.usefixtures("cache")
def test_detector_gives_the_network_bgr_pixels(pair: Path) -> None:
    """The network was trained on BGR; the product's crops are RGB."""
    with np.load(pair.parent / "expected.npz") as stored:
        pixels, outputs = stored["pixels"], stored["outputs"]
    rgb = np.ascontiguousarray(pixels[..., ::-1])
    np.testing.assert_allclose(Detector(model_folder(pair)).probabilities(rgb), outputs, atol=1e-5)


def test_folder_that_another_process_finished_first_is_kept(cache: Path, pair: Path) -> None:
    folder, other = cache / digest(pair), cache / "other"
    shutil.copytree(folder, other)
    inode = (folder / TFLITE).stat().st_ino
    put_in_place(other, folder)
    assert (folder / TFLITE).stat().st_ino == inode and other.exists()
    (folder / TFLITE).unlink()
    put_in_place(other, folder)
    assert load_artifact(folder) and not other.exists()


def test_old_unfinished_folders_are_deleted_and_new_ones_kept(cache: Path) -> None:
    old, new = cache / f"{UNFINISHED}old", cache / f"{UNFINISHED}new"
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    legacy_folder.prepare(cache)
    assert new.exists() and not old.exists()


def test_cache_is_checked_before_the_import(pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        pytest.fail("the file was imported although the cache cannot be written")

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
def test_full_disk_is_reported_in_one_line(
    cache: Path, pair: Path, error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise error

    shutil.rmtree(cache)
    monkeypatch.setattr(legacy_folder, "convert_apart", full)
    sentence = refusal(pair)
    assert "(No space left on device); set" in sentence and "\n" not in sentence


@pytest.mark.usefixtures("cache")
def test_hostile_labels_are_refused_and_run_no_code(
    pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(DATA / "hostile" / "label_transform.pkl", pair.parent)
    assert "posix.system" in refusal(pair)
    assert not (tmp_path / "legacy_file_was_executed").exists()


def test_damaged_folder_is_created_again(cache: Path, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, messages = cache / digest(pair), []
    (folder / TFLITE).write_bytes(b"spoilt")
    monkeypatch.setattr(legacy_folder, "convert_apart", convert)
    assert model_folder(pair, notify=messages.append) == folder
    assert load_artifact(folder) and [path for path in cache.iterdir() if path.name.startswith(".")] == []
    assert len(messages) == 5 and all(NAME in str(message) for message in messages)


@pytest.mark.parametrize("recorded", [{"format": 1}, {}, None, "messages"])
def test_folder_of_an_older_importer_is_created_again(
    cache: Path, pair: Path, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise errors of an older importer would stay."""
    folder = model_folder(pair)
    write_card(folder, replace(read_card(folder), training={} if recorded is None else {"imported": recorded}))
    converted: list[Path] = []

    def again(h5: Path, labels: Path | None, target: Path, notify: object) -> None:
        converted.append(target)
        raise ArtifactError(f"{h5.name} was imported again.")

    monkeypatch.setattr(legacy_folder, "convert_apart", again)
    assert "imported again" in refusal(pair) and converted == [folder]


def test_changed_description_is_refused(cache: Path, pair: Path) -> None:
    folder = cache / digest(pair)
    (folder / CONFIG).write_text("{}")
    with pytest.raises(ArtifactError, match=f"{CONFIG} is not the file that its card describes"):
        load_keras(folder)


def test_refused_file_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="code in the file"):
        convert(DATA / "hostile" / "one_input.h5", None, tmp_path / "cache" / "x")
    assert not (tmp_path / "cache").exists()


def test_cache_that_cannot_be_written_is_named(pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    monkeypatch.setattr(legacy_folder, "convert_apart", convert)
    with pytest.raises(ArtifactError, match=f"can't be kept in .*set {CACHE_VARIABLE} to a folder that can be written"):
        model_folder(pair)


def test_cache_is_in_the_home_folder_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    assert cache_root() == Path.home() / ".cache" / "whyfake"
