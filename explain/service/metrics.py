"""Counts what the server does, and writes the counts in the text format of Prometheus.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

from explain.result import Analysis

COUNTED = {  # name: (help, label)
    "whyfake_requests_total": ("Answered requests, by status.", "status"),
    "whyfake_verdicts_total": ("Analyses that came to a verdict, by verdict.", "verdict"),
    "whyfake_refusals_total": ("Analyses without an answer, by kind of error.", "kind"),
    "whyfake_stage_seconds_total": ("Seconds of work, by stage of an analysis.", "stage"),
    "whyfake_stages_total": ("Stages of analyses that were done.", "stage"),
}
GAUGES = {
    "whyfake_analyses_running": "Analyses that have begun.",
    "whyfake_analyses_waiting": "Analyses that wait for their first turn.",
    "whyfake_turns_waiting": "Steps of analyses that wait for their turn.",
}


class Metrics:
    """Counters since the start of the server; threads can share it."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
        self._lock = threading.Lock()

    def add(self, name: str, label: str, amount: float = 1) -> None:
        """Add to one of ``COUNTED``."""
        with self._lock:
            self._counts[name][label] += amount  # type: ignore[assignment]

    def add_analysis(self, analysis: Analysis) -> None:
        """Count the stages and the verdict of an analysis that has ended."""
        for stage, seconds in analysis.seconds.items():
            self.add("whyfake_stage_seconds_total", stage, seconds)
            self.add("whyfake_stages_total", stage)
        self.add("whyfake_verdicts_total", "none" if analysis.prediction is None else analysis.prediction.verdict)

    def text(self, now: Mapping[str, float]) -> str:
        """All counts, and the current values of ``GAUGES``."""
        lines = []
        with self._lock:
            for name, (about, label) in COUNTED.items():
                lines += [f"# HELP {name} {about}", f"# TYPE {name} counter"]
                lines += [f'{name}{{{label}="{value}"}} {count:g}' for value, count in self._counts[name].items()]
        for name, value in now.items():
            lines += [f"# HELP {name} {GAUGES[name]}", f"# TYPE {name} gauge", f"{name} {value:g}"]
        return "\n".join(lines) + "\n"
