"""Reads what a click named. A client can send anything in its place."""

from __future__ import annotations

from typing import Any

from model.errors import SettingsError
from model.i18n.catalogue import Message

MOST = 1_000_000  # of numbers, and of pixels of a picture


def chosen_in(event: Any) -> int:
    """The number of the row, region or face that was clicked.

    Args:
        event: Gradio's; ``chosen`` was set by the script of ``explain.page.sections.common``.

    Raises:
        SettingsError: if it is no whole number from 0 to ``MOST``.
    """
    number = getattr(event, "chosen", None)
    if type(number) is not int or not 0 <= number <= MOST:
        raise SettingsError(Message("page.bad_click"))
    return number


def place_in(event: Any) -> tuple[float, float]:
    """Where a picture was clicked, ``(x, y)`` in its pixels.

    Raises:
        SettingsError: if these are no two numbers.
    """
    place = getattr(event, "index", None)
    if isinstance(place, list | tuple) and len(place) >= 2:
        x, y = place[:2]
        if all(type(number) in (int, float) and abs(number) <= MOST for number in (x, y)):
            return x, y
    raise SettingsError(Message("page.bad_click"))
