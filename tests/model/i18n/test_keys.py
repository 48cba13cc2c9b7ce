"""Tests that the catalogue has every text that is said, with its values, and no other."""

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
# Functions whose first argument is a key and whose keywords are its values; the latter two, where it has a dot.
SAYING = {"translate", "Message", "text", "_said", "help_text"}


# Keys


def gaps(text: Text) -> set[str]:
    """Names of the values that a text asks for."""
    forms = [text] if isinstance(text, str) else list(text.values())
    found = {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name}
    return found if isinstance(text, str) else found | {"count"}


def literal_keys(value: ast.expr, scope: ast.AST) -> list[str]:
    """The keys that an expression may be, as far as they are written out; a variable's where it is given its value."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return [value.value]
    if isinstance(value, ast.IfExp):
        return literal_keys(value.body, scope) + literal_keys(value.orelse, scope)
    if isinstance(value, ast.Name):
        given = [
            one.value
            for one in ast.walk(scope)
            if isinstance(one, ast.Assign) and any(isinstance(t, ast.Name) and t.id == value.id for t in one.targets)
        ]
        return [key for one in given if not isinstance(one, ast.Name) for key in literal_keys(one, scope)]
    return []


def sayings(path: Path) -> Iterator[tuple[ast.Call, list[str]]]:
    """Calls that say a text, with the keys that they may say."""
    tree = tree_of(path)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and named(call) in SAYING and call.args:
            around = [one for one in functions if one.lineno <= call.lineno <= (one.end_lineno or 0)]
            scope = max(around, key=lambda one: one.lineno) if around else tree
            keys = literal_keys(call.args[0], scope)
            yield call, keys if named(call) in ("translate", "Message") else [key for key in keys if "." in key]


@pytest.mark.slow
def test_every_text_that_code_says_is_in_the_catalogue_and_gets_its_values() -> None:
    wrong = [sentence for path in CODE for sentence in wrong_sayings(path)]
    assert not wrong, "\n".join(wrong)


def wrong_sayings(path: Path) -> Iterator[str]:
    """A line for each text that a file says by a wrong key or with wrong values."""
    for call, keys in sayings(path):
        where = f"{path.name}:{call.lineno}: {', '.join(keys)}"
        if lacking := set(keys) - catalogue().keys():
            yield f"{where}: no such text: {', '.join(lacking)}"
            continue
        if not keys or any(keyword.arg is None for keyword in call.keywords):
            continue
        given = {str(keyword.arg) for keyword in call.keywords}
        for key in keys:
            if wanting := gaps(catalogue()[key]["en"]) - given:
                yield f"{where}: {key} wants {', '.join(wanting)}"
        needed = set().union(*(gaps(text) for key in keys for text in catalogue()[key].values()))
        if needless := given - needed:
            yield f"{where}: nothing asks for {', '.join(needless)}"


def translations(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Keys of the texts that a template says, each with the names of its values."""
    for call in Environment().parse(path.read_text("utf-8")).find_all(nodes.Call):
        is_said = isinstance(call.node, nodes.Name) and call.node.name == "translate"
        if is_said and isinstance(call.args[0], nodes.Const):
            yield call.args[0].value, {keyword.key for keyword in call.kwargs}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_text_that_a_template_says_is_in_the_catalogue_and_gets_its_values(path: Path) -> None:
    for key, given in translations(path):
        assert key in catalogue()
        needed = set().union(*(gaps(text) for text in catalogue()[key].values()))
        assert gaps(catalogue()[key]["en"]) <= given <= needed, key


def key_patterns(path: Path) -> Iterator[str]:
    """What an f-string that begins as a key does may become, as a regular expression."""
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.JoinedStr) or not isinstance(node.values[0], ast.Constant):
            continue
        if re.fullmatch(r"[a-z0-9_]+\.[\w.]*", str(node.values[0].value)):
            yield "".join(
                re.escape(part.value) if isinstance(part, ast.Constant) else r"[\w.]*" for part in node.values
            )


def made_of_arguments() -> Iterator[str]:
    """What an f-string becomes that begins with a function's argument, for each call with strings written out."""
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
def test_every_text_of_the_catalogue_is_said_somewhere() -> None:
    nodes = (node for path in CODE for node in ast.walk(tree_of(path)))
    written = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    written |= set(made_of_arguments())
    written |= {key for path in TEMPLATES for key, _ in translations(path)}
    patterns = re.compile("|".join(pattern for path in CODE for pattern in key_patterns(path)))
    assert not [key for key in catalogue() if key not in written and not patterns.fullmatch(key)]
