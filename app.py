"""The page: ``python app.py`` opens WhyFake on http://127.0.0.1:7860."""

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any

import gradio as gr
import typer

from explain.batch import table
from explain.batch.photos import MAX_UPLOAD
from explain.examples import examples
from explain.html import captions
from explain.html import fragments as words
from explain.interfaces.gradio_api import Programs
from explain.interfaces.http import plain_routes
from explain.maps.registry import METHODS
from explain.page import batch, what_if
from explain.page import models as page_models
from explain.page.components.updates import Change, Updates
from explain.page.controls import AT_FIRST, CONTROLS, LIMITS, settings_from
from explain.page.downloads import download
from explain.page.run import SLIDE_FIRST, Page, slide
from explain.page.view import View
from explain.regions.superpixels import METHODS as SEGMENTATIONS
from explain.service.fetch import fetch, from_data_url
from explain.service.refusal import Refused
from explain.service.service import BUSY_VISITORS, SEATS, Doors
from explain.service.uploads import Uploads, UploadsError
from explain.settings import ALWAYS, HIDES_ASKED, LIKELIER, TARGETS, Settings
from model.available import Models, to_choose_from
from model.cli import run
from model.errors import ArtifactError, PhotoError
from model.i18n.catalogue import DEFAULT, LANGUAGES, language_of_environment, say, speaking
from model.paths import EXAMPLES, ROOT

# Served by the page itself; the package's semi-bold cut of this font has few letters, so the bold stands in.
FONT = (gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif")
THEME = gr.themes.Soft(primary_hue="teal", neutral_hue="slate", radius_size="lg", font=FONT).set(
    # Gradio's own subdued grey is too pale to read on white (contrast 2.6 where 4.5 is asked for).
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_400",
    block_border_width="1px",
    checkbox_border_width="1px",
    checkbox_border_color="*neutral_400",
    checkbox_label_border_width="1px",
    input_border_width="1px",
    block_label_text_color="*primary_700",
    block_title_text_color="*primary_700",
    # Its own greens are too pale under white letters, and its links too dark on dark.
    block_label_background_fill_dark="*primary_700",
    block_title_background_fill_dark="*primary_700",
    checkbox_label_background_fill_selected="*primary_700",
    checkbox_label_background_fill_selected_dark="*primary_700",
    checkbox_label_text_color_selected="white",
    checkbox_label_text_color_selected_dark="white",
    link_text_color="*primary_700",
    link_text_color_dark="*primary_300",
    link_text_color_visited="*primary_700",
    link_text_color_visited_dark="*primary_300",
    link_text_color_hover="*primary_800",
    link_text_color_hover_dark="*primary_200",
    input_placeholder_color_dark="*neutral_300",
)
ASSETS = ROOT / "explain" / "page" / "assets"
CSS, SCRIPT = ASSETS / "page.css", ASSETS / "page.js"
FURTHER = [name for name in METHODS if name not in ALWAYS]
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
AT_ONCE: dict[str, Any] = {"queue": False, **PRIVATE}  # what takes milliseconds does not wait for others' runs
A_RUN: dict[str, Any] = {"concurrency_limit": SEATS, "concurrency_id": "model", **PRIVATE}
# Whoever drops a thousand photos must not keep the others from theirs; each of the thousand takes its turn as well.
A_BATCH: dict[str, Any] = {"concurrency_limit": BUSY_VISITORS, "concurrency_id": "many", **PRIVATE}


def _hand_over(self: gr.Image, payload: Any) -> str | bytes | None:
    """The uploaded file as it is: ``open_photo`` alone decides what is a photo and what to say if it is none."""
    if payload is None:
        return None
    if payload.url and payload.url.startswith("data:"):
        try:
            return from_data_url(payload.url)
        except PhotoError as error:
            raise gr.Error(str(error), print_exception=False) from None
    # A caller may name any path; only what was uploaded is the caller's own.
    if payload.path is None or not Path(payload.path).resolve().is_relative_to(Path(self.GRADIO_CACHE).resolve()):
        raise gr.Error(say("page.not_uploaded"), print_exception=False)
    return str(payload.path)


async def _bring_in(self: gr.Image, place: str | Path | None) -> str | None:
    """Fetch a photo at an address by our own limits; files that were uploaded are Gradio's business."""
    if not str(place).startswith(("http://", "https://")):
        return await gr.Image.async_move_resource_to_block_cache(self, place)
    try:
        photo = await asyncio.to_thread(fetch, str(place))
    except PhotoError as error:
        raise gr.Error(str(error), print_exception=False) from error
    path = gr.processing_utils.save_bytes_to_cache(photo, "photo.bin", self.GRADIO_CACHE)
    self.temp_files.add(path)
    return path


def _as_chosen(self: Any, payload: Any) -> Any:
    """The choice, whether it is still offered or not."""
    return payload


def _extended(name: str, kind: type, **methods: Any) -> Any:
    """A component that differs from Gradio's in some methods; for the browser it is what it extends.

    Made without its metaclass's own constructor, which would write a stub file (.pyi) beside this one at every start.
    """
    return type.__new__(type(kind), name, (kind,), {**methods, "is_template": True})


# An image input that leaves the file alone.
PhotoInput = _extended("PhotoInput", gr.Image, preprocess=_hand_over, async_move_resource_to_block_cache=_bring_in)
# Choices that come and go. Gradio refuses one that is no longer offered, and with it the whole event: that of a visitor
# who dropped the next photo before the last one's choices had left the browser. Handlers see for themselves.
ChangingRadio = _extended("ChangingRadio", gr.Radio, preprocess=_as_chosen)
ChangingDropdown = _extended("ChangingDropdown", gr.Dropdown, preprocess=_as_chosen)


class Parts:
    """The parts of the page by name: what the handlers may read and change, and the words that follow the language."""

    def __init__(self) -> None:
        self.named: dict[str, Any] = {}
        self._words: dict[str, dict[str, Callable[[], Any]]] = {}

    def add(self, name: str, kind: Any, *args: Any, said: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Make a component and name it.

        Args:
            name: by which handlers know it, and its ``elem_id`` (with dashes).
            kind: a class of Gradio's.
            args: its positional arguments.
            said: properties that hold words: a key of the catalogue, or a function that says them.
            options: its other properties.
        """
        tellers = {prop: _teller(words) for prop, words in (said or {}).items()}
        spoken = {prop: tell() for prop, tell in tellers.items()}
        if kind not in (gr.State, gr.Timer):
            options.setdefault("elem_id", name.replace("_", "-"))
        self.named[name] = component = kind(*args, **spoken, **options)
        self._words[name] = tellers
        return component

    def spoken_with(self, updates: Updates) -> dict[Any, Any]:
        """Every component's words in the language spoken now, and the updates of a handler."""
        changes = {name: {prop: tell() for prop, tell in tellers.items()} for name, tellers in self._words.items()}
        for name, value in updates.items():
            changes[name] |= value if isinstance(value, Change) else {"value": value}
        return {self.named[name]: gr.update(**change) for name, change in changes.items() if change}

    def readable(self) -> set[Any]:
        """What handlers are told: the values of everything that holds one."""
        return {self.named[name] for name in READ}

    def asked(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        """Values by component, as Gradio hands them over, by name."""
        return {name: values[self.named[name]] for name in READ}

    def changes(self, updates: Updates) -> dict[Any, Any]:
        """Updates by name, as Gradio takes them; it wants at least one."""
        if not updates:
            return {self.named["status"]: gr.skip()}
        return {
            self.named[name]: gr.update(**value) if isinstance(value, Change) else value
            for name, value in updates.items()
        }


READ = (
    *("language", "model", "photo", *CONTROLS, "face", "whole", "seen", "hidden"),
    *("regions", "top", "slide_map", "many_progress"),
)


def _teller(words_or_key: Any) -> Callable[[], Any]:
    return words_or_key if callable(words_or_key) else lambda: say(words_or_key)


def _helped(name: str, room: str = "settings") -> dict[str, Any]:
    """The words of a control with one line of help."""
    return {"label": f"{room}.{name}", "info": f"{room}.{name}_help"}


class SteppedBlocks(gr.Blocks):
    """A page on which no step of a run gets lost.

    Gradio sends what has changed since the step before, as edits of it, and its browser side makes them in place: steps
    that arrive faster than they are shown are edited before anybody has seen them, and what they alone said (that a
    table is visible now) is gone. Here each step replaces the one before.
    """

    def handle_streaming_diffs(
        self,
        block_fn: Any,
        data: list[Any],
        session_hash: str | None,
        run: str | None,
        final: bool,
        simple_format: bool = False,
    ) -> list[Any]:
        """What is sent of a step, for each output; see ``gr.Blocks``."""
        whole = list(data)
        is_later = session_hash is not None and run in self.pending_diff_streams[session_hash]
        sent = super().handle_streaming_diffs(block_fn, data, session_hash, run, final, simple_format)
        return [[["replace", [], value]] for value in whole] if is_later and not (final or simple_format) else sent

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *others: Any, **options: Any) -> list[Any]:
        """What handlers are given, see ``gr.Blocks``; what is refused on the way is told in the caller's language.

        Gradio would fetch a file at an address for any input, of any size. The photo alone may be one, and a small one.
        """
        given = list(zip(block_fn.inputs, inputs, strict=False))
        asked = (str(value) for block, value in given if block.elem_id == "language" and str(value) in LANGUAGES)
        with speaking(next(asked, DEFAULT)):
            if any(_holds_address(value) for block, value in given if not isinstance(block, PhotoInput)):
                raise gr.Error(say("page.not_uploaded"), print_exception=False)
            return await super().preprocess_data(block_fn, inputs, *others, **options)


def _holds_address(value: Any) -> bool:
    """Whether there is a file at an address anywhere in what a browser or a program sent."""
    if isinstance(value, dict):
        is_address = str(value.get("path", "")).lower().startswith(("http://", "https://"))
        return is_address or any(map(_holds_address, value.values()))
    return isinstance(value, list) and any(map(_holds_address, value))


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
            add("header", gr.HTML, said={"value": words.header}, scale=5)
            add(
                *("language", gr.Radio, [(name, code) for code, name in LANGUAGES.items()]),
                said={"label": "page.language"},
                value=DEFAULT,
                container=False,
                scale=0,
                min_width=240,
            )
        add("scope", gr.HTML, words.scope(models.get(page.at_start).card))
        add("models_note", gr.HTML, said={"value": partial(page_models.notices, models)})
        add("models_clock", gr.Timer, page_models.CLOCK_S, active=models.importing is not None)
        add(
            *("model", ChangingRadio),
            said={**_helped("model", "page"), "choices": partial(page_models.choices, models)},
            value=page.at_start,
            visible=len(models.names) > 1,
        )
        with add("tabs", gr.Tabs):
            with add("one_tab", gr.Tab, said={"label": "page.one"}, id="one"):
                _one_photo(parts)
            with add("many_tab", gr.Tab, said={"label": "page.many"}, id="many"):
                _many_photos(parts)
            with add("model_tab", gr.Tab, said={"label": "page.model_tab"}, id="model"):
                add("model_pictures", gr.HTML)
                add("card", gr.HTML, words.model_card(models.get(page.at_start).card))
        with add("reading_group", gr.Accordion, said={"label": "page.reading"}, open=False):
            add("reading", gr.Markdown, said={"value": words.reading})
        for name, start in (("seen", None), ("hidden", []), ("face", 0), ("whole", False), ("many_progress", None)):
            add(name, gr.State, start)
        _wire(page, parts, blocks)
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
            add("placeholder", gr.HTML, said={"value": words.placeholder})
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
            add("what_if_text", gr.HTML, words.what_if_help(), elem_classes="caption")
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


def _wire(page: Page, parts: Parts, blocks: gr.Blocks) -> None:
    """Connect the parts and the handlers."""
    named, everything = parts.named, list(parts.named.values())

    def show(values: dict[Any, Any], request: gr.Request) -> Iterator[dict[Any, Any]]:
        for updates in page.show(parts.asked(values), str(request.session_hash)):
            yield parts.changes(updates)

    def stop(request: gr.Request) -> None:
        """End the visitor's run; what it has shown stays."""
        page.runs.stop(str(request.session_hash))

    def leave(request: gr.Request) -> None:
        """End everything that the visitor waited for."""
        for run_of in ("", batch.OURS):
            page.runs.stop(str(request.session_hash) + run_of)
        page.forget(str(request.session_hash))

    run_it: dict[str, Any] = {
        "fn": show,
        "inputs": parts.readable(),
        "outputs": everything,
        "trigger_mode": "multiple",  # a newer run ends the one before: see Runs
        **A_RUN,
    }

    def at_once(
        trigger: Callable[..., Any], handler: Callable[[dict[str, Any]], Updates], outputs: list[str], **options: Any
    ) -> Any:
        """Let a handler answer a trigger without waiting for others' runs."""

        def answer(values: dict[Any, Any], request: gr.Request) -> dict[Any, Any]:
            asked = parts.asked(values)
            page.wish(str(request.session_hash), asked)
            return parts.changes(handler(asked))

        targets = [named[name] for name in (*outputs, "status")]
        return trigger(answer, parts.readable(), targets, **AT_ONCE, **options)

    named["photo"].change(lambda: (0, False), None, [named["face"], named["whole"]], **AT_ONCE).then(**run_it)
    gr.on([named[name].input for name in ("target", "further", "trust", "segmentation", "hide")], **run_it)
    gr.on([named[name].release for name in ("superpixels", "samples")], **run_it)
    named["whole_button"].click(lambda: True, None, named["whole"], **AT_ONCE).then(**run_it)
    named["found"].select(_pick, [named["seen"], named["face"]], named["face"], **AT_ONCE).then(**run_it)
    for example in examples():
        button = named[f"example_{example.path.stem}"]
        button.click(lambda path=str(example.path): gr.update(value=path), None, named["photo"], **AT_ONCE)
    drawn = [f"{name}_{part}" for name in METHODS for part in ("picture", "text")]
    for control in ("shown", "smooth"):  # a slider sends every step of its way
        outputs = [*drawn, "regions", "lime_table", "pointed_at", "slide_map", "slide_picture", "link", "report_group"]
        at_once(named[control].input, page.redraw, outputs, trigger_mode="always_last")
    at_once(named["slide_map"].input, _slide, ["slide_map", "slide_picture"])
    named["cancel"].click(stop, **AT_ONCE)
    blocks.unload(leave)
    _wire_what_if(parts, at_once)
    _wire_downloads(page, parts)
    _wire_many(page, parts)
    _wire_language(page, parts, blocks, run_it)
    _wire_api(Programs(page.doors), parts)


def _pick(seen: View | None, face: int, event: gr.SelectData) -> int:
    """The face that was clicked, or the one chosen before where the click met none."""
    hit = seen.face_at(*event.index[:2]) if seen is not None else None
    return face if hit is None else hit


def _slide(asked: dict[str, Any]) -> Updates:
    if asked["seen"] is None:
        return {}
    with speaking(asked["language"]):
        return slide(asked["seen"], asked)


def _wire_what_if(parts: Parts, at_once: Callable[..., Any]) -> None:
    """Clicks on the pictures and the controls beside them ask the network at once."""
    named = parts.named
    changed = ["hidden", "regions", "what_if_picture", "what_if_text"]

    def spoken(handler: Callable[[dict[str, Any]], Updates]) -> Callable[[dict[str, Any]], Updates]:
        def answer(asked: dict[str, Any]) -> Updates:
            with speaking(asked["language"]):
                return handler(asked)

        return answer

    def clicked(values: dict[Any, Any], event: gr.SelectData) -> dict[Any, Any]:
        asked = parts.asked(values)
        with speaking(asked["language"]):
            return parts.changes(what_if.hide_at(asked, (event.index[0], event.index[1])))

    targets = [named[name] for name in (*changed, "status")]
    for picture in ("lime_picture", "original_picture", "what_if_picture"):
        named[picture].select(clicked, parts.readable(), targets, **AT_ONCE)
    at_once(named["top"].input, spoken(what_if.hide_top), changed, trigger_mode="always_last")
    at_once(named["regions"].input, spoken(what_if.hide_named), changed, trigger_mode="always_last")
    at_once(named["smallest"].click, spoken(what_if.hide_smallest), changed)
    at_once(named["show_all"].click, spoken(what_if.show_all), changed)


def _wire_downloads(page: Page, parts: Parts) -> None:
    named = parts.named
    for kind in ("html", "zip"):

        def make(values: dict[Any, Any], kind: str = kind) -> Iterator[dict[Any, Any]]:
            asked = parts.asked(values)
            for updates in download(asked, page.models.get(asked["model"]).card, kind):
                yield parts.changes(updates)

        targets = [named["ready"], named["notice"], named["status"]]
        made = named[f"report_{kind}"].click(make, parts.readable(), targets, **PRIVATE)
        made.success(None, js="() => window.fetchReady()", **PRIVATE)


def _wire_many(page: Page, parts: Parts) -> None:
    """Photos that are dropped fill the table; a row that is clicked is explained."""
    named = parts.named
    shown = ("many_notice", "many_cancel", "many_csv", "many_table", "many_progress", "many_status", "status")
    targets = [named[name] for name in shown]

    def judge(values: dict[Any, Any], request: gr.Request, source: str) -> Iterator[dict[Any, Any]]:
        files = values[named[source]] or []
        asked, visitor = parts.asked(values), str(request.session_hash)
        yield from map(parts.changes, batch.judge(asked, files, page.doors, page.runs, visitor, page.spoken))

    def judge_files(values: dict[Any, Any], request: gr.Request) -> Iterator[dict[Any, Any]]:
        yield from judge(values, request, "many_files")

    def judge_folder(values: dict[Any, Any], request: gr.Request) -> Iterator[dict[Any, Any]]:
        yield from judge(values, request, "many_folder")

    def open_one(values: dict[Any, Any], event: gr.SelectData) -> Iterator[dict[Any, Any]]:
        yield from map(parts.changes, batch.open_photo_of(parts.asked(values), int(event.row_value[0])))

    def make(values: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
        yield from map(parts.changes, batch.download(parts.asked(values)))

    def stop(request: gr.Request) -> None:
        page.runs.stop(str(request.session_hash) + batch.OURS)

    run_it: dict[str, Any] = {"outputs": targets, "trigger_mode": "multiple", **A_BATCH}
    named["many_files"].change(judge_files, parts.readable() | {named["many_files"]}, **run_it)
    named["many_folder"].upload(judge_folder, parts.readable() | {named["many_folder"]}, **run_it)
    named["many_cancel"].click(stop, **AT_ONCE)
    opened = [named[name] for name in ("photo", "tabs", "many_notice", "status")]
    named["many_table"].select(open_one, parts.readable(), opened, **PRIVATE)
    made = named["many_csv"].click(make, parts.readable(), [named["ready"], named["status"]], **PRIVATE)
    made.success(None, js="() => window.fetchReady()", **PRIVATE)


def _wire_language(page: Page, parts: Parts, blocks: gr.Blocks, run_it: dict[str, Any]) -> None:
    """The page speaks the language chosen; at first that of the link, or of the browser."""
    named = parts.named

    def translate(values: dict[Any, Any], request: gr.Request) -> dict[Any, Any]:
        asked, visitor = parts.asked(values), str(request.session_hash)
        page.wish(visitor, asked)
        with speaking(asked["language"]):
            many = batch.translate(asked["many_progress"], page.runs.waiting(visitor + batch.OURS))
            return parts.spoken_with({**page.translate(asked, visitor), **many})

    def arrive(request: gr.Request) -> dict[Any, Any]:
        accepted = request.headers.get("accept-language", "")
        return parts.changes(page_models.arrive(page, dict(request.query_params), accepted))

    def draw_model(values: dict[Any, Any]) -> dict[Any, Any]:
        return parts.changes(page.model_pictures(parts.asked(values)))

    everything = list(named.values())
    drawn: dict[str, Any] = {"outputs": [named["model_pictures"], named["status"]], **AT_ONCE}
    named["model_tab"].select(draw_model, parts.readable(), **drawn)
    named["language"].change(translate, parts.readable(), everything, **AT_ONCE).then(
        draw_model, parts.readable(), **drawn
    )
    told, choice = ([named[name] for name in names] for names in (page_models.FACTS, page_models.CHOICE))
    controls = [named[name] for name in ("language", *CONTROLS, "photo", "notice", "status")]
    blocks.load(arrive, None, [*controls, *told, *choice], **AT_ONCE)
    look = partial(page_models.look, page)
    named["models_clock"].tick(lambda language: parts.changes(look(language)), named["language"], choice, **AT_ONCE)

    def describe(values: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
        yield from map(parts.changes, page.describe(parts.asked(values)))

    chosen = named["model"].input(describe, parts.readable(), told, **PRIVATE)
    chosen.then(draw_model, parts.readable(), **drawn)
    chosen.then(**run_it)


def _wire_api(programs: Programs, parts: Parts) -> None:
    """The named endpoints for programs; what costs seconds is off unless they ask for it."""
    named = parts.named
    whole, trust, flip = (gr.Checkbox(False, label=name, visible=False) for name in ("whole", "trust", "flip"))
    methods = gr.CheckboxGroup(list(METHODS), value=list(Settings.methods), label="methods", visible=False)
    face = gr.Number(1, precision=0, label="face", visible=False)
    seed = gr.Number(Settings.seed, precision=0, label="seed", visible=False)
    report = gr.JSON(label="report", visible=False)
    lime, attention = (gr.Image(label=name, visible=False, format="png") for name in ("lime", "attention"))
    maps = gr.Gallery(label="maps", visible=False, format="png")
    photo, model, language = (named[name] for name in ("photo", "model", "language"))
    drawing = [named[name] for name in ("target", "superpixels", "samples", "shown")]
    cutting = [named[name] for name in ("segmentation", "hide")]

    def offer(name: str, function: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> None:
        run: dict[str, Any] = {"concurrency_limit": SEATS, "concurrency_id": "model"}
        gr.Button(visible=False).click(_refusing(function), inputs, outputs, api_name=name, **run)

    offer(
        *("analyze", programs.analyze_photo),
        [photo, *drawing, named["smooth"], whole, model, named["further"], trust, flip, *cutting, language],
        [report, lime, attention, maps],
    )
    offer(
        *("explain", programs.explain_photo),
        [photo, methods, *drawing, *cutting, named["smooth"], trust, flip, face, whole, seed, model, language],
        [report, maps],
    )
    offer("faces", programs.find_faces, [photo, model, language], [report])
    gr.api(_refusing(programs.list_models), api_name="models", concurrency_limit=None)
    gr.api(programs.health, api_name="health", concurrency_limit=None)


def _refusing(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function; where it refuses, Gradio shows the sentence."""

    @wraps(function)
    def steps(*given: Any) -> Iterator[Any]:
        try:
            yield from function(*given)
        except Refused as error:
            raise gr.Error(str(error), print_exception=False) from error

    @wraps(function)
    def once(*given: Any) -> Any:
        try:
            return function(*given)
        except Refused as error:
            raise gr.Error(str(error), print_exception=False) from error

    return steps if inspect.isgeneratorfunction(function) else once


def _beside_the_page(doors: Doors, mcp: bool) -> dict[str, Any]:
    """What Gradio's server serves besides the page: plain HTTP, and the tools for assistants where they are wanted."""
    served: dict[str, Any] = {"routes": plain_routes(doors), "openapi_url": None}  # the routes hold one of their own
    if mcp:
        try:
            from explain.interfaces.mcp import PATHS, assistants
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "mcp":
                raise
            sys.exit(say("doors.mcp_missing"))
        routes, served["lifespan"] = assistants(doors, Path(gr.utils.get_upload_folder()))
        served["routes"] += routes
        typer.echo(say("doors.mcp_address", path=PATHS[0]))
    return served


def _help(key: str) -> str:
    """A text of the help. Python asks for it before any option is read: only the environment can tell the language."""
    with speaking(language_of_environment()):
        return say(key)


def main(
    port: Annotated[int | None, typer.Option(help=_help("launch.port"))] = None,
    host: Annotated[str | None, typer.Option(help=_help("launch.host"))] = None,
    share: Annotated[bool, typer.Option("--share", help=_help("launch.share"))] = False,
    open_: Annotated[bool, typer.Option("--open", help=_help("launch.open"))] = False,
    model: Annotated[Path | None, typer.Option(help=_help("launch.model"))] = None,
    learn: Annotated[
        bool, typer.Option("--learn-examples/--no-learn-examples", help=_help("launch.learn_examples"))
    ] = True,
    keep_uploads: Annotated[Path | None, typer.Option(help=_help("launch.keep_uploads"))] = None,
    mcp: Annotated[bool, typer.Option("--mcp", help=_help("launch.mcp"))] = False,
) -> None:
    """Open the page."""
    try:
        uploads = Uploads(keep_uploads)
    except UploadsError as error:
        sys.exit(say("command.error", reason=str(error)))
    models = Models(to_choose_from(model), typer.echo, at_once=True)
    if model is not None and models.problems:
        raise ArtifactError(models.problems[0])
    doors = Doors(models, uploads)
    blocks = build_page(models, learn, doors)
    blocks.queue(max_size=32)
    blocks.launch(
        server_port=port,
        server_name=host,
        share=share,
        inbrowser=open_,
        theme=THEME,
        css_paths=CSS,
        head=f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>",
        allowed_paths=[str(EXAMPLES)],  # the examples, from whichever folder the page is started
        max_file_size=MAX_UPLOAD,  # a photo has its own limit, which is told in a sentence: see model.photos.photo
        footer_links=["api"],
        run_history=False,
        ssr_mode=False,
        app_kwargs=_beside_the_page(doors, mcp),
        mcp_server=False,  # Gradio's own would offer every endpoint, and answer without pictures
    )


if __name__ == "__main__":
    run(main, _help("launch.about"))
