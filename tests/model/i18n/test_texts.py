"""Tests that every text a person reads comes from the catalogue, and that the catalogue holds nothing else."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from model.i18n.catalogue import Text, catalogue

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted((ROOT / "explain").rglob("*.html"))
CODE = (ROOT / "app.py", *sorted((ROOT / "explain").rglob("*.py")), *sorted((ROOT / "model").rglob("*.py")))
# Whatever a visitor of the page, a caller of the API or a user of ``python -m explain`` may read.
SHOWN = [
    "app.py",
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "explain").rglob("*.py"))),
    *("model/i18n/preferences.py", "model/errors.py"),
    *(
        "model/photos/photo.py",
        "model/photos/faces.py",
        "model/detector/detector.py",
        "model/detector/engine.py",
        "model/artifact/preprocessing.py",
    ),
    *("model/artifact/card.py", "model/available.py", "model/found.py", "model/i18n/catalogue.py"),
    *(
        "model/model_card/document.py",
        "model/model_card/parts.py",
        "model/artifact/facts.py",
        "model/model_card/figures.py",
        "model/model_card/robustness.py",
    ),
    "model/model_card/unseen.py",
    *("model/legacy/convert.py", "model/legacy/card.py", "model/legacy/check.py", "model/legacy/folder.py"),
    *("model/legacy/apart.py", "model/legacy/described.py"),
    *("model/legacy/graph.py", "model/legacy/h5.py", "model/legacy/labels.py", "model/networks/plan.py"),
    *("model/legacy/operators.py", "model/networks/rebuild.py"),
]
# Functions whose first argument is a key and whose keywords are its values; the latter two, where it has a dot.
SAYING = {"translate", "Message", "text", "_said", "help_text"}
VISIBLE = {"label", "info", "title", "help", "placeholder"}  # keywords whose texts stand on the screen
PROGRAMMERS = {"ValueError", "TypeError", "RuntimeError", "KeyError", "NotImplementedError"}
LOGS = {"log", "logger", "logging", "warnings"}
API = {"description", "summary", "instructions"}  # what programs read of an endpoint before they call it
PLACES = {"loc", "textcoords", "xycoords"}  # Matplotlib's names of places

# Words that no visitor reads, or that are data, with the reason. A name with brackets stands for a whole function.
ALLOWED = {
    "app.py": {"empty port": "Gradio's own words"},
    "explain/bulk/command.py": {"python -m explain bulk": "how the command is called"},
    "explain/interfaces/server/guard.py": {"'self'": "a header"},
    "explain/service/metrics.py": dict.fromkeys(
        ("Analyses", "Steps of", "Answered", "Seconds of", "Stages of"), "what Prometheus shows beside a metric"
    ),
    "explain/page/api.py": dict.fromkeys(("report", "methods", "maps"), "names of the API's values"),
    "explain/page/components/theme.py": {"IBM Plex Sans": "a font"},
    "explain/page/layout.py": {"WhyFake": "the name of the product"},
    "explain/page/sections/common.py": {"element.addEventListener": "JavaScript"},
    "explain/interfaces/mcp.py": {"WhyFake says how likely": "what an assistant reads before it asks"},
    "explain/maps/attention.py": {"either class": "data: the target of a map that explains neither class"},
    "explain/provenance/finding.py": {"states generated": "data: the strength of a finding"},
    "explain/provenance/generators.py": {
        "Stable Diffusion": "the name of a product",
        "Job ID": "what a generator writes into its files",
    },
    "explain/regions/superpixels.py": {"labels from": "of a ValueError for programmers"},
    "explain/regions/facial.py": {"left ": "data: a region's name", "right ": "data: a region's name"},
    "explain/interfaces/http.py": {
        "WhyFake": "the name of the product",
        **dict.fromkeys(
            ("can't be used", "is too large", "A field is", "wait already", "An unexpected", "disk is full"),
            "the API's description",
        ),
    },
    "model/errors.py": {"No space left": "the system's own words"},
    "model/artifact/facts.py": {"face crops": "data of card.json", "whole pictures": "data of card.json"},
    "model/found.py": dict.fromkeys(("legacy file", "model folder", "ONNX model"), "a kind, never shown"),
    "model/legacy/convert.py": {
        "Whether its training": "the report of an import, kept in card.json and printed by a tool",
        "was used instead": "the report of an import, kept in card.json and printed by a tool",
    },
    "model/artifact/card.py": {"the owner's": "data of card.json"},
    "model/legacy/graph.py": {"was replaced by": "the report of an import, kept in card.json and printed by a tool"},
    "model/model_card/document.py": {
        name: "the document of a tool, docs/model_card.md"
        for name in ("markdown()", "_reproduction()", "_argument()", "write_model_card()")
    },
}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


# Keys


def gaps(text: Text) -> set[str]:
    """Names of the values that a text asks for."""
    forms = [text] if isinstance(text, str) else list(text.values())
    found = {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name}
    return found if isinstance(text, str) else found | {"count"}


def named(call: ast.Call) -> str:
    """``translate`` for ``translate(...)``; empty for a method."""
    return call.func.id if isinstance(call.func, ast.Name) else ""


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
        asked = set().union(*(gaps(text) for key in keys for text in catalogue()[key].values()))
        if needless := given - asked:
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
        asked = set().union(*(gaps(text) for text in catalogue()[key].values()))
        assert gaps(catalogue()[key]["en"]) <= given <= asked, key


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
            values = {f"{{{name}}}": _written(value) for name, value in given.items()}
            for node in strings:
                yield "".join(values.get(ast.unparse(part), _written(part)) for part in node.values)


def test_every_text_of_the_catalogue_is_said_somewhere() -> None:
    nodes = (node for path in CODE for node in ast.walk(tree_of(path)))
    written = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    written |= set(made_of_arguments())
    written |= {key for path in TEMPLATES for key, _ in translations(path)}
    patterns = re.compile("|".join(pattern for path in CODE for pattern in key_patterns(path)))
    assert not [key for key in catalogue() if key not in written and not patterns.fullmatch(key)]


# Prose outside the catalogue


def texts_outside(path: Path) -> Iterator[tuple[int, str]]:
    """Line and words of everything in a file that looks like a text for people and is none of the catalogue's."""
    tree, passed = tree_of(path), set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # docstrings
            passed.add(id(node.value))
        elif isinstance(node, ast.Assert | ast.Call) and _for_programmers(node):
            passed |= {id(inner) for inner in ast.walk(node)}
        elif isinstance(node, ast.keyword) and node.arg in API | PLACES:
            passed |= {id(inner) for inner in ast.walk(node.value)}
        elif isinstance(node, ast.Dict):
            passed |= {
                id(value) for key, value in zip(node.keys, node.values, strict=True) if key and _written(key) in API
            }
    for value in (value for node in ast.walk(tree) for value in _visible(node)):
        if id(value) not in passed and re.search(r"[^\W\d_]{2}", re.sub(r"<[^<>]*>|\{\}", "", _written(value))):
            yield value.lineno, _written(value)
            passed |= {id(inner) for inner in ast.walk(value)}
    for node in ast.walk(tree):  # outer before inner: an f-string before its parts
        if id(node) in passed or not isinstance(node, ast.JoinedStr | ast.Constant):
            continue
        passed |= {id(part) for part in getattr(node, "values", ())}
        for words in _readable(_written(node)):
            if _is_prose(words):
                yield node.lineno, words


def _for_programmers(node: ast.Assert | ast.Call) -> bool:
    return isinstance(node, ast.Assert) or named(node) in PROGRAMMERS or _of(node) in LOGS


def _visible(node: ast.AST) -> list[ast.expr]:
    """What stands on the screen even if it is a single word: names of controls."""
    if isinstance(node, ast.keyword) and node.arg in VISIBLE:
        return [node.value]
    return node.args if isinstance(node, ast.Call) and _of(node) == "gr" else []


def _of(call: ast.Call) -> str:
    """``log`` for ``log.error(...)``."""
    holder = call.func.value if isinstance(call.func, ast.Attribute) else None
    return holder.id if isinstance(holder, ast.Name) else ""


def _written(node: ast.expr) -> str:
    """A string as it is written, with ``{}`` where a value goes; empty for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_written(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _readable(written: str) -> list[str]:
    """What a person gets to read of a string that may be HTML: its text, and the attributes that are read aloud."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", "", written, flags=re.DOTALL)
    aloud = re.findall(r"""\b(?:alt|aria-label|title|placeholder)=["']([^"']*)["']""", bare)
    return [re.sub(r"<[^<>]*>", "\n", bare), *aloud]


def _is_prose(words: str) -> bool:
    """Two words beside each other, or one between spaces and values."""
    words = words.replace("{}", " {} ") if "{}" in words else words
    word = r"[^\W\d_]{2,}[,.;:!?…]*"
    return bool(re.search(rf"(?<![\w.\-/]){word} +{word}(?![\w\-/(=])|\{{\}} +{word} +\{{\}}", words))


def function_around(path: Path, line: int) -> str:
    """``main()`` for a line of that function; empty outside of all."""
    functions = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    around = [one for one in functions if one.lineno <= line <= (one.end_lineno or 0)]
    return f"{max(around, key=lambda one: one.lineno).name}()" if around else ""


def test_no_text_stands_outside_the_catalogue() -> None:
    outside, needed = [], dict[str, set[str]]()
    for name in SHOWN:
        allowed, path = ALLOWED.get(name, {}), ROOT / name
        for line, words in texts_outside(path):
            reasons = {one for one in allowed if one in words or one == function_around(path, line)}
            needed[name] = needed.get(name, set()) | reasons
            if not reasons:
                outside.append(f"{name}:{line}: {words}")
    assert not outside, "\n".join(outside)
    for name, allowed in ALLOWED.items():
        assert needed.get(name) == allowed.keys(), f"allowed in {name}, but no longer there"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_text_but_our_name_stands_in_a_template(path: Path) -> None:
    bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", path.read_text("utf-8"), flags=re.DOTALL)
    words = {word for text in _readable(bare) for word in re.findall(r"[^\W\d_]{2,}", text)}
    assert words <= {"Why", "Fake", "WhyFake"}


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ('"""A docstring with words."""', []),
        ('log.warning("Words for the log.")', []),
        ('raise ValueError(f"words for programmers, got {x}")', []),
        ('field(description="Words for programs.", loc="upper right")', []),
        ('name, key = "jpeg 50", "photo.too_large"', []),
        ("""draw('<p class="big words"><br></p>', label=translate("page.photo"), title="")""", []),
        ('found = "Words that are shown"', ["Words that are shown"]),
        ('found = f"<b>{low} to {high}</b>"', ["{} to {}"]),
        ("""found = f'<img alt="Words read aloud" src="{x}">'""", ["Words read aloud"]),
        ('draw(label="Photo", info=f"Words on {x}")', ["Photo", "Words on {}"]),
        ('gr.Button("Cancel")', ["Cancel"]),
        ('raise PhotoError("The photo is empty.")', ["The photo is empty."]),
    ],
)
def test_texts_outside_are_found_and_nothing_else(code: str, texts: list[str], tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(code, encoding="utf-8")
    assert [words.strip() for _, words in texts_outside(path)] == texts
