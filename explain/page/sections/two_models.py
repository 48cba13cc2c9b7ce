"""The section with a second model beside the first one."""

from __future__ import annotations

import gradio as gr

from explain.maps.registry import MAIN_MAP
from explain.page.components.parts import Parts, text
from explain.page.sections.common import heading, picture


def two_models(parts: Parts) -> None:
    """The sentence on both, each one's verdict and main map, and the regions of both; hidden until one is chosen."""
    with gr.Column(visible=False, elem_id="second") as parts["second_group"]:
        parts["second_title"] = gr.HTML(heading("second.title"), elem_id="second-title")
        with gr.Row(elem_id="second-running"):
            parts["second_status"] = gr.HTML(elem_id="second-status")
            parts["second_cancel"] = gr.Button(
                text("page.cancel"), size="sm", visible=False, scale=0, elem_id="second-cancel"
            )
        parts["second_sentence"] = gr.HTML(elem_id="second-sentence")
        with gr.Row(equal_height=False, elem_id="both"):
            for side in ("first", "second"):
                with gr.Column(min_width=280, elem_classes="map"):
                    parts[f"{side}_verdict"] = gr.HTML(elem_id=f"{side}-verdict")
                    parts[f"{side}_picture"] = picture(text(f"method.{MAIN_MAP}.title"), f"{side}-picture")
                    parts[f"{side}_text"] = gr.HTML(elem_id=f"{side}-text", elem_classes="caption")
            with gr.Column(min_width=280):
                parts["second_table"] = gr.HTML(elem_id="second-table", elem_classes="caption")
