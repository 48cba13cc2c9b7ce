"""Tests that a language needs only a folder of texts: every part of the page uses a language made up here."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from explain.page.layout import lay_out
from explain.page.run import Page
from model.available import Models, available_models
from model.i18n import catalogue
from model.i18n.catalogue import VARIABLE, language_of_environment, languages, number, translate, use_language
from model.i18n.preferences import preferred_language
from tests.support.html import read

CODE, NAME = "pl", "Made-up"
FORMS = ("one", "few", "many", "other")  # of a plural in Polish
UNMARKED = {"whyfake", "lite", "attention"}  # names, of the product and of a model


@pytest.fixture
def made_up_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Add a language to the shipped ones; its texts are the English ones between ``⟦`` and ``⟧``."""
    texts = tmp_path / "texts"
    shutil.copytree(catalogue.TEXTS, texts)
    lines = []
    for key, entry in catalogue.catalogue().items():
        text = entry["en"]
        if isinstance(text, str):
            lines.append(f"{key} = {json.dumps(NAME if key == 'language.name' else f'⟦{text}⟧')}")
        else:
            other = text["other"]
            lines += [f"{key}.{form} = {json.dumps(f'⟦{form}: {other}⟧')}" for form in FORMS]
    (texts / CODE).mkdir()
    (texts / CODE / "all.toml").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setattr(catalogue, "TEXTS", texts)
    for cached in (catalogue.catalogue, languages):
        cached.cache_clear()
    yield
    for cached in (catalogue.catalogue, languages):
        cached.cache_clear()


def unmarked(text: str) -> set[str]:
    """Words on the page that are not in a text of the language."""
    page = read(text)
    shown = f"{page.words} {page.labels}"
    while (inner := re.sub("⟦[^⟦⟧]*⟧", " ", shown)) != shown:
        shown = inner
    return set(re.findall(r"[^\W\d_]{2,}", shown.lower()))


@pytest.mark.slow
def test_every_text_of_the_page_comes_from_the_folder_of_the_language(made_up_language: None) -> None:
    with gr.Blocks():
        parts = lay_out(Page(Models(available_models(None), print)))
    assert (NAME, CODE) in parts["language"].choices
    with use_language(CODE):
        changes = parts.translated({})
    del changes[parts["card"]]  # it quotes the names and licences of the data, which are the same in every language
    texts = [
        text
        for change in changes.values()
        for key, value in change.items()
        if key != "__type__"
        for text in (value if isinstance(value, list) else [value])
    ]
    texts = [text[0] if isinstance(text, tuple) else text for text in texts]
    assert len(texts) > 60
    assert not set().union(*map(unmarked, texts)) - UNMARKED


@pytest.mark.slow
@pytest.mark.parametrize("name", ["target", "further", "segmentation", "hide"])
def test_every_choice_of_a_setting_is_translated(made_up_language: None, name: str) -> None:
    with gr.Blocks(), use_language(CODE):
        parts = lay_out(Page(Models(available_models(None), print)))
    assert not set().union(*(unmarked(label) for label, _ in parts[name].choices))


def test_plurals_and_numbers_follow_the_rules_of_the_language(made_up_language: None) -> None:
    with use_language(CODE):
        forms = [translate("faces.caption", count=count).split(":")[0] for count in (1, 2, 5, 22, 1.5)]
        assert forms == ["⟦one", "⟦few", "⟦many", "⟦few", "⟦other"]
        assert number(1234567.5, ",.1f") == "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567,5"
        assert (number(0.944, ".0%"), number(-0.5, "+.1f")) == ("94%", "−0,5")


def test_language_is_chosen_by_browser_header_and_environment(
    made_up_language: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(languages()) == ["en", CODE, "tr"]
    assert preferred_language("de, pl-PL;q=0.9, en;q=0.5") == CODE
    for variables in ({VARIABLE: CODE}, {VARIABLE: "", "LC_ALL": "pl_PL.UTF-8"}):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert language_of_environment() == CODE
