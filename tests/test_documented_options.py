"""Tests that the commands have every option in the documentation."""

from __future__ import annotations

import re
from pkgutil import resolve_name

import pytest
from typer.main import get_command

from model.__main__ import COMMANDS
from model.cli import app_of
from tests.test_readme import TEXTS

MAINS = {
    "app.py": "app:main",
    "-m explain": "explain.interfaces.command:main",
    "-m explain bulk": "explain.bulk.command:main",
    **{f"-m model {name}": target for name, (target, _) in COMMANDS.items()},
}


def documented() -> dict[str, set[str]]:
    """The documented options of each command, in one line or in several that end with a backslash."""
    found: dict[str, set[str]] = {}
    names = "|".join(map(re.escape, sorted(MAINS, key=len, reverse=True)))
    for text in TEXTS.values():
        for name, rest in re.findall(rf"python[\d.]* ({names})\b([^`\n]*)", re.sub(r"\\\n\s*", " ", text)):
            found.setdefault(name, set()).update(re.findall(r"(?<!\S)--[a-z][\w-]*", rest.split(" #")[0]))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), documented().items(), ids=list(documented()))
def test_documented_options_exist(name: str, options: set[str]) -> None:
    parameters = get_command(app_of(resolve_name(MAINS[name]))).params
    assert options <= {option for each in parameters for option in (*each.opts, *each.secondary_opts)} | {"--help"}
