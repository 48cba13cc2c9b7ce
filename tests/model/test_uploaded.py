"""Tests of a visitor's own model: which files are opened or refused, and that they are deleted."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model import uploaded
from model.detector.onnx_engine import OnnxEngine
from model.errors import ArtifactError
from model.legacy.folder import CACHE_VARIABLE
from model.onnx_models.apart import examine
from model.uploaded import CACHE, open_uploaded
from tests.support.onnx_graphs import classifier, hub_folder

LEGACY = Path(__file__).resolve().parents[1] / "data" / "legacy" / "keras2_softmax"
RED = np.full((256, 256, 3), (230, 20, 20), np.uint8)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own cache, which must stay empty; networks are examined in this process, which is faster."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(uploaded, "examine_apart", lambda path, side, **_: examine(path, side))
    return tmp_path / "cache"


def test_hub_folder_is_opened_and_its_files_are_deleted(tmp_path: Path, cache: Path) -> None:
    source = hub_folder(tmp_path / "visit" / "net")
    detector = open_uploaded(source, "yours/net")
    assert detector.name == "yours/net" and not detector.shared
    assert detector.predict(RED).probabilities["Fake"] > 0.9
    assert [path.name for path in (tmp_path / "visit").iterdir()] == [CACHE] and not cache.exists()
    shutil.rmtree(tmp_path / "visit")
    assert detector.predict(RED).verdict == "Fake", "the model is kept in memory"
    detector.close()
    with pytest.raises(ArtifactError, match="no longer kept"):
        detector.predict(RED)


def test_visitors_answers_about_the_model_are_used(tmp_path: Path, cache: Path) -> None:
    source = hub_folder(tmp_path / "visit" / "net", ("A", "B"))
    with pytest.raises(ArtifactError, match="'A', 'B'"):
        open_uploaded(source, "yours/net")
    assert not source.exists()
    detector = open_uploaded(hub_folder(tmp_path / "visit" / "net", ("A", "B")), "yours/net", ["B"], "picture")
    assert detector.predict(RED).probabilities["Fake"] < 0.1 and detector.card.sees == "picture"


def test_file_without_a_description_is_refused_and_deleted(tmp_path: Path, cache: Path) -> None:
    file = classifier(tmp_path / "visit" / "net.onnx")
    with pytest.raises(ArtifactError, match=r"net\.onnx needs files.*preprocessor_config\.json"):
        open_uploaded(file, "yours/net.onnx")
    assert not file.exists()


@pytest.mark.parametrize("names", [(), ("readme.txt",), ("a.h5", "b.h5")])
def test_folder_without_one_model_is_refused(tmp_path: Path, cache: Path, names: tuple[str, ...]) -> None:
    source = tmp_path / "visit" / "net"
    source.mkdir(parents=True)
    for name in names:
        (source / name).write_bytes(b"x")
    with pytest.raises(ArtifactError, match="net holds no model"):
        open_uploaded(source, "yours/net")
    assert not source.exists()


def test_too_large_and_too_slow_models_are_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as small:
        small.setattr(uploaded, "MAX_BYTES", 100)
        with pytest.raises(ArtifactError, match="more than the 0 MB"):
            open_uploaded(hub_folder(tmp_path / "visit" / "net"), "yours/net")
    monkeypatch.setattr(uploaded, "MOST_SECONDS", 0.05)
    run = OnnxEngine.__call__

    def slow(self: OnnxEngine, pixels: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        time.sleep(0.06)
        return run(self, pixels)

    monkeypatch.setattr(OnnxEngine, "__call__", slow)
    with pytest.raises(ArtifactError, match=r"takes 0\.\d s for one picture"):
        open_uploaded(hub_folder(tmp_path / "visit" / "net"), "yours/net")


def test_error_for_a_full_disk_names_no_path(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(ArtifactError) as caught:
        open_uploaded(hub_folder(tmp_path / "visit" / "net"), "yours/net")
    assert "could not be saved" in str(caught.value) and str(tmp_path) not in str(caught.value)


@pytest.mark.slow
def test_keras_file_is_imported_with_its_labels(tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "visit" / "thesis"
    source.mkdir(parents=True)
    for name in ("best_model_effatt.h5", "label_transform.pkl"):
        shutil.copy(LEGACY / name, source)
    messages: list[str] = []
    detector = open_uploaded(source, "yours/thesis", notify=lambda message: messages.append(str(message)))
    assert detector.predict(RED).verdict and any("step 3 of 3" in sentence for sentence in messages)
    assert not source.exists() and not cache.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "value"), [("KERAS_MEMORY", 700_000_000), ("KERAS_SECONDS", 0.2)])
def test_keras_file_that_takes_too_much_is_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    monkeypatch.setattr(uploaded, limit, value)  # too little for TensorFlow
    with pytest.raises(ArtifactError, match=r"can't be imported with \d+ GB of memory in \d+ seconds"):
        open_uploaded(Path(shutil.copy(LEGACY / "best_model_effatt.h5", tmp_path)), "yours/a.h5")
