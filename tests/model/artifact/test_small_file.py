"""Tests of the small files that describe a model: even of a huge one, only a limited part is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.artifact.card import CARD, CONFIG, LABEL_FILE, read_card
from model.artifact.small_file import read_small
from model.errors import ArtifactError
from model.legacy.card import given_fields
from model.legacy.labels import read_labels
from model.onnx_models.config import read_json

TERABYTE = 10**12


@pytest.mark.parametrize(
    ("name", "read"),
    [
        (CARD, lambda path: read_card(path.parent)),
        (CARD, lambda path: given_fields(path.parent / "net.h5")),
        (LABEL_FILE, read_labels),
        (CONFIG, read_json),
    ],
    ids=["card", "card beside a file", "labels", "config"],
)
def test_file_of_a_terabyte_is_refused_in_a_sentence(name: str, read: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / name
    path.touch()
    os.truncate(path, TERABYTE)  # takes no space
    with pytest.raises(ArtifactError, match=rf"{name} .*,000,000 bytes"):
        read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / CARD)
    with pytest.raises(FileNotFoundError):
        read_small(tmp_path / CARD)


def test_content_up_to_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / CARD).write_bytes(b"1234")
    assert read_small(tmp_path / CARD, 4) == b"1234"
    with pytest.raises(ArtifactError, match=r"net/card\.json has more than 3 bytes"):
        read_small(tmp_path / CARD, 3, "net/card.json")
