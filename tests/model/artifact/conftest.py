"""A model folder that a test may spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def folder(tiny_artifact: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model folder, to be spoilt."""
    return shutil.copytree(tiny_artifact, tmp_path / "net")
