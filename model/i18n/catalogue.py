"""Every text that a person reads, in English and Turkish: one catalogue, whose sentences are filled in here.

The catalogue is the folder ``model/i18n/texts``: TOML files in which each key holds its text in every language, side by
side::

    [photo.too_large]
    en = "This file has {size:.1f} MB; {limit} MB are the most."
    tr = "Bu dosya {size:.1f} MB; en çok {limit} MB olabilir."

    [faces.found]
    en = { one = "One face was found.", other = "{count} faces were found." }
    tr = "{count} yüz bulundu."

Code names the key and hands over bare numbers; how a number is written is the language's business.
"""

from __future__ import annotations

import os
import string
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeVar

from model.paths import TEXTS

LANGUAGES = {"en": "English", "tr": "Türkçe"}
DEFAULT = "en"
VARIABLE = "WHYFAKE_LANGUAGE"  # the environment's word on the language
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # the system's, each deciding where those before it are silent
Text = str | dict[str, str]
Step = TypeVar("Step")
_spoken: ContextVar[str] = ContextVar("language", default=DEFAULT)


def language() -> str:
    """The language spoken now, a key of ``LANGUAGES``."""
    return _spoken.get()


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Speak a language inside the block, in this thread alone.

    Raises:
        ValueError: if ``name`` is no key of ``LANGUAGES``.
    """
    if name not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {name!r}")
    before = _spoken.set(name)
    try:
        yield
    finally:
        _spoken.reset(before)


def language_of_environment() -> str:
    """The language of whoever starts a command: that of ``WHYFAKE_LANGUAGE``, else the system's, if we speak it."""
    if (chosen := os.environ.get(VARIABLE)) in LANGUAGES:
        return str(chosen)
    locale = next(filter(None, map(os.environ.get, LOCALE)), DEFAULT)
    return next((name for name in LANGUAGES if locale.lower().startswith(name)), DEFAULT)


def in_language(name: str | Callable[[], str], steps: Iterator[Step]) -> Iterator[Step]:
    """The steps of a generator, each made while ``name`` is spoken: servers may run each one in another thread.

    Args:
        name: a language, or what tells before each step which one it is by now.
        steps: what to go through.
    """
    while True:
        with speaking(name if isinstance(name, str) else name()):
            try:
                step = next(steps)
            except StopIteration:
                return
        yield step


def say(key: str, /, **values: Any) -> str:
    """The text of a key in the language spoken now.

    Args:
        key: the names of its TOML tables with dots between them.
        values: what the text's braces hold; ``count`` also chooses between ``one`` and ``other``.

    Raises:
        KeyError: if the catalogue has no such key, or the text wants a value that was not given.
    """
    text = catalogue()[key][language()]
    if isinstance(text, dict):
        text = text["one" if values["count"] == 1 else "other"]
    return _FORMATTER.vformat(text, (), values)


class Said:
    """A text to be said later, in the language that is spoken by then: ``str()`` says it."""

    def __init__(self, key: str, /, **values: Any) -> None:
        self.key, self.values = key, values

    def __str__(self) -> str:
        return say(self.key, **self.values)

    def __repr__(self) -> str:
        return f"Said({self.key!r}, {self.values!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Said) and (self.key, self.values) == (other.key, other.values)

    def __hash__(self) -> int:
        return hash(self.key)


def as_data(value: Any) -> Any:
    """A text to be said later as plain data for JSON: its key, and the values in it, which may be such texts."""
    if isinstance(value, Said):
        return [value.key, {name: as_data(inner) for name, inner in value.values.items()}]
    # Names of files may hold bytes that no text has.
    return value if isinstance(value, int | float) else str(value).encode("utf-8", "replace").decode("utf-8")


def from_data(data: Any) -> Any:
    """Back from ``as_data``."""
    if not isinstance(data, list):
        return data
    key, values = data
    return Said(key, **{name: from_data(value) for name, value in values.items()})


def number(value: float, form: str = ".2f") -> str:
    """A number as the language writes it; ``form`` is Python's format specification, such as ``.2f``, ``,`` or ``.0%``.

    Turkish has the decimal comma, the thousands' point, and the percent sign in front.
    """
    written = format(value, form).replace("-", "−")
    if language() != "tr":
        return written
    written = written.translate(str.maketrans(",.", ".,"))
    return f"%{written[:-1]}" if written.endswith("%") else written


class _Formatter(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> Any:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and format_spec:
            return number(value, format_spec)
        return super().format_field(value, format_spec)


_FORMATTER = _Formatter()


@cache
def catalogue() -> Mapping[str, Mapping[str, Text]]:
    """Every text by key and language.

    Raises:
        ValueError: if two files of the catalogue have a key in common.
    """
    found: dict[str, Mapping[str, Text]] = {}
    for path in sorted(TEXTS.glob("*.toml")):
        entries = dict(_entries(tomllib.loads(path.read_text(encoding="utf-8"))))
        if twice := found.keys() & entries.keys():
            raise ValueError(f"{path.name} repeats {', '.join(sorted(twice))}")
        found |= entries
    return found


def _entries(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, Mapping[str, Text]]]:
    if DEFAULT in table:
        yield ".".join(path), table
        return
    for name, inner in table.items():
        yield from _entries(inner, (*path, name))


class LanguageError(ValueError):
    """A language is asked for that the catalogue does not hold; the message names those that it holds."""


def known_language(name: str) -> str:
    """The same name, if it is a key of ``LANGUAGES``.

    Raises:
        LanguageError: if not.
    """
    if name not in LANGUAGES:
        raise LanguageError(Said("doors.language", name=name, known=", ".join(LANGUAGES)))
    return name
