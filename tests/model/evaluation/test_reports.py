"""Tests of the tables that a run writes into its folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from model.evaluation.bootstrap import Estimate
from model.evaluation.reports import as_options, columns_of, markdown, write_table


def test_markdown_leaves_cells_empty_if_a_row_has_no_value() -> None:
    text = markdown([{"net": "cnn", "AUC": "0.5"}, {"net": "vgg16", "note": "slow"}])
    assert text.splitlines() == [
        "| net | AUC | note |",
        "| --- | --- | --- |",
        "| cnn | 0.5 |  |",
        "| vgg16 |  | slow |",
    ]


def test_table_is_written_as_json_csv_and_markdown(tmp_path: Path) -> None:
    rows = [{"net": "cnn", "auc": 0.51234}, {"net": "vgg16", "seconds": 3}]
    write_table(tmp_path, "table", rows, [{"net": "cnn", "AUC": "0.512"}, {"net": "vgg16"}], "Two epochs.")
    assert json.loads((tmp_path / "table.json").read_text()) == rows
    with (tmp_path / "table.csv").open() as file:
        assert next(csv.DictReader(file)) == {"net": "cnn", "auc": "0.51234", "seconds": ""}
    text = (tmp_path / "table.md").read_text()
    assert "| cnn | 0.512 |" in text and text.endswith("\n\nTwo epochs.\n")


def test_estimate_becomes_three_columns() -> None:
    assert columns_of("auc", Estimate(0.123456, 0.1, 0.2)) == {"auc": 0.1235, "auc_low": 0.1, "auc_high": 0.2}


def test_arguments_become_options() -> None:
    options = as_options({"sets": ["a", "b"], "augment": True, "faces": None, "batch_size": 16, "whole": False})
    assert options == ["--sets", "a", "--sets", "b", "--augment", "--batch-size", "16", "--no-whole"]
