"""Tests of tables of pairs, on folders made for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.data.layout import pictures
from model.data.pairs import Pair, groups_of_pairs, read_pairs

TABLE = "fake,target_real,second\na.jpg,7.jpg,42\nb.jpg,7.jpg,40\nc.jpg,9.jpg,41\nlost.jpg,9.jpg,1\nalone.jpg,9.jpg,1\n"


@pytest.fixture
def swaps(tmp_path: Path) -> Path:
    """Three fakes with twins, two of them with masks; one fake without a twin."""
    names = [f"swaps/test/{label}/{name}.jpg" for label in ("fake", "real") for name in "abc"]
    names += ["swaps/test/fake/alone.jpg", "swaps/masks/a.png", "swaps/masks/b.png", "other/test/fake/a.jpg"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "swaps/pairs.csv").write_text(TABLE)
    return tmp_path


def every_file(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_names_without_folders_are_looked_up_beside_the_table(swaps: Path) -> None:
    assert read_pairs(swaps, every_file(swaps)) == [
        Pair("swaps/test/fake/a.jpg", "swaps/test/real/a.jpg", "swaps/masks/a.png", "7.jpg"),
        Pair("swaps/test/fake/b.jpg", "swaps/test/real/b.jpg", "swaps/masks/b.png", "7.jpg"),
        Pair("swaps/test/fake/c.jpg", "swaps/test/real/c.jpg", None, "9.jpg"),
    ]


def test_pictures_get_twin_and_mask_from_the_table(swaps: Path) -> None:
    found = {example.path: example for example in pictures(swaps)}
    fake = found["swaps/test/fake/a.jpg"]
    assert (fake.twin, fake.mask) == ("swaps/test/real/a.jpg", "swaps/masks/a.png")
    assert found["swaps/test/fake/c.jpg"].mask is None
    for name in ("swaps/test/real/a.jpg", "swaps/test/fake/alone.jpg", "other/test/fake/a.jpg"):
        assert (found[name].twin, found[name].mask) == (None, None)


def test_pairs_of_one_original_share_a_group(swaps: Path) -> None:
    groups = groups_of_pairs(read_pairs(swaps, every_file(swaps)))
    sevens = {f"swaps/test/{label}/{name}.jpg" for label in ("fake", "real") for name in "ab"}
    assert {path for path, group in groups.items() if group == "7.jpg"} == sevens
    assert len(groups) == 6


def test_table_with_paths_keeps_them_and_its_group(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    table = tmp_path / "set" / "pairs.csv"
    table.write_text("fake,real,mask,group\ntest/fake/b.png,test/real/a.png,masks/b.png,g1\n")
    expected = Pair("set/test/fake/b.png", "set/test/real/a.png", "set/masks/b.png", "g1")
    assert read_pairs(tmp_path, [table]) == [expected]


def test_masks_are_optional_in_a_table_with_paths_and_incomplete_rows_are_left_out(tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text("fake,real,mask\nb.png,a.png,\nc.png,a.png\nd.png\n,a.png,m.png\ne.png,,m.png\n")
    assert read_pairs(tmp_path, [table]) == [Pair("b.png", "a.png", None, None), Pair("c.png", "a.png", None, None)]


@pytest.mark.parametrize("text", ["", "name,imagenum1,imagenum2\nAaron,1,2\n", "fake,real\nb.png,a.png\n"])
def test_other_tables_of_that_name_hold_no_pairs(tmp_path: Path, text: str) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text(text)
    assert read_pairs(tmp_path, [table]) == []
