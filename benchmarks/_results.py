"""Writes what a benchmark measured, with the command and the machine."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def read(name: str) -> dict[str, Any]:
    """What ``results/NAME.json`` holds; empty where it was never written."""
    file = FOLDER / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def made_by(name: str) -> dict[str, Any]:
    """The command that is running, and the machine."""
    command = " ".join(["python -m", f"benchmarks.{name}", *(_anonymous(word) for word in sys.argv[1:])])
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    return {"command": command, "machine": machine}


def write(name: str, figures: Mapping[str, Any], quick: bool) -> None:
    """Write ``results/NAME.json``; a quick run is only a check and leaves the published file alone."""
    if quick:
        print("(a quick run: nothing was written)")
        return
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({**made_by(name), **figures}, indent=2)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(f"written: benchmarks/results/{name}.json")


def _anonymous(word: str) -> str:
    """Folders of one machine mean nothing on another."""
    return "DATA" if Path(word).is_dir() else word
