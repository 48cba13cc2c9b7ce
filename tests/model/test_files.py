"""Tests of writing files: a file is replaced completely or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.files import fitting, replacing


def test_file_is_replaced_when_it_is_complete(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_text("before")
    with replacing(file) as path:
        path.write_text("after")
        assert file.read_text() == "before" and path.suffix == file.suffix
    assert file.read_text() == "after" and list(tmp_path.iterdir()) == [file]


def test_old_file_stays_if_writing_fails(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_text("before")
    with pytest.raises(OSError, match="full"), replacing(file) as path:
        path.write_text("half")
        raise OSError("The disk is full.")
    assert file.read_text() == "before" and list(tmp_path.iterdir()) == [file]


def test_two_files_can_be_written_at_the_same_time(tmp_path: Path) -> None:
    with replacing(tmp_path / "a") as first, replacing(tmp_path / "b") as second:
        first.write_text("1")
        second.write_text("2")
    assert [file.read_text() for file in sorted(tmp_path.iterdir())] == ["1", "2"]


@pytest.mark.parametrize("stem", ["a" * 250, "漢" * 83, "👍" * 62])
def test_longest_allowed_name_can_be_written(stem: str, tmp_path: Path) -> None:
    with replacing(tmp_path / f"{stem}.png") as path:
        path.write_text("whole")
    assert [file.name for file in tmp_path.iterdir()] == [f"{stem}.png"]


def test_only_too_long_names_are_cut_and_no_character_is_split() -> None:
    assert fitting("a" * 251, ".jpg") == "a" * 251 + ".jpg"
    assert fitting("漢" * 110, "-2.jpg") == "漢" * 83 + "-2.jpg"
