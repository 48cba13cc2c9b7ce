"""Tests of the texts of components: in the language of the layout, and updated when the language changes."""

from __future__ import annotations

import copy

import gradio as gr
import pytest

from explain.page.components.extended import SteppedBlocks
from explain.page.components.parts import Parts, text
from explain.page.components.updates import Change
from model.i18n.catalogue import translate, use_language


@pytest.mark.slow
def test_texts_follow_the_language_and_other_properties_do_not_change() -> None:
    with gr.Blocks():
        parts = Parts(
            fake=gr.HTML(text(lambda: f"<b>{translate('class.Fake')}</b>"), elem_id="fake"),
            target=gr.Radio([(text("class.Fake"), "Fake"), ("LIME", "lime")], label=text("page.photo")),
            status=gr.HTML("as it is"),
        )
    assert (parts["fake"].value, parts["target"].label) == ("<b>Fake</b>", "Photo")
    with use_language("tr"):
        changes = parts.translated({})
    assert set(changes) == {parts["fake"], parts["target"]}
    assert changes[parts["fake"]] == {"value": "<b>Sahte</b>", "__type__": "update"}
    assert changes[parts["target"]]["choices"] == [("Sahte", "Fake"), ("LIME", "lime")]
    assert parts["fake"].value == "<b>Fake</b>", "the language of one visitor must not change the page of others"


def test_updates_of_a_handler_are_merged_with_the_texts() -> None:
    with gr.Blocks():
        parts = Parts(photo=gr.Image(label=text("page.photo")), fake=gr.HTML(text("class.Fake")))
    with use_language("tr"):
        changes = parts.translated({"photo": Change(visible=False), "fake": "new"})
    assert changes[parts["photo"]] == {"label": "Fotoğraf", "visible": False, "__type__": "update"}
    assert changes[parts["fake"]] == {"value": "new", "__type__": "update"}


def test_copy_of_a_text_can_be_translated() -> None:
    copied = copy.deepcopy(text("class.Fake"))
    with use_language("tr"):
        assert (copied, copied.write()) == ("Fake", "Sahte")


@pytest.mark.slow
def test_page_is_built_in_the_visitors_language_and_in_english_by_default() -> None:
    with SteppedBlocks() as blocks:
        parts = Parts(
            language=gr.Radio([("English", "en"), ("Türkçe", "tr")], value="en"), fake=gr.HTML(text("class.Fake"))
        )
    blocks.in_language = parts.in_config

    def shown() -> list[str]:
        return [entry["props"]["value"] for entry in blocks.config["components"] if "value" in entry["props"]]

    with use_language("tr"):
        assert shown() == ["tr", "Sahte"]
    assert shown() == ["en", "Fake"]


def test_no_initial_text_of_the_page_is_english_in_another_language(shipped_page: SteppedBlocks) -> None:
    values = {}
    for code in ("en", "tr"):
        with use_language(code):
            components = shipped_page.config["components"]
        values[code] = {entry["id"]: entry["props"].get("value") for entry in components}
    sentences = {key: value for key, value in values["en"].items() if isinstance(value, str) and " " in value}
    assert len(sentences) > 10
    assert not [value for key, value in sentences.items() if values["tr"][key] == value]
