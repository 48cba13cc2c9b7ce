"""The ways to hide a region as choices of the page."""

from __future__ import annotations

from explain.page.components.parts import text
from explain.page.components.updates import Change
from explain.regions.hiding import AUTO, TOKENS
from explain.settings import HIDE_CHOICES
from model.detector.detector import Detector


def hide_choices(detector: Detector, chosen: str = AUTO) -> Change:
    """The ways that a model supports; the default replaces a chosen one that it does not support."""
    names = [name for name in HIDE_CHOICES if name != TOKENS or detector.patch_grid is not None]
    choices = [(text(f"hiding.{name}"), name) for name in names]
    return Change(choices=choices, value=chosen if chosen in names else AUTO)
