"""What stands where on the page."""

from functools import partial
from typing import Any

import gradio as gr

from explain.batch import table
from explain.examples import examples
from explain.html import captions, fragments
from explain.maps.registry import METHODS
from explain.page import batch
from explain.page import models as page_models
from explain.page.components.controls import AT_FIRST, LIMITS, settings_from
from explain.page.components.extended import ChangingDropdown, ChangingRadio, PhotoInput, SteppedBlocks
from explain.page.components.parts import Parts
from explain.page.run import SLIDE_FIRST, Page
from explain.page.wiring import wire
from explain.regions.superpixels import METHODS as SEGMENTATIONS
from explain.service.service import Doors
from explain.settings import ALWAYS, HIDES_ASKED, LIKELIER, TARGETS
from model.available import Models
from model.i18n.catalogue import DEFAULT, LANGUAGES, say

FURTHER = [name for name in METHODS if name not in ALWAYS]


def _helped(name: str, room: str = "settings") -> dict[str, Any]:
    """The words of a control with one line of help."""
    return {"label": f"{room}.{name}", "info": f"{room}.{name}_help"}


def build_page(models: Models, learn_examples: bool = False, doors: Doors | None = None) -> gr.Blocks:
    """The page around the models, with the endpoints for programs beside it.

    Args:
        models: those to choose from.
        learn_examples: analyse the examples beforehand, while nobody waits, so that they answer at once.
        doors: shared with the other ways into the product.
    """
    page, parts = Page(models, doors), Parts()
    add = parts.add
    with SteppedBlocks(title="WhyFake", analytics_enabled=False, delete_cache=(3600, 3600)) as blocks:
        with gr.Row(elem_id="top-row"):
            add("header", gr.HTML, said={"value": fragments.header}, scale=5)
            add(
                *("language", gr.Radio, [(name, code) for code, name in LANGUAGES.items()]),
                said={"label": "page.language"},
                value=DEFAULT,
                container=False,
                scale=0,
                min_width=240,
            )
        add("scope", gr.HTML, fragments.scope(models.get(page.at_start).card))
        add("models_note", gr.HTML, said={"value": partial(page_models.notices, models)})
        add("models_clock", gr.Timer, page_models.CLOCK_S, active=models.importing is not None)
        add(
            *("model", ChangingRadio),
            said={"label": "page.model", "choices": partial(page_models.choices, models)},
            value=page.at_start,
            container=False,
            visible=len(models.names) > 1,
        )
        with add("tabs", gr.Tabs):
            with add("one_tab", gr.Tab, said={"label": "page.one"}, id="one"):
                _one_photo(parts)
            with add("many_tab", gr.Tab, said={"label": "page.many"}, id="many"):
                _many_photos(parts)
            with add("model_tab", gr.Tab, said={"label": "page.model_tab"}, id="model"):
                add("model_pictures", gr.HTML)
                add("card", gr.HTML, fragments.model_card(models.get(page.at_start).card))
        with add("reading_group", gr.Accordion, said={"label": "page.reading"}, open=False):
            add("reading", gr.Markdown, said={"value": fragments.reading})
        for name, start in (("seen", None), ("hidden", []), ("face", 0), ("whole", False), ("many_progress", None)):
            add(name, gr.State, start)
        wire(page, parts, blocks)
    if learn_examples:
        # What the visitors' controls hold at first is what most of them ask for.
        page.doors.memory.learn_examples(settings_from(AT_FIRST), lambda: models.get(models.first), page.busy)
    return blocks


def _one_photo(parts: Parts) -> None:
    add = parts.add
    with gr.Row(equal_height=False, elem_id="first-row"):
        with gr.Column(scale=5, min_width=320, elem_id="left"):
            add(
                *("photo", PhotoInput),
                said={"label": "page.photo"},
                sources=["upload", "clipboard", "webcam"],
                height=330,
            )
            add(
                *("found", gr.Image),
                said={"label": "page.found"},
                visible=False,
                interactive=False,
                format="jpeg",
                height=300,
                buttons=["fullscreen"],
            )
            add("faces_table", gr.HTML)
        with gr.Column(scale=6, min_width=320, elem_id="right"):
            add("placeholder", gr.HTML, said={"value": fragments.placeholder})
            add("notice", gr.HTML, visible=False)
            add("whole_button", gr.Button, said={"value": "page.whole"}, visible=False)
            with add("verdict_group", gr.Column, visible=False):
                add("verdict", gr.HTML)
                add(
                    "label", gr.Label, said={"label": "page.probabilities"}, show_heading=False, elem_id="probabilities"
                )
            with gr.Row(elem_id="running"):
                add("status", gr.HTML)
                add("cancel", gr.Button, said={"value": "page.cancel"}, size="sm", visible=False, scale=0)
            _settings(parts)
    _examples(parts)
    with add("maps", gr.Column, visible=False, elem_id="why"):
        _maps(parts)
        with add("trust_group", gr.Accordion, said={"label": "page.trust"}, open=False):
            add("trust_numbers", gr.HTML, elem_classes="caption")
        _what_if(parts)
    with add("robustness_group", gr.Column, visible=False):
        add(
            *("robustness_title", gr.HTML),
            said={"value": lambda: captions.heading(say("page.robustness"), say("page.robustness_help"))},
        )
        add("robustness", gr.HTML, elem_classes="caption")
    _take_away(parts)


def _examples(parts: Parts) -> None:
    """A button with a small picture for each example."""
    parts.add(
        "examples_title", gr.HTML, said={"value": lambda: f'<p class="examples-title">{say("page.examples")}</p>'}
    )
    with gr.Row(elem_id="examples"):
        for example in examples():
            parts.add(
                *(f"example_{example.path.stem}", gr.Button),
                said={"value": lambda example=example: example.title},
                icon=str(example.path),
                elem_classes="example",
                min_width=120,
                size="sm",
            )


def _settings(parts: Parts) -> None:
    """The controls that decide a run, each with a line of help."""
    add = parts.add
    with add("settings_group", gr.Accordion, said={"label": "page.settings"}, open=False):
        add(
            *("target", gr.Radio),
            said={**_helped("target"), "choices": _targets},
            value=AT_FIRST["target"],
        )
        for name, said, step in (
            ("superpixels", _helped("superpixels"), 5),
            ("samples", _helped("samples"), 100),
            ("shown", _helped("shown"), 1),
        ):
            add(name, gr.Slider, *LIMITS[name], AT_FIRST[name], said=said, step=step)
        add("smooth", gr.Checkbox, AT_FIRST["smooth"], said=_helped("smooth"))
        add("further", gr.CheckboxGroup, said={**_helped("further"), "choices": _further}, value=AT_FIRST["further"])
        add("trust", gr.Checkbox, AT_FIRST["trust"], said=_helped("trust"))
        add("segmentation", gr.Radio, list(SEGMENTATIONS), said=_helped("segmentation"), value=AT_FIRST["segmentation"])
        add("hide", gr.Radio, list(HIDES_ASKED), said=_helped("hide"), value=AT_FIRST["hide"])
        add("link", gr.HTML)


def _targets() -> list[tuple[str, str]]:
    return [(say("settings.likelier"), LIKELIER), *((say(f"class.{name}"), name) for name in TARGETS)]


def _further() -> list[tuple[str, str]]:
    return [(METHODS[name].title, name) for name in FURTHER]


def _maps(parts: Parts) -> None:
    """The face beside its maps, or under one of them; maps that were not asked for stay hidden."""
    add = parts.add
    add("why_title", gr.HTML, said={"value": lambda: captions.heading(say("page.why"), say("page.why_help"))})
    with gr.Tabs(elem_id="maps-tabs"):
        with (
            add("side_tab", gr.Tab, said={"label": "page.side_by_side"}),
            gr.Row(equal_height=False, elem_id="maps"),
        ):
            with gr.Column(min_width=280, elem_classes="map"):
                add(
                    *("original_title", gr.HTML),
                    said={"value": lambda: captions.heading(say("page.original"), say("page.original_help"))},
                )
                _picture(parts, "original_picture", "original", "page.original")
            for name in (*reversed(ALWAYS), *FURTHER):
                with add(f"{name}_column", gr.Column, min_width=280, visible=name in ALWAYS, elem_classes="map"):
                    add(f"{name}_title", gr.HTML)
                    _picture(parts, f"{name}_picture", name, lambda name=name: METHODS[name].title)
                    if name in ("lime", "attention", "occlusion"):
                        add(
                            *(f"{name}_readout", gr.HTML),
                            said={"value": lambda: f'<p class="readout">{say("page.readout")}</p>'},
                        )
                    add(f"{name}_text", gr.HTML, elem_classes="caption")
                    if name == "lime":
                        add("lime_table", gr.HTML, elem_classes="caption")
        with add("slide_tab", gr.Tab, said={"label": "page.slide"}):
            add("slide_map", ChangingRadio, said={"label": "page.slide_map"}, choices=[SLIDE_FIRST], value=SLIDE_FIRST)
            add(
                *("slide_picture", gr.ImageSlider),
                said={"label": "page.slide"},
                format="png",
                interactive=False,
                max_height=640,
                elem_classes="slide-picture",
            )
    add("pointed_at", gr.HTML)


def _picture(parts: Parts, name: str, elem_id: str, label: Any) -> None:
    parts.add(
        *(name, gr.Image),
        said={"label": label},
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id=elem_id,
        elem_classes="map-picture",
    )


def _what_if(parts: Parts) -> None:
    """The face without some of its patches, and the controls that choose them."""
    add = parts.add
    with gr.Row(equal_height=False, elem_id="what-if"):
        with gr.Column(min_width=320):
            add(
                *("what_if_title", gr.HTML),
                said={"value": lambda: captions.heading(say("what_if_page.heading"), say("what_if_page.heading_help"))},
            )
            add("what_if_text", gr.HTML, fragments.what_if_help(), elem_classes="caption")
            add("top", gr.Slider, 0, 20, 0, said=_helped("top", "what_if_page"), step=1)
            add("regions", ChangingDropdown, said=_helped("regions", "what_if_page"), multiselect=True, value=[])
            with gr.Row():
                add("smallest", gr.Button, said={"value": "what_if_page.smallest"}, size="sm")
                add("show_all", gr.Button, said={"value": "what_if_page.show_all"}, size="sm")
        with gr.Column(min_width=320):
            _picture(parts, "what_if_picture", "what-if-picture", "what_if_page.picture")


def _take_away(parts: Parts) -> None:
    """Downloads, made when they are asked for."""
    add = parts.add
    with add("report_group", gr.Row, visible=False, elem_id="report"):
        add("report_html", gr.Button, said={"value": "page.report_html"}, size="md")
        add("report_zip", gr.Button, said={"value": "page.report_zip"}, size="md")
    add("ready", gr.DownloadButton, visible="hidden")


def _many_photos(parts: Parts) -> None:
    """A place to drop files, a table that fills, and what to do with it."""
    add = parts.add
    add("many_help", gr.HTML, said={"value": batch.help_line})
    with gr.Row(equal_height=True):
        add("many_files", gr.File, said={"label": "page.many_files"}, file_count="multiple", height=150, scale=4)
        add("many_folder", gr.UploadButton, said={"label": "page.many_folder"}, file_count="directory", scale=1)
    add("many_notice", gr.HTML, visible=False)
    with gr.Row(elem_id="many-running"):
        add("many_status", gr.HTML)
        add("many_cancel", gr.Button, said={"value": "page.cancel"}, size="sm", visible=False, scale=0)
        add("many_csv", gr.Button, said={"value": "page.many_csv"}, size="sm", visible=False, scale=0)
    add(
        *("many_table", gr.Dataframe),
        said={"headers": table.columns, "label": "page.many_table"},
        datatype=list(table.DATA_TYPES),
        type="array",
        interactive=False,
        visible=False,
        show_search="filter",
        wrap=True,
        max_height=600,
        column_widths=["6%", "24%", "8%", "10%", "16%", "28%", "8%"],
    )
