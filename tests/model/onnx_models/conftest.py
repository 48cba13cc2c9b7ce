"""A cache for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.legacy.folder import CACHE_VARIABLE
from model.onnx_models import folder as onnx_folder
from model.onnx_models.apart import examine


@pytest.fixture(autouse=True)
def quick_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache. Networks are examined in this process, which is faster; ``test_apart.py`` uses another one."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(onnx_folder, "examine_apart", examine)
