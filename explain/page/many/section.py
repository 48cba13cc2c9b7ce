"""The tab for many photos: where files are dropped, and the table of results."""

from __future__ import annotations

import gradio as gr

from explain.html.rendering import macros
from explain.page.components.parts import Parts, text
from explain.page.many import judge
from explain.page.sections.common import CHOOSING


def many_photos(parts: Parts) -> None:
    """The drop area for files, the table of results, and its buttons."""
    parts["many_help"] = gr.HTML(text(judge.help_line), elem_id="many-help")
    with gr.Row(equal_height=True):
        parts["many_files"] = gr.File(
            label=text("page.many_files"), file_count="multiple", height=150, scale=4, elem_id="many-files"
        )
        parts["many_folder"] = gr.UploadButton(
            text("page.many_folder"), file_count="directory", scale=1, elem_id="many-folder"
        )
    parts["many_notice"] = gr.HTML(visible=False, elem_id="many-notice")
    with gr.Row(elem_id="many-running"):
        parts["many_status"] = gr.HTML(elem_id="many-status")
        parts["many_cancel"] = gr.Button(text("page.cancel"), size="sm", visible=False, scale=0, elem_id="many-cancel")
        parts["many_csv"] = gr.Button(text("page.many_csv"), size="sm", visible=False, scale=0, elem_id="many-csv")
    parts["many_filter"] = gr.HTML(text(lambda: macros("many").filter()), visible=False, elem_id="many-filter")
    parts["many_table"] = gr.HTML(visible=False, elem_id="many-table", js_on_load=CHOOSING)
