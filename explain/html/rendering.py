"""Renders the templates of this package; they get texts of the catalogue by ``translate``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment

from explain.drawing.palette import data_url
from model.html.environment import environment
from model.i18n.catalogue import language, number, translate

TEMPLATES = Path(__file__).with_name("templates")


def macros(name: str) -> Any:
    """The macros of the template ``name.html``, as functions that return ``Markup``: HTML with escaped values.

    Join two of them with ``+``: an f-string or ``"".join`` makes plain text of them, which would be escaped again.
    """
    return _environment().get_template(f"{name}.html").module


def render(name: str, **values: object) -> str:
    """The template ``name.html``, rendered with these values."""
    return _environment().get_template(f"{name}.html").render(values)


@cache
def _environment() -> Environment:
    templates = environment(TEMPLATES)
    templates.globals |= {"translate": translate, "number": number, "language": language, "data_url": data_url}
    return templates
