"""The default of every ``cancelled`` argument."""

from __future__ import annotations


def not_cancelled() -> bool:
    """For callers that never cancel."""
    return False
