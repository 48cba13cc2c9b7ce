"""The layout of the page."""

from functools import partial
from typing import Any

import gradio as gr

from explain.html import fragments
from explain.page import models as page_models
from explain.page.clip.section import clip_section
from explain.page.components.extended import ChangingRadio, SteppedBlocks, remove_failed_uploads
from explain.page.components.parts import Parts, text
from explain.page.detectors.own import OwnModels
from explain.page.many.section import many_photos
from explain.page.run import Page
from explain.page.sections.one_photo import one_photo
from explain.page.sections.own_model import own_model
from explain.page.sections.settings import settings_drawer
from explain.page.wiring import wire
from explain.service.service import Service
from model.available import Models
from model.i18n.catalogue import DEFAULT, languages

SWEEP_S, KEPT_S = 3600, 3600  # how often old files of visitors are deleted, and the age at which they are old
MOST_WAITING = 32  # events of each queue that wait for a place
STATES: tuple[tuple[str, Any], ...] = (
    ("photo", None),
    ("seen", None),
    ("second_seen", None),
    ("refused", None),
    ("hidden", []),
    ("face", 0),
    ("whole", False),
    ("many_progress", None),
    ("clip_seen", None),
)


def build_page(models: Models, service: Service | None = None, own: OwnModels | None = None) -> SteppedBlocks:
    """The page with these models, and the endpoints for programs.

    Args:
        models: the available ones.
        service: shared with the other interfaces.
        own: keeps the models that visitors bring; None takes none.
    """
    page = Page(models, service, own)
    remove_failed_uploads()
    with SteppedBlocks(title="WhyFake", analytics_enabled=False, delete_cache=(SWEEP_S, KEPT_S)) as blocks:
        parts = lay_out(page)
        blocks.leave = wire(page, parts, blocks)
        blocks.in_language = parts.in_config
    blocks.queue(max_size=MOST_WAITING)
    return blocks


def lay_out(page: Page) -> Parts:
    """Make the components of the page, with their texts in the current language."""
    parts, card = Parts(), page.models.get(page.at_start).card
    _header(parts, page)
    with gr.Tabs(elem_id="tabs") as parts["tabs"]:
        with gr.Tab(text("page.one"), id="one", elem_id="one-tab") as parts["one_tab"]:
            one_photo(parts)
        with gr.Tab(text("page.many"), id="many", elem_id="many-tab") as parts["many_tab"]:
            many_photos(parts)
        with gr.Tab(text("page.clip"), id="clip", elem_id="clip-tab") as parts["clip_tab"]:
            clip_section(parts)
        with gr.Tab(text("page.model_tab"), id="model", elem_id="model-tab") as parts["model_tab"]:
            parts["model_pictures"] = gr.HTML(elem_id="model-pictures")
            parts["card"] = gr.HTML(text(partial(fragments.model_card, card, folded=True)), elem_id="card")
            own_model(parts, page.own.allowed)
    with gr.Accordion(text("page.reading"), open=False, elem_id="reading-group") as parts["reading_group"]:
        parts["reading"] = gr.Markdown(text(fragments.reading), elem_id="reading")
    settings_drawer(parts, page.models, page.models.get(page.at_start))
    # Outside the tabs, since a tab's content is made only when it is opened: every tab's files are sent from here.
    parts["ready"] = gr.DownloadButton(visible="hidden", elem_id="ready")
    for name, start in STATES:
        parts[name] = gr.State(start)
    return parts


def _header(parts: Parts, page: Page) -> None:
    """The name of the page, its limits in one line, the language and the model."""
    models, card = page.models, page.models.get(page.at_start).card
    with gr.Row(elem_id="top-row"):
        parts["header"] = gr.HTML(text(fragments.header), elem_id="header", scale=5)
        parts["language"] = gr.Radio(
            [(name, code) for code, name in languages().items()],
            value=DEFAULT,
            label=text("page.language"),
            elem_id="language",
            container=False,
            scale=0,
            min_width=240,
        )
    parts["models_note"] = gr.HTML(text(partial(page_models.notices, models)), elem_id="models-note")
    parts["models_clock"] = gr.Timer(page_models.CLOCK_S, active=models.importing is not None)
    with gr.Row(elem_id="scope-row"):
        parts["scope"] = gr.HTML(text(partial(fragments.scope_line, card)), elem_id="scope", scale=3)
        parts["model"] = ChangingRadio(
            page_models.choices(models),
            value=page.at_start,
            label=text("page.model"),
            elem_id="model",
            container=False,
            visible=len(models.names) > 1,
            scale=2,
        )
