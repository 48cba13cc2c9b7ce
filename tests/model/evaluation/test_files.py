"""Tests of the files of an evaluation: files of an earlier run are removed, and every link works."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from model.errors import DatasetError
from model.evaluation.files import begin, read_figures, write_figures, write_summary
from tests.support.folders import files_in

FIGURES = {"my set (1)": {"real": 1, "fake": 1}}


def finished(folder: Path) -> Path:
    """A run with charts, curves and a transfer matrix."""
    begin(folder, {})
    write_figures(folder, FIGURES)
    (folder / "my set (1)").mkdir()
    (folder / "my set (1)" / "classification_report.txt").write_text("report")
    for name in ("my set (1)/overview.png", "my set (1)/roc.png", "robustness_auc.png", "robustness.json",
                 "training_curves.png", "transfer.csv", "transfer.png", "report.md", "notes.txt"):  # fmt: skip
        (folder / name).write_text("{}")
    return folder


def linked(folder: Path) -> list[str]:
    return [unquote(link) for link in re.findall(r"!\[[^\]]*\]\(([^() ]+)\)", (folder / "report.md").read_text())]


def test_report_links_to_existing_charts_of_any_name(tmp_path: Path) -> None:
    write_summary(finished(tmp_path), "net", "test", FIGURES, robust=True, charts=True)
    assert linked(tmp_path) == ["my set (1)/overview.png", "robustness_auc.png", "training_curves.png"]
    assert all((tmp_path / link).exists() for link in linked(tmp_path))


def test_report_links_only_to_charts_of_this_run(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    begin(folder, {})
    (folder / "my set (1)" / "classification_report.txt").write_text("report")  # this run measures without charts
    write_summary(folder, "net", "test", FIGURES, robust=False, charts=False)
    assert linked(folder) == []


def test_results_of_an_earlier_run_are_removed_and_other_files_stay(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    begin(folder, {})
    assert files_in(folder) == {"arguments.json", "notes.txt"}
    assert read_figures(folder) == {}


@pytest.mark.parametrize("arguments", [{"epochs": 3}, {"command": "explore", "inputs": {}}])
def test_folder_of_another_command_is_refused(tmp_path: Path, arguments: dict[str, Any]) -> None:
    (tmp_path / "arguments.json").write_text(json.dumps(arguments))
    with pytest.raises(DatasetError, match="files of another command: choose another folder for --out"):
        begin(tmp_path, {})
    assert json.loads((tmp_path / "arguments.json").read_text()) == arguments


def test_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "figures.json").write_text('{"cut o')
    with pytest.raises(DatasetError, match=r"figures\.json is damaged: delete it"):
        read_figures(tmp_path)
