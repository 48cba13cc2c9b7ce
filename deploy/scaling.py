"""How many replicas there should be: by the analyses that are open, not by open tabs, each of which holds a request."""

from __future__ import annotations

from typing import Any

from ray.serve.config import AutoscalingContext

OPEN = "open_analyses"  # what replicas report: those that run and those that wait in their queues


def by_open_analyses(context: AutoscalingContext) -> tuple[float, dict[str, Any]]:
    """So many that each has ``target_ongoing_requests`` open analyses; Serve applies its limits and delays to it."""
    assert context.config is not None  # only tests of Serve leave it out
    reported = (context.aggregated_metrics or {}).get(OPEN, {})
    return sum(reported.values()) / context.config.get_target_ongoing_requests(), context.policy_state
