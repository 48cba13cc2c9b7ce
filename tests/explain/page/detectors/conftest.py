"""Fixtures of the tests of models that visitors bring."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from model import uploaded
from model.onnx_models.apart import examine


@pytest.fixture
def visits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The parent of the folders of visits; networks are examined in this process, which is faster."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "visits"))
    (tmp_path / "visits").mkdir()
    monkeypatch.setattr(uploaded, "examine_apart", lambda path, side, **_: examine(path, side))
    return tmp_path / "visits"
