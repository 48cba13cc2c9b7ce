"""Draws how long visitors wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

STYLES = {"verdict": "-", "first_map": "--", "complete": ":"}


def plot(seconds: dict[str, list[dict[str, Any]]], file: Path) -> None:
    """Write a PNG: the share of visitors who have each part after so many seconds, for each number of visitors.

    Args:
        seconds: per number of visitors, each visitor's seconds by part.
        file: where to write it.
    """
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for colour, (count, visits) in enumerate(seconds.items()):
        for part, style in STYLES.items():
            values = sorted(visit[part] for visit in visits if part in visit)
            shares = np.arange(1, len(values) + 1) / len(visits)
            label = f"{count}: {part.replace('_', ' ')}"
            axes.step([0, *values], [0, *shares], style, where="post", color=f"C{colour}", label=label)
    axes.set(xscale="symlog", xlabel="seconds since the photo was dropped", ylabel="share of the visitors")
    figure.legend(title="visitors at once", ncols=3, fontsize="small", loc="outside upper center")
    figure.savefig(file, dpi=110, metadata={"Software": None})
