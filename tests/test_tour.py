"""The notebook runs from its first cell to its last, and what is kept of it is its own and small."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TOUR = Path(__file__).resolve().parent.parent / "docs" / "tour.ipynb"
MAX_BYTES = 200_000


@pytest.mark.slow
def test_tour_runs_to_its_end() -> None:
    notebook = nbformat.read(TOUR, as_version=4)
    kept = said(notebook)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(TOUR.parent)}}).execute()
    assert [bool(text) for text in said(notebook)] == [bool(text) for text in kept], "the cells that say something"
    verdict = kept[1].split()[0]
    assert said(notebook)[1].split()[0] == verdict, "run it again, the kept outputs are of another model"


def test_kept_outputs_are_small_and_hold_no_error() -> None:
    notebook = nbformat.read(TOUR, as_version=4)
    nbformat.validate(notebook)
    assert TOUR.stat().st_size < MAX_BYTES
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/jpeg" in output.get("data", {}) for output in outputs) == 2
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


def said(notebook: nbformat.NotebookNode) -> list[str]:
    """What each cell of code has printed."""
    return [
        "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
