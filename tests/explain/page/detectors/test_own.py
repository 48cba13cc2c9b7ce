"""Tests of visitors' own models: private to the visitor, few, from safe files, and deleted after the visit."""

from __future__ import annotations

import gc
import threading
import weakref
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explain.page.detectors import own
from explain.page.detectors.own import MOST, MOST_FILES, OwnModels, places_of
from model import uploaded
from model.errors import ArtifactError
from tests.support.onnx_graphs import hub_folder

GREY = np.full((256, 256, 3), 100, np.uint8)

pytestmark = pytest.mark.usefixtures("visits")


@pytest.fixture
def models() -> Iterator[OwnModels]:
    models = OwnModels(allowed=True)
    yield models
    models.close()


def zipped(parent: Path, name: str = "net.zip", top: str = "", **more: bytes) -> Path:
    """A ZIP of a model in the Hub's layout, as a browser uploads it."""
    folder = hub_folder(parent / "hub")
    parent.joinpath("upload").mkdir(exist_ok=True)
    with zipfile.ZipFile(parent / "upload" / name, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, top + path.relative_to(folder).as_posix())
        for path_inside, content in more.items():
            archive.writestr(path_inside, content)
    return parent / "upload" / name


def test_own_model_is_available_only_to_its_visitor(models: OwnModels, tmp_path: Path) -> None:
    file = zipped(tmp_path)
    detector = models.take("ann", file)
    assert not file.exists(), "the upload must be deleted"
    assert models.names("ann") == ["yours/net"] and models.get("yours/net", "ann") is detector
    assert models.names("bob") == [] and models.get("lite_attention", "ann") is None
    with pytest.raises(ArtifactError, match="is not here; bring it again"):
        models.get("yours/net", "bob")


@pytest.mark.slow
def test_own_model_is_deleted_after_the_visit(models: OwnModels, tmp_path: Path, visits: Path) -> None:
    detector = models.take("ann", zipped(tmp_path))
    network = weakref.ref(detector._engine)
    assert list(visits.iterdir())
    models.forget("ann")
    gc.collect()
    assert list(visits.iterdir()) == [] and network() is None, "even if the page still has a reference to the detector"
    with pytest.raises(ArtifactError, match="no longer kept"):
        detector.predict(GREY)
    with pytest.raises(ArtifactError, match="is not here"):
        models.get("yours/net", "ann")


def test_all_own_models_are_deleted_when_the_server_ends(models: OwnModels, tmp_path: Path, visits: Path) -> None:
    for visitor in ("ann", "bob"):
        models.take(visitor, zipped(tmp_path))
    models.close()
    assert list(visits.iterdir()) == [] and models.names("ann") == models.names("bob") == []


def test_only_a_few_models_are_kept_and_the_oldest_is_deleted(models: OwnModels, tmp_path: Path, visits: Path) -> None:
    visitors = [f"visitor {number}" for number in range(MOST + 2)]
    detectors = [models.take(visitor, zipped(tmp_path)) for visitor in visitors]
    assert len(list(visits.iterdir())) == MOST
    assert [bool(models.names(visitor)) for visitor in visitors] == [False, False] + [True] * MOST
    with pytest.raises(ArtifactError, match=f"only {MOST} are kept"):
        models.get("yours/net", visitors[0])
    with pytest.raises(ArtifactError):
        detectors[0].predict(GREY)
    assert detectors[-1].predict(GREY)


def test_new_model_replaces_the_visitors_earlier_one(models: OwnModels, tmp_path: Path, visits: Path) -> None:
    first = models.take("ann", zipped(tmp_path))
    second = models.take("ann", zipped(tmp_path, "other.zip"))
    assert models.names("ann") == ["yours/other"] and len(list(visits.iterdir())) == 1 and second.predict(GREY)
    with pytest.raises(ArtifactError):
        first.predict(GREY)


def test_uploads_are_refused_unless_they_are_allowed(tmp_path: Path, visits: Path) -> None:
    file = zipped(tmp_path)
    with pytest.raises(ArtifactError, match="--model-upload"):
        OwnModels().take("ann", file)
    assert not file.exists() and list(visits.iterdir()) == []


def test_one_model_is_imported_at_a_time(models: OwnModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, end = threading.Event(), threading.Event()
    open_uploaded = uploaded.open_uploaded

    def slow(*args: Any) -> Any:
        begun.set()
        end.wait(20)
        return open_uploaded(*args)

    monkeypatch.setattr(own, "open_uploaded", slow)
    importing = threading.Thread(target=models.take, args=("ann", zipped(tmp_path)))
    importing.start()
    assert begun.wait(20)
    with pytest.raises(ArtifactError, match="try again in a minute"):
        models.take("bob", zipped(tmp_path, "second.zip"))
    end.set()
    importing.join()
    assert models.names("ann") and not models.names("bob")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("model.pkl", b"x", "is no model that can be used here"),
        ("model.onnx", b"x", "damaged or no ONNX file"),
        ("model.h5", b"x", "model.h5"),
        ("model.keras", b"x", "save it with model.save('model.h5')"),
        ("model.zip", b"PK\x03\x04 and no more", "can't be unpacked"),
        ("model.zip", b"", "can't be unpacked"),
    ],
)
def test_other_files_are_refused_in_a_sentence(
    models: OwnModels, tmp_path: Path, visits: Path, name: str, content: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        models.take("ann", tmp_path / name)
    assert expected in str(caught.value) and str(tmp_path) not in str(caught.value)
    assert list(visits.iterdir()) == [] and not (tmp_path / name).exists()


def test_zip_with_too_large_content_is_refused(
    models: OwnModels, tmp_path: Path, visits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "MAX_BYTES", 100_000)
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.onnx", bytes(50_000_000))
    with pytest.raises(ArtifactError, match="unpacks to more than"):
        models.take("ann", file)
    assert list(visits.iterdir()) == []


def test_too_many_files_are_refused(models: OwnModels, tmp_path: Path) -> None:
    more = {f"file{number}": b"" for number in range(MOST_FILES)}
    with pytest.raises(ArtifactError, match=f"more than {MOST_FILES} files"):
        models.take("ann", zipped(tmp_path, **more))


@pytest.mark.parametrize("top", ["", "my-model/"])
def test_zip_can_contain_the_folder_or_its_content(models: OwnModels, tmp_path: Path, top: str) -> None:
    assert models.take("ann", zipped(tmp_path, top=top)).predict(GREY)


def test_nothing_is_written_outside_the_folder(models: OwnModels, tmp_path: Path) -> None:
    unsafe = {
        **{name: b"x" for name in ("../outside", "/etc/outside", "a/b/c", "onnx/../../outside", "C:\\outside")},
        **{".hidden": b"x", "onnx/.hidden": b"x", "onnx\\..\\..\\outside": b"x"},
    }
    assert models.take("ann", zipped(tmp_path, **unsafe)).predict(GREY)
    assert not [path for path in tmp_path.rglob("*outside*")]
    assert places_of([*unsafe]) == {}


def test_zip_entries_keep_their_paths_without_the_top_folder() -> None:
    assert places_of(["config.json", "onnx/model.onnx"]) == {
        "config.json": ("config.json",),
        "onnx/model.onnx": ("onnx", "model.onnx"),
    }
    assert places_of(["onnx/model.onnx"]) == {"onnx/model.onnx": ("onnx", "model.onnx")}
    assert list(places_of(["net/onnx/model.onnx", "net/config.json"]).values()) == [
        ("onnx", "model.onnx"),
        ("config.json",),
    ]
