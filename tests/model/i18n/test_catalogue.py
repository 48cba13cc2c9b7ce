"""Tests of the catalogue: every key in every language with the same values, and numbers in each language's format."""

from __future__ import annotations

import string
import threading
from collections.abc import Iterator

import pytest

from model.i18n import catalogue as language
from model.i18n.catalogue import Message, Text, catalogue, in_language, languages, number, translate, use_language


def forms(text: Text) -> list[str]:
    """Every form of a text: a single form, or all plural forms."""
    return [text] if isinstance(text, str) else list(text.values())


def gaps(text: Text) -> set[str]:
    """Names of the values in a text."""
    return {name for form in forms(text) for _, name, _, _ in string.Formatter().parse(form) if name}


def test_every_key_has_a_text_in_every_language_with_the_same_values() -> None:
    for key, entry in catalogue().items():
        assert set(entry) == set(languages()), key
        for text in entry.values():
            assert all(form.strip() == form and form for form in forms(text)), key
            assert gaps(text) - {"count"} == gaps(entry["en"]) - {"count"}, key


def test_language_is_used_only_inside_its_block() -> None:
    with use_language("tr"):
        assert translate("class.Fake") == "Sahte"
        with use_language("en"):
            assert translate("class.Fake") == "Fake"
        assert language.language() == "tr"
    assert translate("class.Fake") == "Fake"
    with pytest.raises(ValueError, match="one of en, tr"), use_language("xx"):
        pass


def test_message_is_translated_when_it_is_read() -> None:
    later = Message("class.Real")
    assert str(ValueError(later)) == "Real"
    with use_language("tr"):
        assert str(ValueError(later)) == f"{later}" == "Gerçek"
    assert later == Message("class.Real") != Message("class.Fake")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "en"),
        ({"LANG": "tr_TR.UTF-8"}, "tr"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "tr_TR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "tr_TR", "LC_ALL": ""}, "tr"),
        ({"LANG": "en_GB.UTF-8", "WHYFAKE_LANGUAGE": "tr"}, "tr"),
        ({"LANG": "tr_TR.UTF-8", "WHYFAKE_LANGUAGE": "en"}, "en"),
        ({"LANG": "tr_TR.UTF-8", "WHYFAKE_LANGUAGE": "klingon"}, "tr"),
    ],
)
def test_environment_variables_choose_the_language(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (language.VARIABLE, *language.LOCALE):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language.language_of_environment() == expected


def test_each_step_of_a_generator_uses_its_language_in_any_thread() -> None:
    def steps() -> Iterator[str]:
        yield translate("class.Fake")
        yield translate("class.Real")

    found, made = [], in_language("tr", steps())
    for _ in range(2):
        thread = threading.Thread(target=lambda: found.append(next(made)))
        thread.start()
        thread.join()
    assert found == ["Sahte", "Gerçek"] and not list(made) and language.language() == "en"


def test_language_of_a_generator_may_change_between_its_steps() -> None:
    def steps() -> Iterator[str]:
        yield translate("class.Fake")
        yield translate("class.Real")

    chosen = iter(["tr", "en", "en"])
    assert list(in_language(lambda: next(chosen), steps())) == ["Sahte", "Real"]


@pytest.mark.parametrize(
    ("value", "form", "english", "turkish"),
    [
        (0.944, ".2f", "0.94", "0,94"),
        (-0.5, "+.1f", "−0.5", "−0,5"),
        (1234567.5, ",.1f", "1,234,567.5", "1.234.567,5"),
        (0.944, ".0%", "94%", "%94"),
        (1200, ",", "1,200", "1.200"),
    ],
)
def test_numbers_are_written_in_the_format_of_the_language(value: float, form: str, english: str, turkish: str) -> None:
    assert number(value, form) == english
    with use_language("tr"):
        assert number(value, form) == turkish


def test_texts_are_filled_in_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"n": {"en": {"one": "{count} face, {p:.1f}", "other": "{count:,} faces"}, "tr": "{count:,} yüz, {p:.1f}"}}
    monkeypatch.setattr(language, "catalogue", lambda: known)
    assert translate("n", count=1, p=0.25) == "1 face, 0.2" and translate("n", count=2000) == "2,000 faces"
    with use_language("tr"):
        assert translate("n", count=2000, p=0.5) == "2.000 yüz, 0,5"
    with pytest.raises(KeyError):
        translate("m")
