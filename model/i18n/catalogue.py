"""Looks up every user text by key and language, and fills in its values.

The folder ``model/i18n/texts`` holds one folder per language, named by its code, with the same TOML files in each::

    photo.too_large = "This file has {size:.1f} MB; {limit} MB are the most."
    faces.found = { one = "One face was found.", other = "{count} faces were found." }

To add a language, add a folder. Code passes the key and plain numbers; Babel knows how the language writes numbers and
which plural form (``zero``, ``one``, ``two``, ``few``, ``many``, ``other``) belongs to a count.
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

from babel import Locale, negotiate_locale

from model.paths import TEXTS

DEFAULT = "en"
FORMS = {"zero", "one", "two", "few", "many", "other"}  # plural forms, with the names of Unicode's CLDR
VARIABLE = "WHYFAKE_LANGUAGE"  # environment variable that sets the language
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # the system's variables: the first that is set decides
Text = str | dict[str, str]
Step = TypeVar("Step")
_spoken: ContextVar[str] = ContextVar("language", default=DEFAULT)


@cache
def languages() -> Mapping[str, str]:
    """Code and own name of each language that has a folder of texts; the default comes first."""
    names = catalogue()["language.name"]
    return {code: str(names[code]) for code in sorted(names, key=lambda code: (code != DEFAULT, code))}


def language() -> str:
    """The current language, a key of ``languages``."""
    return _spoken.get()


@contextmanager
def use_language(name: str) -> Iterator[None]:
    """Use a language inside the block, in this thread (or asynchronous task) only.

    Raises:
        ValueError: if ``name`` is not a key of ``languages``.
    """
    if name not in languages():
        raise ValueError(f"language must be one of {', '.join(languages())}, got {name!r}")
    before = _spoken.set(name)
    try:
        yield
    finally:
        _spoken.reset(before)


def language_of_environment() -> str:
    """The language of a command: ``WHYFAKE_LANGUAGE``, else the system's; English if we have no texts in it."""
    if (chosen := os.environ.get(VARIABLE)) in languages():
        return str(chosen)
    locale = next(filter(None, map(os.environ.get, LOCALE)), DEFAULT)
    return negotiate_locale([locale.partition(".")[0]], languages()) or DEFAULT


def help_text(key: str, **values: object) -> str:
    """A text in the environment's language, for a command's help: Python evaluates it before it reads any option."""
    with use_language(language_of_environment()):
        return translate(key, **values)


def in_language(name: str | Callable[[], str], steps: Iterator[Step]) -> Iterator[Step]:
    """Run each step of a generator in the language ``name``: a server may run every step in a different thread.

    Args:
        name: a language, or a function that returns it, called before each step.
        steps: the generator.
    """
    while True:
        with use_language(name if isinstance(name, str) else name()):
            try:
                step = next(steps)
            except StopIteration:
                return
        yield step


def translate(key: str, /, **values: Any) -> str:
    """The text of a key in the current language.

    Args:
        key: the names of the TOML tables and of the entry, with dots between them.
        values: the values of the placeholders; ``count`` also selects the plural form.

    Raises:
        KeyError: if the language has no text for this key, or if a value is missing.
    """
    text = catalogue()[key][language()]
    if isinstance(text, dict):
        text = text.get(_locale(language()).plural_form(values["count"]), text["other"])
    return _FORMATTER.vformat(text, (), values)


class Message:
    """A text that is translated later: ``str()`` gives it in the language of that moment."""

    def __init__(self, key: str, /, **values: Any) -> None:
        self.key, self.values = key, values

    def __str__(self) -> str:
        return translate(self.key, **self.values)

    def __repr__(self) -> str:
        return f"Message({self.key!r}, {self.values!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self.key, self.values) == (other.key, other.values)

    def __hash__(self) -> int:
        return hash(self.key)


def as_data(value: Any) -> Any:
    """A ``Message`` as data for JSON: its key and values, which may be messages, too. Other values: numbers or text."""
    if isinstance(value, Message):
        return [value.key, {name: as_data(inner) for name, inner in value.values.items()}]
    # File names may contain bytes that are not valid text.
    return value if isinstance(value, int | float) else str(value).encode("utf-8", "replace").decode("utf-8")


def from_data(data: Any) -> Any:
    """The ``Message`` or value that ``as_data`` turned into data."""
    if not isinstance(data, list):
        return data
    key, values = data
    return Message(key, **{name: from_data(value) for name, value in values.items()})


def number(value: float, form: str = ".2f") -> str:
    """A number as the current language writes it; ``form`` is Python's format, such as ``.2f``, ``,`` or ``.0%``.

    Python rounds; Babel gives the separators and the place of the percent sign: Turkish writes ``0,94`` and ``%94``.
    """
    locale = _locale(language())
    signs = locale.number_symbols["latn"]  # Python writes Latin digits
    written = format(value, form).replace("-", "−")
    digits = written.rstrip("%").translate(str.maketrans({",": signs["group"], ".": signs["decimal"]}))
    return locale.percent_formats[None].pattern.replace("#,##0", digits) if written.endswith("%") else digits


@cache
def _locale(name: str) -> Locale:
    return Locale.parse(name)


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
        ValueError: if two files of a language contain the same key.
    """
    found: dict[str, dict[str, Text]] = {}
    for path in sorted(TEXTS.glob("*/*.toml")):
        for key, text in _entries(tomllib.loads(path.read_text(encoding="utf-8"))):
            texts = found.setdefault(key, {})
            if path.parent.name in texts:
                raise ValueError(f"{path.parent.name}/{path.name} repeats {key}")
            texts[path.parent.name] = text
    return found


def _entries(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, Text]]:
    for name, inner in table.items():
        if isinstance(inner, str) or ("other" in inner and inner.keys() <= FORMS):
            yield ".".join((*path, name)), inner
        else:
            yield from _entries(inner, (*path, name))
