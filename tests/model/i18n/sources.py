"""The code and the templates that use texts."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted((ROOT / "explain").rglob("*.html"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def named(call: ast.Call) -> str:
    """``translate`` for ``translate(...)``; empty for a method."""
    return call.func.id if isinstance(call.func, ast.Name) else ""


def written_as(node: ast.expr) -> str:
    """The literal string, with ``{}`` in place of values; empty for other expressions."""
    if isinstance(node, ast.JoinedStr):
        return "".join(written_as(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
