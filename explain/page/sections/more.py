"""More about a result, in tabs: all maps, trust, what-if, robustness, numbers and the report."""

from __future__ import annotations

import gradio as gr

from explain.html import fragments
from explain.maps.registry import MAIN_MAP, METHODS
from explain.page.components.extended import ChangingDropdown, ChangingRadio
from explain.page.components.parts import Parts, text
from explain.page.sections.common import heading, labels, picture
from explain.settings import DEFAULT_MAPS
from model.i18n.catalogue import translate

FURTHER = [name for name in METHODS if name not in DEFAULT_MAPS]


def more(parts: Parts) -> None:
    """A tab for each of them."""
    with gr.Tabs(elem_id="more-tabs") as parts["more_tabs"]:
        with gr.Tab(text("page.details"), elem_id="details-tab", render_children=True) as parts["details_tab"]:
            _details(parts)
        with gr.Tab(text("page.trust"), elem_id="trust-tab", render_children=True) as parts["trust_tab"]:
            parts["trust_title"] = gr.HTML(heading("page.trust"), elem_id="trust-title")
            parts["trust_table"] = gr.HTML(elem_id="trust-table", elem_classes="caption")
        with gr.Tab(text("page.origin"), id="origin", elem_id="origin-tab", render_children=True) as parts[
            "origin_tab"
        ]:
            parts["provenance"] = gr.HTML(elem_id="provenance", elem_classes="caption")
        with gr.Tab(text("what_if_page.heading"), elem_id="what-if-tab", render_children=True) as parts["what_if_tab"]:
            _what_if(parts)
        with gr.Tab(text("page.robustness"), elem_id="robustness-tab", render_children=True) as parts["robustness_tab"]:
            parts["robustness_title"] = gr.HTML(heading("page.robustness"), elem_id="robustness-title")
            parts["robustness_curves"] = gr.HTML(elem_id="robustness-curves", elem_classes="caption")
        with gr.Tab(text("page.numbers"), elem_id="numbers-tab", render_children=True) as parts["numbers_tab"]:
            parts["numbers"] = gr.HTML(elem_id="numbers", elem_classes="caption")
        with gr.Tab(text("page.report"), elem_id="report-tab", render_children=True) as parts["report_tab"]:
            _report(parts)


def _details(parts: Parts) -> None:
    """The face beside the further maps, and under one of them; maps that are not selected stay hidden."""
    with gr.Row(equal_height=False, elem_id="all-maps"):
        with gr.Column(min_width=280, elem_classes="map"):
            parts["original_title"] = gr.HTML(heading("page.original"), elem_id="original-title")
            parts["original_picture"] = picture(text("page.original"), "original")
        with gr.Column(min_width=280, elem_classes="map"):
            parts["slide_title"] = gr.HTML(heading("page.slide"), elem_id="slide-title")
            parts["slide_picture"] = gr.ImageSlider(
                label=text("page.slide"),
                format="png",
                interactive=False,
                max_height=640,
                elem_id="slide-picture",
            )
            parts["slide_map"] = ChangingRadio(
                [MAIN_MAP], value=MAIN_MAP, label=text("page.slide_map"), elem_id="slide-map"
            )
        for name in FURTHER:
            _further_map(parts, name)


def _further_map(parts: Parts, name: str) -> None:
    """One map with its caption."""
    elem_id = name.replace("_", "-")
    with gr.Column(min_width=280, visible=False, elem_id=f"{elem_id}-column", elem_classes="map") as parts[
        f"{name}_column"
    ]:
        parts[f"{name}_title"] = gr.HTML(elem_id=f"{elem_id}-title")
        parts[f"{name}_picture"] = picture(text(f"method.{name}.title"), name)
        if METHODS[name].drawn_as != "signed_heat":  # it has regions to describe
            readout = text(lambda: fragments.paragraph(translate("page.readout"), "readout"))
            parts[f"{name}_readout"] = gr.HTML(readout, elem_id=f"{name}-readout")
        parts[f"{name}_text"] = gr.HTML(elem_id=f"{elem_id}-text", elem_classes="caption")


def _what_if(parts: Parts) -> None:
    """Choose what is hidden on the main map's picture by number, by name, or as the smallest set."""
    parts["what_if_title"] = gr.HTML(heading("what_if_page.heading"), elem_id="what-if-title")
    parts["top"] = gr.Slider(0, 20, value=0, step=1, **labels("what_if_page.top"), elem_id="top")
    parts["regions"] = ChangingDropdown(multiselect=True, value=[], **labels("what_if_page.regions"), elem_id="regions")
    parts["smallest"] = gr.Button(text("what_if_page.smallest"), size="sm", elem_id="smallest")


def _report(parts: Parts) -> None:
    """The buttons for downloads, which are made on request, and the link to the settings."""
    with gr.Row(visible=False, elem_id="report") as parts["report_group"]:
        parts["report_html"] = gr.Button(text("page.report_html"), size="md", elem_id="report-html")
        parts["report_zip"] = gr.Button(text("page.report_zip"), size="md", elem_id="report-zip")
    wait = text(lambda: fragments.paragraph(translate("page.report_waits")))  # page.css hides it beside the buttons
    parts["report_waits"] = gr.HTML(wait, elem_id="report-waits", elem_classes="caption")
    parts["link"] = gr.HTML(elem_id="link")
