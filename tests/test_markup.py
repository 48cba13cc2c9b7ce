"""Tests that HTML is only in templates, which escape every value, and not in Python files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = [
    ROOT / "app.py",
    *(path for package in ("explain", "model") for path in sorted((ROOT / package).rglob("*.py"))),
    *sorted((ROOT / "docs").glob("*.py")),
]
TEMPLATES = [path for package in ("explain", "model") for path in sorted((ROOT / package).rglob("*.html"))]
TAG = re.compile(r"</?([a-z][a-z0-9]*)(?=[\s>/]|$)|<(!doctype)", re.IGNORECASE)
# Tags in Python, by file, with the reason.
ALLOWED = {
    "explain/page/serving/launch.py": ({"script"}, "Gradio takes additions to the page's head as HTML"),
    "model/exploration/page.py": ({"br", "extra"}, "Plotly's tags in the hover text"),
    "model/backbones/imagenet.py": ({"q"}, "not a tag: a number format"),
    "model/twins/enlarger.py": ({"f4"}, "not a tag: a number format"),
}
# Calls of Markup with a value, which is not escaped again.
TRUSTED = {
    "model/exploration/page.py": "Plotly's script, and its plots, which escape their texts",
    "model/studies/tune_report.py": "Plotly's plots",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tags_in(source: str) -> Iterator[str]:
    """Tags in the strings of a Python file; docstrings are for readers of the code."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from (tag or doctype for tag, doctype in TAG.findall(node.value))


def trusts_html(source: str) -> bool:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return any(ast.unparse(call.func) == "Markup" and call.args for call in calls)


@pytest.mark.slow
def test_python_files_contain_no_markup() -> None:
    found = {name_of(path): tags for path in CODE if (tags := set(tags_in(path.read_text("utf-8"))))}
    assert found == {name: allowed for name, (allowed, _) in ALLOWED.items()}


@pytest.mark.slow
def test_only_html_of_plotly_is_trusted_in_python() -> None:
    assert {name_of(path) for path in CODE if trusts_html(path.read_text("utf-8"))} == set(TRUSTED)


def test_templates_escape_every_value() -> None:
    unescaped = re.compile(r"\|\s*safe\b|\bautoescape\b")
    assert TEMPLATES and [name_of(path) for path in TEMPLATES if unescaped.search(path.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    ("source", "tags"),
    [
        ('f"<p>{x}</p>"', ["p", "p"]),
        ("""f'<td{x} data-label="y">' + '<progress'""", ["td", "progress"]),
        ('"""<p>"""\ndef f():\n    """Such as ``<td>``."""', []),
        ('"<!doctype html>", "a < b", "<3", "-> None"', ["!doctype"]),
    ],
)
def test_tags_are_found_only_in_strings(source: str, tags: list[str]) -> None:
    assert sorted(tags_in(source)) == sorted(tags)
