"""What several sections of the page use."""

from __future__ import annotations

from typing import Any

import gradio as gr

from explain.html import captions
from explain.page.components.extended import Picture
from explain.page.components.parts import Text, text
from model.i18n.catalogue import translate

# For gr.HTML: a click on a part with data-choice selects; ``chosen`` of the event is the number in it.
CHOOSING = """element.addEventListener("click", event => {
    const part = event.target.closest("[data-choice]")
    if (part) trigger("select", {chosen: Number(part.dataset.choice)})
})"""


def heading(key: str) -> Text:
    """The title of a section, with its line of help."""
    return text(lambda: captions.heading(translate(key), translate(f"{key}_help")))


def labels(key: str) -> dict[str, Any]:
    """The name of a control, with its line of help."""
    return {"label": text(key), "info": text(f"{key}_help")}


def picture(label: str, elem_id: str) -> gr.Image:
    """A square picture of the face."""
    shown: gr.Image = Picture(
        label=label,
        format="jpeg",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id=elem_id,
        elem_classes="map-picture",
    )
    return shown
