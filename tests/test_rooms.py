"""Tests of the house: each room says what it is for, and folders and files stay small enough to be read.

What a room may import is checked by ``lint-imports``, see ``pyproject.toml``.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MOST_FILES = 14  # in a folder
MOST_LINES = 300  # of a file whose docstring does not say "longer than 300 lines", and why
PACKAGES = ("explain", "model")
FILES = [ROOT / "app.py", *(path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py")))]
ROOMS = sorted({path.parent for path in FILES} - {ROOT, *(ROOT / name for name in PACKAGES)})


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_room_says_in_one_sentence_what_it_is_for(room: Path) -> None:
    (purpose,) = ast.parse((room / "__init__.py").read_text("utf-8")).body
    assert isinstance(purpose, ast.Expr) and isinstance(purpose.value, ast.Constant)
    sentence = str(purpose.value.value)
    assert sentence.endswith(".") and "\n" not in sentence


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES}), ids=name_of)
def test_folder_holds_few_files(folder: Path) -> None:
    assert len([path for path in FILES if path.parent == folder]) <= MOST_FILES


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_file_is_short_or_says_why_not(path: Path) -> None:
    text = path.read_text("utf-8")
    docstring = ast.get_docstring(ast.parse(text)) or ""
    assert len(text.splitlines()) <= MOST_LINES or f"longer than {MOST_LINES} lines" in docstring
