"""Photos and options for fast tests of the command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[3]
ASTRONAUT, CAT = ROOT / "examples" / "astronaut.jpg", ROOT / "examples" / "cat.jpg"
VERDICT_ALONE = ("--methods", "", "--no-robustness")
Explain = Callable[..., tuple[int, str, str]]
