"""How templates become HTML: every value is escaped, and a missing value is an error."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension

SHARED = Path(__file__).with_name("templates")


class LinesJoined(Extension):
    """Leaves out the line breaks and indentation between tags, so that templates can be laid out for their readers."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return re.sub(r"(?<=[>}])[ ]*\n\s*(?=[<{])", "", source)


def environment(*folders: Path) -> Environment:
    """An environment that compiles each template when it is first used, and keeps it.

    Args:
        folders: of templates; the shared templates of this package are found as well.
    """
    return Environment(
        loader=FileSystemLoader([*folders, SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=[LinesJoined],
        auto_reload=False,
    )
