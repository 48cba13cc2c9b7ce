"""Tests that every text a person reads comes from the catalogue."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.model.i18n.sources import ROOT, TEMPLATES, named, tree_of, written_as

# Files with texts for visitors of the page, callers of the API and users of ``python -m explain``.
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
# Words that no visitor reads, or that are data, with the reason. A name with brackets means a whole function.
ALLOWED = {
    "explain/bulk/command.py": {"python -m explain bulk": "the name of the command"},
    "explain/page/serving/launch.py": {"empty port": "Gradio's own words"},
    "explain/interfaces/server/guard.py": {"'self'": "a header"},
    "explain/service/metrics.py": dict.fromkeys(
        ("Analyses", "Steps of", "Answered", "Seconds of", "Stages of"), "the description of a metric in Prometheus"
    ),
    "explain/page/api.py": dict.fromkeys(("report", "methods", "maps", "second", "hide"), "names of the API's values"),
    "explain/page/components/theme.py": {"IBM Plex Sans": "a font"},
    "explain/page/layout.py": {"WhyFake": "the name of the product"},
    "explain/page/sections/common.py": {"element.addEventListener": "JavaScript"},
    "explain/interfaces/mcp/tools.py": {"WhyFake says how likely": "read by an assistant before it calls the tool"},
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

VISIBLE = {"label", "info", "title", "help", "placeholder"}  # keywords whose texts are on the screen
PROGRAMMERS = {"ValueError", "TypeError", "RuntimeError", "KeyError", "NotImplementedError"}
LOGS = {"log", "logger", "logging", "warnings"}
API = {"description", "summary", "instructions"}  # read by programs before they call an endpoint
PLACES = {"loc", "textcoords", "xycoords"}  # Matplotlib's names of places


# Prose outside the catalogue


def texts_outside(path: Path) -> Iterator[tuple[int, str]]:
    """Line and words of every string in a file that looks like a text for people and is not from the catalogue."""
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
                id(value) for key, value in zip(node.keys, node.values, strict=True) if key and written_as(key) in API
            }
    for value in (value for node in ast.walk(tree) for value in _visible(node)):
        if id(value) not in passed and re.search(r"[^\W\d_]{2}", re.sub(r"<[^<>]*>|\{\}", "", written_as(value))):
            yield value.lineno, written_as(value)
            passed |= {id(inner) for inner in ast.walk(value)}
    for node in ast.walk(tree):  # outer before inner: an f-string before its parts
        if id(node) in passed or not isinstance(node, ast.JoinedStr | ast.Constant):
            continue
        passed |= {id(part) for part in getattr(node, "values", ())}
        for words in _readable(written_as(node)):
            if _is_prose(words):
                yield node.lineno, words


def _for_programmers(node: ast.Assert | ast.Call) -> bool:
    return isinstance(node, ast.Assert) or named(node) in PROGRAMMERS or _holder(node) in LOGS


def _visible(node: ast.AST) -> list[ast.expr]:
    """Texts that are on the screen even if they are single words: names of controls."""
    if isinstance(node, ast.keyword) and node.arg in VISIBLE:
        return [node.value]
    return node.args if isinstance(node, ast.Call) and _holder(node) == "gr" else []


def _holder(call: ast.Call) -> str:
    """``log`` for ``log.error(...)``."""
    holder = call.func.value if isinstance(call.func, ast.Attribute) else None
    return holder.id if isinstance(holder, ast.Name) else ""


def _readable(written: str) -> list[str]:
    """The readable parts of a string that may be HTML: its text, and the attributes that are read aloud."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", "", written, flags=re.DOTALL)
    aloud = re.findall(r"""\b(?:alt|aria-label|title|placeholder)=["']([^"']*)["']""", bare)
    return [re.sub(r"<[^<>]*>", "\n", bare), *aloud]


def _is_prose(words: str) -> bool:
    """Two words next to each other, or one between spaces and values."""
    words = words.replace("{}", " {} ") if "{}" in words else words
    word = r"[^\W\d_]{2,}[,.;:!?…]*"
    return bool(re.search(rf"(?<![\w.\-/]){word} +{word}(?![\w\-/(=])|\{{\}} +{word} +\{{\}}", words))


def function_around(path: Path, line: int) -> str:
    """``main()`` for a line of that function; empty outside of all."""
    functions = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    around = [node for node in functions if node.lineno <= line <= (node.end_lineno or 0)]
    return f"{max(around, key=lambda node: node.lineno).name}()" if around else ""


@pytest.mark.slow
def test_code_has_no_text_outside_the_catalogue() -> None:
    outside, needed = [], dict[str, set[str]]()
    for name in SHOWN:
        allowed, path = ALLOWED.get(name, {}), ROOT / name
        for line, words in texts_outside(path):
            reasons = {item for item in allowed if item in words or item == function_around(path, line)}
            needed[name] = needed.get(name, set()) | reasons
            if not reasons:
                outside.append(f"{name}:{line}: {words}")
    assert not outside, "\n".join(outside)
    for name, allowed in ALLOWED.items():
        assert needed.get(name) == allowed.keys(), f"allowed in {name}, but no longer used there"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_no_text_except_the_name_of_the_product(path: Path) -> None:
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
def test_only_texts_outside_the_catalogue_are_found(code: str, texts: list[str], tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(code, encoding="utf-8")
    assert [words.strip() for _, words in texts_outside(path)] == texts
