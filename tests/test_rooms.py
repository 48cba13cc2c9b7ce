"""Tests of the house: each room says what it is for, and folders and files stay small enough to be read.

What a room may import is checked by ``lint-imports``, see ``pyproject.toml``.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_FILES = 14  # in a folder
MOST_LINES = 300  # of a file whose docstring does not say "longer than 300 lines", and why
PACKAGES = ("deploy", "explain", "model")
FILES = [ROOT / "app.py", *(path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py")))]
ROOMS = sorted({path.parent for path in FILES} - {ROOT, *(ROOT / name for name in PACKAGES)})


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_each_room_says_in_one_sentence_what_it_is_for() -> None:
    for room in ROOMS:
        (purpose,) = ast.parse((room / "__init__.py").read_text("utf-8")).body
        assert isinstance(purpose, ast.Expr) and isinstance(purpose.value, ast.Constant), name_of(room)
        sentence = str(purpose.value.value)
        assert sentence.endswith(".") and "\n" not in sentence, name_of(room)


def test_each_folder_holds_few_files() -> None:
    counts = Counter(name_of(path.parent) for path in [*FILES, *(ROOT / "tests").rglob("*.py")])
    assert {name: count for name, count in counts.items() if count > MOST_FILES} == {}


def test_each_file_is_short_or_says_why_not() -> None:
    long = [
        path
        for path in [*FILES, *(ROOT / "tests").rglob("*.py")]
        if len(path.read_text("utf-8").splitlines()) > MOST_LINES
    ]
    docstrings = {name_of(path): ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "" for path in long}
    assert [name for name, text in docstrings.items() if f"longer than {MOST_LINES} lines" not in text] == []
