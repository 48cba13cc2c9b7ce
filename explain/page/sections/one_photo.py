"""The tab for one photo: its first screen holds the verdict, the reason and the two maps that are always made."""

from __future__ import annotations

import gradio as gr

from explain.examples import examples
from explain.html import fragments
from explain.maps.registry import MAIN_MAP
from explain.page.components.extended import PhotoInput, Picture
from explain.page.components.parts import Parts, text
from explain.page.sections.common import CHOOSING, picture
from explain.page.sections.more import more
from explain.page.sections.two_models import two_models
from explain.settings import DEFAULT_MAPS
from model.i18n.catalogue import translate


def one_photo(parts: Parts) -> None:
    """The examples, the place for a photo, the result, and the tabs with more about it."""
    _examples(parts)
    with gr.Row(equal_height=False, elem_id="first-row"):
        with gr.Column(scale=4, min_width=300, elem_id="left"):
            _photo_and_verdict(parts)
        with gr.Column(scale=8, min_width=320, elem_id="right"):
            parts["placeholder"] = gr.HTML(text(fragments.placeholder), elem_id="placeholder")
            with gr.Column(visible=False, elem_id="why") as parts["maps"]:
                parts["reason"] = gr.HTML(elem_id="reason")
                with gr.Row(equal_height=False, elem_id="maps"):
                    for name in reversed(DEFAULT_MAPS):
                        _main_map(parts, name)
    two_models(parts)
    with gr.Column(visible=False, elem_id="more") as parts["more"]:
        more(parts)
    parts["pointed_at"] = gr.HTML(elem_id="pointed-at")


def _examples(parts: Parts) -> None:
    """A strip of buttons, each with a small picture of an example."""
    with gr.Row(elem_id="examples"):
        title = text(lambda: fragments.paragraph(translate("page.examples"), "examples-title"))
        parts["examples_title"] = gr.HTML(title, elem_id="examples-title", scale=0, min_width=90)
        for example in examples():
            name = f"example_{example.path.stem}"
            parts[name] = gr.Button(
                text(f"example.{example.path.stem}"),
                icon=str(example.path),
                elem_id=name.replace("_", "-"),
                elem_classes="example",
                min_width=100,
                size="sm",
            )


def _photo_and_verdict(parts: Parts) -> None:
    """Where a photo is dropped, the verdict, and the photo with its faces."""
    parts["photo_input"] = PhotoInput(
        label=text("page.photo"),
        show_label=False,
        placeholder=text("page.drop"),
        sources=["upload", "clipboard", "webcam"],
        height=130,
        elem_id="photo",
    )
    with gr.Row(elem_id="running"):
        parts["status"] = gr.HTML(elem_id="status")
        parts["cancel"] = gr.Button(text("page.cancel"), size="sm", visible=False, scale=0, elem_id="cancel")
        parts["settings_button"] = gr.Button(text("page.settings"), size="sm", scale=0, elem_id="settings-button")
    with gr.Column(visible=False, elem_id="verdict-group") as parts["verdict_group"]:
        parts["verdict"] = gr.HTML(elem_id="verdict")
    parts["notice"] = gr.HTML(visible=False, elem_id="notice")
    parts["whole_button"] = gr.Button(text("page.whole"), visible=False, elem_id="whole-button")
    parts["found"] = Picture(
        label=text("page.found"),
        elem_id="found",
        visible=False,
        interactive=False,
        format="jpeg",
        height=290,
        buttons=["fullscreen"],
    )
    parts["faces_table"] = gr.HTML(elem_id="faces-table", js_on_load=CHOOSING)


def _main_map(parts: Parts, name: str) -> None:
    """One of the maps that are always made, with what its colours mean."""
    with gr.Column(min_width=280, elem_id=f"{name}-column", elem_classes="map") as parts[f"{name}_column"]:
        parts[f"{name}_title"] = gr.HTML(elem_id=f"{name}-title")
        if name == MAIN_MAP:
            parts["what_if_text"] = gr.HTML(text(fragments.what_if_help), elem_id="what-if-text")
        parts[f"{name}_picture"] = picture(text(f"method.{name}.title"), name)
        readout = text(lambda: fragments.paragraph(translate("page.readout"), "readout"))
        with gr.Row(elem_classes="below-map"):
            parts[f"{name}_readout"] = gr.HTML(readout, elem_id=f"{name}-readout")
            if name == MAIN_MAP:
                parts["show_all"] = gr.Button(
                    text("what_if_page.show_all"), size="sm", scale=0, visible=False, elem_id="show-all"
                )
        parts[f"{name}_text"] = gr.HTML(elem_id=f"{name}-text", elem_classes="caption")
        if name == MAIN_MAP:
            parts["ranked"] = gr.HTML(elem_id="ranked", js_on_load=CHOOSING)
