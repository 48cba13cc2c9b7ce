"""The tab for a clip: where it is dropped, and its result."""

from __future__ import annotations

import gradio as gr

from explain.html import fragments
from explain.page.components.parts import Parts, text
from explain.page.sections.common import CHOOSING
from model.clips.clip import MAX_BYTES, MEGABYTE, ON_A_SERVER
from model.i18n.catalogue import translate


def clip_section(parts: Parts) -> None:
    """The drop area for a clip, its line and faces, and every moment in numbers."""
    parts["clip_help"] = gr.HTML(text(_help), elem_id="clip-help")
    parts["clip_file"] = gr.File(label=text("page.clip_file"), height=150, elem_id="clip-file")
    parts["clip_notice"] = gr.HTML(visible=False, elem_id="clip-notice")
    with gr.Row(elem_id="clip-running"):
        parts["clip_status"] = gr.HTML(elem_id="clip-status")
        parts["clip_cancel"] = gr.Button(text("page.cancel"), size="sm", visible=False, scale=0, elem_id="clip-cancel")
        parts["clip_report"] = gr.Button(
            text("page.report_html"), size="sm", visible=False, scale=0, elem_id="clip-report"
        )
    parts["clip_result"] = gr.HTML(visible=False, elem_id="clip-result", js_on_load=CHOOSING)
    parts["clip_moments"] = gr.HTML(visible=False, elem_id="clip-moments", js_on_load=CHOOSING)


def _help() -> str:
    sentence = translate("page.clip_help", seconds=ON_A_SERVER.seconds, limit=MAX_BYTES // MEGABYTE)
    return fragments.paragraph(sentence, "scope")
