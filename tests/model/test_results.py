"""Tests of what a run leaves in its folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from model.metrics import Estimate
from model.results import RunError, claim, columns_of, markdown, write_table


def test_markdown_leaves_cells_empty_where_a_row_lacks_a_column() -> None:
    text = markdown([{"net": "cnn", "AUC": "0.5"}, {"net": "vgg16", "note": "slow"}])
    assert text.splitlines() == [
        "| net | AUC | note |",
        "| --- | --- | --- |",
        "| cnn | 0.5 |  |",
        "| vgg16 |  | slow |",
    ]


def test_table_is_written_for_machines_and_for_readers(tmp_path: Path) -> None:
    rows = [{"net": "cnn", "auc": 0.51234}, {"net": "vgg16", "seconds": 3}]
    write_table(tmp_path, "table", rows, [{"net": "cnn", "AUC": "0.512"}, {"net": "vgg16"}], "Two epochs.")
    assert json.loads((tmp_path / "table.json").read_text()) == rows
    with (tmp_path / "table.csv").open() as file:
        assert next(csv.DictReader(file)) == {"net": "cnn", "auc": "0.51234", "seconds": ""}
    text = (tmp_path / "table.md").read_text()
    assert "| cnn | 0.512 |" in text and text.endswith("\n\nTwo epochs.\n")


def test_estimate_becomes_three_columns() -> None:
    assert columns_of("auc", Estimate(0.123456, 0.1, 0.2)) == {"auc": 0.1235, "auc_low": 0.1, "auc_high": 0.2}


def test_run_is_continued_only_with_its_own_arguments(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = {"data": tmp_path / "faces", "seed": 0, "rounds": 3, "sets": None}
    claim(folder, arguments, may_change=("rounds",))
    written = json.loads((folder / "arguments.json").read_text())
    assert {key: written[key] for key in arguments} == {"data": "faces", "seed": 0, "rounds": 3, "sets": None}
    assert {"python", "tensorflow", "keras", "numpy"} <= set(written["versions"])
    claim(folder, arguments | {"rounds": 9}, may_change=("rounds",))
    assert json.loads((folder / "arguments.json").read_text())["rounds"] == 9
    with pytest.raises(RunError, match="run holds a run with seed 0, not 1"):
        claim(folder, arguments | {"seed": 1}, may_change=("rounds",))
