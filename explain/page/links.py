"""Links that open the page with the same settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from explain.examples import example_of
from explain.html.rendering import macros
from explain.page.components.controls import IN_LINKS, is_own
from explain.page.components.updates import Controls
from explain.result import Analysis
from model.errors import UserError

MOST_DIGITS = 9  # of a number; Python refuses to read thousands


class LinkError(UserError):
    """A link has an invalid value; the message is that part of the link."""


def link_to(controls: Controls, analysis: Analysis | None = None) -> str:
    """The query of a link that opens the page with the same settings, and with the photo if it is an example.

    Returns:
        For example ``?lang=tr&superpixels=40&example=hopper_eyes``.
    """
    values = {name: _in_link(controls[name]) for name in IN_LINKS if _may_be_linked(controls[name])}
    example = None if analysis is None else example_of(analysis.photo.sha256)
    if example is not None:
        values["example"] = example.path.stem
    return "?" + urlencode({"lang": controls["language"], **values})


def _may_be_linked(value: Any) -> bool:
    """Whether others can use it: not an empty choice, and not a visitor's own model."""
    return value != "" and not (isinstance(value, str) and is_own(value))


def link_field(query: str) -> str:
    """The link to the settings, and a field to copy it from."""
    return macros("fragments").link(query)


def _in_link(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def from_link(query: Mapping[str, str]) -> dict[str, Any]:
    """The values of the controls in a link's query; missing ones are left out.

    Raises:
        LinkError: if a value that must be a number is not one.
    """
    found: dict[str, Any] = {}
    for name in IN_LINKS:
        if name not in query:
            continue
        text = query[name]
        if name in ("superpixels", "samples", "shown"):
            if not text.isdecimal() or len(text) > MOST_DIGITS:
                raise LinkError(f"{name}={text}")
            found[name] = int(text)
        elif name in ("smooth", "trust", "robustness"):
            found[name] = text == "1"
        else:
            found[name] = [part for part in text.split(",") if part] if name == "further" else text
    return found
