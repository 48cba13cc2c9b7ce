"""How to bring one's own model, and, if the server takes models, the place for a file."""

from __future__ import annotations

import gradio as gr

from explain.html import fragments
from explain.page.components.parts import Parts, text
from model.i18n.catalogue import translate
from model.uploaded import MAX_BYTES


def own_model(parts: Parts, takes_files: bool) -> None:
    """The three ways to use an own model; if the server takes files, also the inputs for one and its status."""
    with gr.Accordion(text("page.own_model"), open=takes_files, elem_id="own-model") as parts["own_model_group"]:
        if takes_files:
            _place(parts)
        parts["own_model"] = gr.Markdown(text("page.own_model_ways"), elem_id="own-model-ways")


def _place(parts: Parts) -> None:
    parts["own_help"] = gr.HTML(text(_help), elem_id="own-help")
    with gr.Row(equal_height=False, elem_id="own-row"):
        # Any file may come: Gradio would refuse some in English; our own sentence is in the visitor's language.
        parts["own_file"] = gr.File(label=text("own.file"), height=170, scale=2, min_width=280, elem_id="own-file")
        with gr.Column(scale=3, min_width=280):
            parts["own_fake"] = gr.Textbox("", label=text("own.fake"), info=text("own.fake_help"), elem_id="own-fake")
            choices = [(text(f"own.sees_{name or 'default'}"), name) for name in ("", "face", "picture")]
            parts["own_sees"] = gr.Radio(
                choices, value="", label=text("own.sees"), info=text("own.sees_help"), elem_id="own-sees"
            )
    parts["own_button"] = gr.Button(text("own.button"), variant="primary", elem_id="own-button")
    with gr.Row(elem_id="own-running"):
        parts["own_status"] = gr.HTML(elem_id="own-status")
        parts["own_cancel"] = gr.Button(text("page.cancel"), size="sm", visible=False, scale=0, elem_id="own-cancel")


def _help() -> str:
    return fragments.paragraph(translate("own.help", limit=MAX_BYTES / 1e6), "scope")
