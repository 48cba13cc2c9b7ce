"""Writes a benchmark's results with its command and machine."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def read(name: str) -> dict[str, Any]:
    """The content of ``results/NAME.json``; empty if there is none."""
    file = FOLDER / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def made_by(name: str) -> dict[str, Any]:
    """The current command and machine, as JSON values."""
    command = " ".join(["python -m", f"benchmarks.{name}", *(_anonymous(word) for word in sys.argv[1:])])
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    return {"command": command, "machine": machine}


def write(name: str, figures: Mapping[str, Any], is_check: bool) -> None:
    """Write ``results/NAME.json``, which the docs quote.

    Args:
        name: of the benchmark.
        figures: JSON values.
        is_check: whether the run, a quick one or one without data, only checks the benchmark: nothing is written.
    """
    if is_check:
        print("(nothing was written: this was a quick run, or one without a data folder)")
        return
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({**made_by(name), **figures}, indent=2)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(f"written: benchmarks/results/{name}.json")


def _anonymous(word: str) -> str:
    """Replace a folder by ``DATA``, because its path means nothing on another machine."""
    return "DATA" if Path(word).is_dir() else word
