"""Tests of the cache of ONNX networks: its size is limited, and cards are always kept."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from model.artifact.card import ONNX, read_card, write_card
from model.detector.detector import Detector
from model.onnx_models import folder as onnx_folder
from model.onnx_models.apart import examine
from model.onnx_models.folder import Place, model_folder
from model.onnx_models.kept import FACTS, make_room, mark_used
from model.onnx_models.request import Request
from tests.support.onnx_graphs import RED_AGAINST_BLUE, hub_folder


@pytest.fixture
def kept(tmp_path: Path) -> list[Path]:
    """Three networks of 1,000 bytes each in the cache, the first one used first."""
    folders = [model_folder(Request(str(_net(tmp_path, number)))) for number in range(3)]
    for age, folder in enumerate(reversed(folders)):
        (folder / ONNX).write_bytes(bytes(1000))
        os.utime(folder / FACTS, (1000 - age, 1000 - age))
    return folders


def _net(place: Path, number: int) -> Path:
    return hub_folder(place / f"net{number}", weights=RED_AGAINST_BLUE * (number + 1))


def networks(folders: list[Path]) -> list[bool]:
    return [(folder / ONNX).exists() for folder in folders]


@pytest.mark.parametrize(
    ("most", "left"),
    [(3000, [True, True, True]), (2999, [False, True, True]), (1999, [False, False, True]), (0, [False, False, True])],
)
def test_least_recently_used_networks_are_deleted_first(kept: list[Path], most: int, left: list[bool]) -> None:
    make_room(kept[2], most)
    assert networks(kept) == left, "the network that is being opened stays"
    assert all((folder / FACTS).exists() and read_card(folder) for folder in kept)


def test_used_network_is_not_deleted_first(kept: list[Path]) -> None:
    mark_used(kept[0])
    make_room(kept[2], 2000)
    assert networks(kept) == [True, False, True]


def test_deleted_network_is_restored_without_a_new_examination_and_keeps_its_calibration(
    kept: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_card(kept[0], replace(read_card(kept[0]), temperature=2.0))
    make_room(kept[2], 0)
    monkeypatch.setattr(onnx_folder, "examine_apart", None)
    again = model_folder(Request(str(tmp_path / "net0")))
    assert again == kept[0] and read_card(again).temperature == 2.0
    assert Detector(again).has_files, "the restored file has the digest of the card"


def test_network_that_cannot_be_deleted_is_left(kept: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", refused)
    make_room(kept[2], 0)
    assert networks(kept) == [True, True, True]


def test_opening_a_network_deletes_old_ones(kept: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_folder, "make_room", lambda folder: make_room(folder, 0))
    new = model_folder(Request(str(_net(tmp_path, 7))))
    assert networks([*kept, new]) == [False, False, False, True]


def test_model_in_another_place_does_not_use_the_cache(tmp_path: Path) -> None:
    examined: list[Path] = []

    def examine_file(path: Path, side: int | None) -> object:
        examined.append(path)
        return examine(path, side)

    own = Place(tmp_path / "own", examine_file)  # type: ignore[arg-type]
    folder = model_folder(Request(str(_net(tmp_path, 0))), place=own)
    assert folder.parent == tmp_path / "own" and len(examined) == 1 and not (tmp_path / "cache").exists()
