"""Tests that the notebook runs completely, and that its saved outputs are small and up to date."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TOUR = Path(__file__).resolve().parent.parent / "docs" / "tour.ipynb"
MAX_BYTES = 200_000


@pytest.mark.slow
def test_notebook_runs_completely() -> None:
    notebook = nbformat.read(TOUR, as_version=4)
    kept = printed_by(notebook)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(TOUR.parent)}}).execute()
    assert [bool(text) for text in printed_by(notebook)] == [bool(text) for text in kept], (
        "the same cells must print something"
    )
    verdict = kept[1].split()[0]
    assert printed_by(notebook)[1].split()[0] == verdict, (
        "run the notebook again: the saved outputs are from another model"
    )


def test_saved_outputs_are_small_and_have_no_error() -> None:
    notebook = nbformat.read(TOUR, as_version=4)
    nbformat.validate(notebook)
    assert TOUR.stat().st_size < MAX_BYTES
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/jpeg" in output.get("data", {}) for output in outputs) == 2
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


def printed_by(notebook: nbformat.NotebookNode) -> list[str]:
    """The printed text of each code cell."""
    return [
        "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
