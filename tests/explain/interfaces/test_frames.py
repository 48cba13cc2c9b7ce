"""The option ``--frames`` is refused where it has no effect."""

from __future__ import annotations

from pathlib import Path

from tests.explain.interfaces.photos import ASTRONAUT, Explain


def test_the_option_frames_is_refused_for_a_table(explain: Explain, tmp_path: Path) -> None:
    code, out, err = explain(ASTRONAUT, "--csv", tmp_path / "table.csv", "--frames", "96")
    assert (code, out) == (1, "") and err.startswith("Error: Folders, ZIPs and --csv give a table of verdicts")
