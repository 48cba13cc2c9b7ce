"""Tests of the structure of the code: each package states its purpose, and folders and files are small enough to read.

``lint-imports`` checks the imports of each package, see ``pyproject.toml``.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_FILES = 14  # in a folder
MOST_LINES = 300  # of a file, unless its docstring gives a reason with the words "longer than 300 lines"
PACKAGES = ("deploy", "explain", "model")
FILES = [ROOT / "app.py", *(path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py")))]
SUBPACKAGES = sorted({path.parent for path in FILES} - {ROOT, *(ROOT / name for name in PACKAGES)})


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_each_package_states_its_purpose_in_one_sentence() -> None:
    for package in SUBPACKAGES:
        (purpose,) = ast.parse((package / "__init__.py").read_text("utf-8")).body
        assert isinstance(purpose, ast.Expr) and isinstance(purpose.value, ast.Constant), name_of(package)
        sentence = str(purpose.value.value)
        assert sentence.endswith(".") and "\n" not in sentence, name_of(package)


def test_each_folder_has_few_files() -> None:
    counts = Counter(name_of(path.parent) for path in [*FILES, *(ROOT / "tests").rglob("*.py")])
    assert {name: count for name, count in counts.items() if count > MOST_FILES} == {}


def test_each_file_is_short_or_explains_its_length() -> None:
    long = [
        path
        for path in [*FILES, *(ROOT / "tests").rglob("*.py")]
        if len(path.read_text("utf-8").splitlines()) > MOST_LINES
    ]
    docstrings = {name_of(path): ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "" for path in long}
    assert [name for name, text in docstrings.items() if f"longer than {MOST_LINES} lines" not in text] == []
