"""A file is replaced whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.files import fitting, replacing


def test_the_file_takes_its_place_once_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_text("before")
    with replacing(file) as path:
        path.write_text("after")
        assert file.read_text() == "before" and path.suffix == file.suffix
    assert file.read_text() == "after" and list(tmp_path.iterdir()) == [file]


def test_what_was_there_stays_where_writing_fails(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_text("before")
    with pytest.raises(OSError, match="full"), replacing(file) as path:
        path.write_text("half")
        raise OSError("The disk is full.")
    assert file.read_text() == "before" and list(tmp_path.iterdir()) == [file]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    with replacing(tmp_path / "a") as one, replacing(tmp_path / "b") as other:
        one.write_text("1")
        other.write_text("2")
    assert [file.read_text() for file in sorted(tmp_path.iterdir())] == ["1", "2"]


@pytest.mark.parametrize("stem", ["a" * 250, "漢" * 83, "👍" * 62])
def test_name_that_fills_a_file_system_leaves_room_for_the_unfinished_file(stem: str, tmp_path: Path) -> None:
    with replacing(tmp_path / f"{stem}.png") as path:
        path.write_text("whole")
    assert [file.name for file in tmp_path.iterdir()] == [f"{stem}.png"]


def test_only_names_that_are_too_long_are_cut_between_letters() -> None:
    assert fitting("a" * 251, ".jpg") == "a" * 251 + ".jpg"
    assert fitting("漢" * 110, "-2.jpg") == "漢" * 83 + "-2.jpg"
