"""What a caller asks to know whether to stop."""

from __future__ import annotations


def never() -> bool:
    """What a caller asks who will not cancel."""
    return False
