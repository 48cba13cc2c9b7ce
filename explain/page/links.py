"""Small pieces that the page is made of: changes of a part, pictures inside HTML, links to the same settings."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

from explain.analysis import Analysis
from explain.examples import example_of
from explain.page.components.controls import IN_LINKS
from explain.page.components.updates import Asked
from model.i18n.catalogue import say


def link_to(asked: Asked, analysis: Analysis | None = None) -> str:
    """The query of an address that opens the page with the same settings, and with the photo if it is an example.

    Returns:
        Such as ``?lang=tr&superpixels=40&example=hopper_eyes``.
    """
    values = {name: _in_link(asked[name]) for name in IN_LINKS}
    example = None if analysis is None else example_of(analysis.photo.sha256)
    if example is not None:
        values["example"] = example.path.stem
    return "?" + urlencode({"lang": asked["language"], **values})


def link_field(query: str) -> str:
    """A field from which the link to the settings is copied, and the link itself."""
    href = escape(query)
    return (
        f'<label class="link"><a href="{href}">{escape(say("page.link"))}</a>'
        f'<input readonly value="{href}"></label><p>{escape(say("page.link_help"))}</p>'
    )


def _in_link(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def from_link(query: Mapping[str, str]) -> dict[str, Any]:
    """What a link's query asks for, as the controls hold it; parts that are not there are left out.

    Raises:
        ValueError: if a number is none; the message is that part of the link.
    """
    found: dict[str, Any] = {}
    for name in IN_LINKS:
        if name not in query:
            continue
        text = query[name]
        if name in ("superpixels", "samples", "shown"):
            if not text.isdecimal():
                raise ValueError(f"{name}={text}")
            found[name] = int(text)
        elif name in ("smooth", "trust"):
            found[name] = text == "1"
        else:
            found[name] = [part for part in text.split(",") if part] if name == "further" else text
    return found
