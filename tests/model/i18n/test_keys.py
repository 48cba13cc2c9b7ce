"""Tests that the catalogue has every text that is used, with its values, and no other."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from model.i18n.catalogue import Text, catalogue
from tests.model.i18n.sources import ROOT, TEMPLATES, named, tree_of, written_as

CODE = (ROOT / "app.py", *sorted((ROOT / "explain").rglob("*.py")), *sorted((ROOT / "model").rglob("*.py")))
# Functions with a key as first argument and its values as keywords; the last three only if the argument has a dot.
TEXT_FUNCTIONS = {"translate", "Message", "text", "_said", "help_text"}


# Keys


def gaps(text: Text) -> set[str]:
    """Names of the values in a text."""
    forms = [text] if isinstance(text, str) else list(text.values())
    found = {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name}
    return found if isinstance(text, str) else found | {"count"}


def literal_keys(value: ast.expr, scope: ast.AST) -> list[str]:
    """The keys that an expression may be: literals, and for a variable the literals that are assigned to it."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return [value.value]
    if isinstance(value, ast.IfExp):
        return literal_keys(value.body, scope) + literal_keys(value.orelse, scope)
    if isinstance(value, ast.Name):
        given = [
            node.value
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == value.id for t in node.targets)
        ]
        return [key for node in given if not isinstance(node, ast.Name) for key in literal_keys(node, scope)]
    return []


def text_calls(path: Path) -> Iterator[tuple[ast.Call, list[str]]]:
    """Calls that use a text, with the keys that they may use."""
    tree = tree_of(path)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and named(call) in TEXT_FUNCTIONS and call.args:
            around = [node for node in functions if node.lineno <= call.lineno <= (node.end_lineno or 0)]
            scope = max(around, key=lambda node: node.lineno) if around else tree
            keys = literal_keys(call.args[0], scope)
            yield call, keys if named(call) in ("translate", "Message") else [key for key in keys if "." in key]


@pytest.mark.slow
def test_every_text_used_in_code_is_in_the_catalogue_and_gets_its_values() -> None:
    wrong = [sentence for path in CODE for sentence in wrong_text_calls(path)]
    assert not wrong, "\n".join(wrong)


def wrong_text_calls(path: Path) -> Iterator[str]:
    """A line for each text that a file uses with a wrong key or wrong values."""
    for call, keys in text_calls(path):
        where = f"{path.name}:{call.lineno}: {', '.join(keys)}"
        if missing := set(keys) - catalogue().keys():
            yield f"{where}: no such text: {', '.join(missing)}"
            continue
        if not keys or any(keyword.arg is None for keyword in call.keywords):
            continue
        given = {str(keyword.arg) for keyword in call.keywords}
        for key in keys:
            if missing_values := gaps(catalogue()[key]["en"]) - given:
                yield f"{where}: {key} needs {', '.join(missing_values)}"
        needed = set().union(*(gaps(text) for key in keys for text in catalogue()[key].values()))
        if unused := given - needed:
            yield f"{where}: unused values: {', '.join(unused)}"


def translations(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Keys of the texts that a template uses, each with the names of its values."""
    for call in Environment().parse(path.read_text("utf-8")).find_all(nodes.Call):
        is_translation = isinstance(call.node, nodes.Name) and call.node.name == "translate"
        if is_translation and isinstance(call.args[0], nodes.Const):
            yield call.args[0].value, {keyword.key for keyword in call.kwargs}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_text_used_in_a_template_is_in_the_catalogue_and_gets_its_values(path: Path) -> None:
    for key, given in translations(path):
        assert key in catalogue()
        needed = set().union(*(gaps(text) for text in catalogue()[key].values()))
        assert gaps(catalogue()[key]["en"]) <= given <= needed, key


def key_patterns(path: Path) -> Iterator[str]:
    """Regular expressions for the keys that f-strings may produce; the f-strings begin like a key."""
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.JoinedStr) or not isinstance(node.values[0], ast.Constant):
            continue
        if re.fullmatch(r"[a-z0-9_]+\.[\w.]*", str(node.values[0].value)):
            yield "".join(
                re.escape(part.value) if isinstance(part, ast.Constant) else r"[\w.]*" for part in node.values
            )


def strings_from_arguments() -> Iterator[str]:
    """The strings that f-strings with a function's arguments produce, for each call with literal strings."""
    nodes = [node for path in CODE for node in ast.walk(tree_of(path))]
    calls: dict[str, list[ast.Call]] = {}
    for call in (node for node in nodes if isinstance(node, ast.Call)):
        calls.setdefault(named(call), []).append(call)
    for function in (node for node in nodes if isinstance(node, ast.FunctionDef) and node.name in calls):
        names = [argument.arg for argument in function.args.args]
        defaults = dict(zip(reversed(names), reversed(function.args.defaults), strict=False))
        strings = [node for node in ast.walk(function) if isinstance(node, ast.JoinedStr)]
        for call in calls[function.name]:
            given = {**defaults, **dict(zip(names, call.args, strict=False))}
            values = {f"{{{name}}}": written_as(value) for name, value in given.items()}
            for node in strings:
                yield "".join(values.get(ast.unparse(part), written_as(part)) for part in node.values)


@pytest.mark.slow
def test_every_text_of_the_catalogue_is_used() -> None:
    nodes = (node for path in CODE for node in ast.walk(tree_of(path)))
    written = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    written |= set(strings_from_arguments())
    written |= {key for path in TEMPLATES for key, _ in translations(path)}
    patterns = re.compile("|".join(pattern for path in CODE for pattern in key_patterns(path)))
    assert not [key for key in catalogue() if key not in written and not patterns.fullmatch(key)]
