"""Tests of the table of resynthesised twins."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.errors import DatasetError
from model.twins.twins import TABLE, Twin, read_twins, write_twins


def test_table_is_read_as_twins_by_real_picture(tmp_path: Path) -> None:
    a = Twin("set/train/real/a.jpg", "autoencoder/set/train/real/a.png", "autoencoder", 96)
    b = Twin("set/train/real/a.jpg", "enlarger/set/train/real/a.png", "enlarger", 64)
    c = Twin("set/train/real/c, d.jpg", "enlarger/set/train/real/c, d.png", "enlarger", 128)
    write_twins(tmp_path, [a, b, c])
    assert read_twins(tmp_path) == {a.real: [a, b], c.real: [c]}


def test_missing_or_damaged_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="model resynthesise writes it"):
        read_twins(tmp_path)
    (tmp_path / TABLE).write_text("real,twin,family,side\na,b,enlarger,wide\n")
    with pytest.raises(DatasetError, match="not a table of twins"):
        read_twins(tmp_path)
