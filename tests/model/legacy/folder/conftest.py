"""A cache with the imported small files of the thesis, made once for all tests of this folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from model.artifact.card import digest
from model.legacy import folder as legacy_folder
from model.legacy.apart import convert
from model.legacy.folder import CACHE_VARIABLE
from tests.model.legacy.folder.pairs import DATA, NAME, PAIRS


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the imported small files."""
    cache = tmp_path_factory.mktemp("cache")
    for pair in PAIRS:
        h5 = DATA / pair / NAME
        convert(h5, None, cache / digest(h5))
    return cache


@pytest.fixture
def cache(imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of this cache, which is in use; a new import fails the test."""

    def forbidden(*_: object) -> None:
        pytest.fail("the file was imported again")

    monkeypatch.setattr(legacy_folder, "convert_apart", forbidden)
    monkeypatch.setenv(CACHE_VARIABLE, str(shutil.copytree(imported, tmp_path / "cache")))
    return tmp_path / "cache"


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """The Keras 2 file with its labels, in its own folder."""
    return shutil.copytree(DATA / "keras2_softmax", tmp_path / "own") / NAME
