"""Helpers for the steps of a visitor's run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from explain.page.components.controls import AT_FIRST
from explain.page.components.updates import Updates

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"
VISITOR = "visitor"
CONTROL_VALUES: dict[str, Any] = {
    **AT_FIRST,
    **{"language": "en", "model": "lite_attention", "photo": str(EXAMPLES / "hopper_face.jpg"), "trust": False},
    **{"samples": 100, "superpixels": 20, "face": 0, "whole": False, "seen": None, "second_seen": None, "hidden": []},
    **{"regions": [], "top": 0, "slide_map": "lime", "many_progress": None},
}


def until(steps: Iterator[Updates], name: str) -> Updates:
    """What is shown as soon as the part ``name`` has a value."""
    shown: Updates = {}
    for step in steps:
        shown |= step
        if step.get(name):
            return shown
    raise AssertionError(f"the run ended without {name}")


def final_state(steps: Iterable[Updates], shown: Updates | None = None) -> Updates:
    """What is shown after all steps; ``shown`` is what was shown before them."""
    shown = {} if shown is None else shown
    for step in steps:
        shown |= step
    return shown
