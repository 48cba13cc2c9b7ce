"""The page: ``python app.py`` opens WhyFake on http://127.0.0.1:7860."""

import base64
import binascii
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Annotated, Any

import cv2
import gradio as gr
import numpy as np
import typer
from numpy.typing import NDArray

from explain import captions, draw, words
from explain.analysis import Analysis, analyze
from explain.as_json import to_dict
from explain.attention_map import attention_map
from explain.draw_curves import curve_picture
from explain.gallery import example_of, examples, planted_region
from explain.hiding import HIDES
from explain.methods import METHODS
from explain.plain_text import curves_in_words
from explain.runs import Runs
from explain.settings import MAX_SAMPLES, MIN_SAMPLES, TARGETS, Settings, SettingsError
from explain.superpixels import METHODS as SEGMENTATIONS
from explain.view import View, pictures
from explain.what_if import WhatIf, smallest_flip, what_if_sentence, without, without_top
from model.artifact import ArtifactError, Card
from model.choice import Models, to_choose_from
from model.cli import run
from model.faces import crop
from model.photo import MAX_BYTES, PhotoError

# Served by the page itself; the package's semi-bold cut of this font lacks most letters, so the bold stands in.
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
)
# Gradio starts a slider's run when the pointer lets go; whoever moves it by the arrow keys lets go of a key.
HEAD = """<script>document.addEventListener("keyup", event => {
  if (event.target.matches?.("input[type=range]") && /^(Arrow|Page|Home|End)/.test(event.key))
    event.target.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }))
})</script>"""
CSS = Path(__file__).parent / "explain" / "page.css"
log = logging.getLogger(__name__)
Picture = NDArray[np.uint8]
LIKELIER = "The likelier one"
FORESEEN = (PhotoError, SettingsError, ArtifactError)  # their messages are written for the visitor
ALWAYS = ("attention", "lime")  # maps that every visitor sees; the others are made when asked for
FURTHER = [(method.title, name) for name, method in METHODS.items() if name not in ALWAYS]
BUSY_VISITORS = 4  # runs at the same time; the rest wait their turn


def _hand_over(self: gr.Image, payload: Any) -> str | bytes | None:
    """The uploaded file as it is: ``open_photo`` alone decides what is a photo and what to say if it is none."""
    if payload is None:
        return None
    if payload.url and payload.url.startswith("data:"):
        try:
            return base64.b64decode(payload.url.partition(",")[2], validate=True)
        except binascii.Error:
            raise gr.Error("The data URL is not valid base64; send the whole file.", print_exception=False) from None
    # A caller may name any path; only what was uploaded is the caller's own.
    if payload.path is None or not Path(payload.path).resolve().is_relative_to(Path(self.GRADIO_CACHE).resolve()):
        raise gr.Error("The photo was not uploaded to this page; upload it first.", print_exception=False)
    return str(payload.path)


# An image input that leaves the file alone. Made without its metaclass's own constructor, which would write a stub
# file (.pyi) beside this one at every start.
PhotoInput: Any = type.__new__(
    type(gr.Image), "PhotoInput", (gr.Image,), {"preprocess": _hand_over, "is_template": True}
)


def settings_from(controls: Sequence[Any], **others: Any) -> Settings:
    """Settings from the values of the page's controls that decide a run; ``others`` are taken as they are."""
    target, superpixels, samples, smooth, further, segmentation, hide = controls
    return Settings(
        target=None if target == LIKELIER else target,
        methods=(*ALWAYS, *further),
        superpixels=int(superpixels),
        samples=int(samples),
        smooth_attention=smooth,
        segmentation=segmentation,
        hide=hide,
        **others,
    )


class Page:
    """The handlers of the page; each gives updates by the name of the part that they change."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self.runs = Runs()
        self.parts: dict[str, Any] = {}

    def _to(self, updates: dict[str, Any]) -> dict[Any, Any]:
        return {self.parts[name]: update for name, update in updates.items()}

    def analyze_photo(
        self,
        photo: str | bytes | None,
        target: str,
        superpixels: float,
        samples: float,
        shown: float,
        smooth: bool,
        whole: bool,
        model: str,
        further: list[str],
        trust: bool,
        flip: bool,
        segmentation: str,
        hide: str,
    ) -> Iterator[tuple[dict[str, Any], Picture | None, Picture | None, list[tuple[Picture, str]]]]:
        """Judge the largest face of a photo and explain the verdict; the last answer brings the pictures.

        A photo without a face gets no score, unless ``whole`` asks to judge the whole picture. ``further`` names maps
        beside LIME and attention; ``trust`` measures all of them; ``flip`` looks for the smallest set of regions whose
        hiding turns the verdict.
        """
        try:
            if photo is None:
                raise PhotoError("No photo was given; send one as the first argument.")
            settings = settings_from(
                (target, superpixels, samples, smooth, further, segmentation, hide),
                whole_picture=whole,
                trust=trust,
                flip=flip,
            )
            for analysis in analyze(photo, settings, self.models.get(model)):
                drawn = pictures(View(analysis, None, 1.0), int(shown)) if analysis.complete else {}
                more = [(picture, METHODS[name].title) for name, picture in drawn.items() if name not in ALWAYS]
                yield to_dict(analysis), drawn.get("lime"), drawn.get("attention"), more
        except FORESEEN as error:
            raise gr.Error(str(error), print_exception=False) from error
        except Exception as error:
            raise gr.Error(words.FAILED) from error

    def show(
        self,
        photo: str | bytes | None,
        target: str,
        superpixels: float,
        samples: float,
        shown: float,
        smooth: bool,
        further: list[str],
        trust: bool,
        segmentation: str,
        hide: str,
        face: int,
        whole: bool,
        model: str,
        request: gr.Request,
    ) -> Iterator[dict[Any, Any]]:
        """Run ``analyze`` and show each step, until it is complete, cancelled or superseded."""
        visitor = str(request.session_hash)
        with self.runs.begin(visitor) as ended:
            yield self._to(_blank(photo is not None))
            if photo is None:
                return
            seen: Analysis | None = None
            try:
                settings = settings_from(
                    (target, superpixels, samples, smooth, further, segmentation, hide),
                    face=int(face),
                    whole_picture=whole,
                    trust=trust,
                )
                for analysis in analyze(photo, settings, self.models.get(model), ended):
                    if ended():
                        break
                    yield self._to(self._updates(analysis, seen, int(shown)))
                    seen = analysis
            except FORESEEN as error:
                yield self._to({"notice": _notice(str(error), "error"), "status": "", "cancel": _visible(False)})
            except Exception:
                log.exception("An analysis failed.")
                yield self._to({"notice": _notice(words.FAILED, "error"), "status": "", "cancel": _visible(False)})
            if ended() and not self.runs.waiting(visitor) and not (seen and seen.complete):
                yield self._to({"status": words.stopped(seen), "cancel": _visible(False)})

    def _card(self, analysis: Analysis) -> Card:
        return self.models.get(analysis.model["name"]).card

    def _updates(self, analysis: Analysis, before: Analysis | None, shown: int) -> dict[str, Any]:
        """What a new analysis changes on the page; pictures that stay are not sent again."""
        updates: dict[str, Any] = {
            "status": words.progress(analysis),
            "cancel": _visible(not analysis.complete),
        }
        example = example_of(analysis.photo.sha256)
        if before is None:
            picture = draw.boxes(analysis.photo.pixels, analysis.faces, analysis.chosen)
            title = "Faces found" if analysis.faces else "No face found"
            sentences = words.first_sentences(analysis, example)
            updates["found"] = gr.update(value=picture, label=title, visible=True)
            updates["notice"] = _notice(" ".join(sentences)) if sentences else _visible(False)
        if analysis.chosen is None:
            return {**updates, "whole_button": _visible(True)}
        if analysis.prediction is None:
            return updates
        region = planted_region(example)
        planted = None if region is None else crop(region, analysis.chosen.square)
        kept = replace(analysis, photo=replace(analysis.photo, pixels=analysis.chosen.crop))
        seen = View(kept, planted, draw.display_scale(analysis.photo.pixels))
        updates["seen"] = seen
        if before is None or before.prediction is None:
            updates |= self._first_view(seen)
        old = before.attributions if before is not None else {}
        new = {name for name, found in analysis.attributions.items() if found is not old.get(name)}
        if before is None or _known(analysis) != _known(before):
            updates |= self._trust(analysis)
            updates |= self._captions(seen, shown, set(analysis.attributions))
        for name, problem in analysis.problems.items():
            if name not in METHODS:
                continue
            updates |= {f"{name}_column": _visible(True), f"{name}_text": words.notice(problem)}
        return updates | self._captions(seen, shown, new) | self._drawings(seen, shown, new)

    def _first_view(self, seen: View) -> dict[str, Any]:
        """The verdict, and the headings of the maps that will come."""
        analysis = seen.analysis
        assert analysis.prediction is not None and analysis.settings.target is not None
        asked = set(analysis.settings.methods)
        updates: dict[str, Any] = {
            "verdict_group": _visible(True),
            "verdict": words.verdict_card(analysis.prediction, self._card(analysis), bool(analysis.faces)),
            "label": dict(analysis.prediction.probabilities),
            "maps": _visible(True),
            "what_if_picture": draw.enlarge(analysis.subject.crop) if analysis.subject is not None else None,
            "trust_group": _visible(analysis.settings.trust),
        }
        for name in METHODS:
            updates[f"{name}_title"] = captions.title(name, analysis.settings.target)
            if name not in ALWAYS:
                updates[f"{name}_column"] = _visible(name in asked)
        return updates

    def _drawings(self, seen: View, shown: int, names: set[str]) -> dict[str, Any]:
        return {f"{name}_picture": picture for name, picture in pictures(seen, shown, names).items()}

    def _captions(self, seen: View, shown: int, names: set[str]) -> dict[str, Any]:
        analysis, card = seen.analysis, self._card(seen.analysis)
        return {
            f"{name}_text": captions.caption(analysis.attributions[name], card, shown, analysis.trusts.get(name))
            for name in names
        }

    def _trust(self, analysis: Analysis) -> dict[str, Any]:
        curves = [_inline(curve_picture(trust), curves_in_words(trust)) for trust in analysis.trusts.values()]
        numbers = captions.trust_details(analysis.trusts) + captions.agreement_table(analysis.agreement)
        return {"trust_numbers": "".join(curves) + numbers}

    def redraw(self, seen: View | None, shown: float, smooth: bool) -> dict[Any, Any]:
        """Draw the maps that are there with other settings of the drawing."""
        if seen is None:
            return self._to({"status": gr.skip()})
        attributions, prediction = dict(seen.analysis.attributions), seen.analysis.prediction
        if prediction is not None and prediction.attention is not None and seen.analysis.chosen is not None:
            size = len(seen.analysis.chosen.crop)
            attributions["attention"] = attention_map(prediction.attention, size, smooth)
        seen = replace(seen, analysis=replace(seen.analysis, attributions=attributions))
        names = set(attributions)
        return self._to(
            {"seen": seen, **self._captions(seen, int(shown), names), **self._drawings(seen, int(shown), names)}
        )

    def hide_clicked(self, seen: View | None, hidden: list[int], event: gr.SelectData) -> dict[Any, Any]:
        """Hide the patch that was clicked, or show it again."""
        region = None if seen is None else seen.region_at(*event.index[:2])
        if seen is None or seen.analysis.subject is None or region is None:
            return self._to({"hidden": hidden})
        chosen = [one for one in hidden if one != region] if region in hidden else [*hidden, region]
        return self._show_what_if(seen, without(seen.analysis.subject, chosen) if chosen else None)

    def hide_top(self, seen: View | None, count: float) -> dict[Any, Any]:
        """Hide the patches that speak for the class explained most, by LIME."""
        if seen is None or seen.analysis.subject is None or "lime" not in seen.analysis.attributions:
            return self._to({"hidden": []})
        subject, lime = seen.analysis.subject, seen.analysis.attributions["lime"]
        return self._show_what_if(seen, without_top(subject, lime, int(count)) if count else None)

    def hide_smallest(self, seen: View | None) -> dict[Any, Any]:
        """Hide the smallest set found that flips the verdict."""
        if seen is None or seen.analysis.subject is None or "lime" not in seen.analysis.attributions:
            return self._to({"hidden": []})
        try:
            flip = smallest_flip(seen.analysis.subject, seen.analysis.attributions["lime"])
        except ValueError as error:
            return self._to({"what_if_text": words.notice(str(error))})
        if flip is None:
            return self._to({"what_if_text": words.NO_FLIP})
        return self._show_what_if(seen, flip)

    def show_all(self, seen: View | None) -> dict[Any, Any]:
        """Show every patch again."""
        return self._to({"hidden": []}) if seen is None else self._show_what_if(seen, None)

    def _show_what_if(self, seen: View, what_if: WhatIf | None) -> dict[Any, Any]:
        subject = seen.analysis.subject
        assert subject is not None
        if what_if is None:
            text, picture, hidden = words.WHAT_IF_HELP, draw.enlarge(subject.crop), []
        else:
            text = f'<p role="status">{escape(what_if_sentence(what_if, subject.target))}</p>'
            picture, hidden = draw.hidden_regions(what_if, subject.segments), list(what_if.hidden)
        return self._to({"hidden": hidden, "what_if_picture": picture, "what_if_text": text})

    def pick(self, seen: View | None, face: int, event: gr.SelectData) -> int:
        """The face that was clicked, or the one chosen before where the click met none."""
        hit = seen.face_at(*event.index[:2]) if seen is not None else None
        return face if hit is None else hit

    def describe(self, model: str) -> Iterator[tuple[str, str]]:
        """What a model is for, and what was measured of it; a large one's first import takes minutes."""
        if not self.models.is_open(model):
            yield words.notice(f"{model} is being opened; the first time this may take minutes."), ""
        try:
            card = self.models.get(model).card
            yield words.scope(card), words.model_card(card)
        except ArtifactError as error:
            yield words.notice(str(error), "error"), ""

    def stop(self, request: gr.Request) -> None:
        """End the visitor's run; what it has shown stays."""
        self.runs.stop(str(request.session_hash))


def _notice(sentence: str, kind: str = "note") -> Any:
    return gr.update(value=words.notice(sentence, kind), visible=True)


def _inline(picture: Picture, seen: str) -> str:
    """A picture inside the HTML around it: Gradio's own component stays empty in a part that was closed."""
    content = base64.b64encode(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()).decode()
    return f'<img class="curves" alt="{escape(seen)}" src="data:image/png;base64,{content}">'


def _visible(on: bool) -> Any:
    return gr.update(visible=on)


def _known(analysis: Analysis) -> list[tuple[Any, ...]]:
    """What is measured of each map; equal for two analyses between which nothing came to be known."""
    return [
        (name, len(trust.curves), trust.fidelity, trust.stability is None) for name, trust in analysis.trusts.items()
    ]


def _blank(busy: bool) -> dict[str, Any]:
    hidden = ("notice", "found", "verdict_group", "maps", "whole_button")
    return {
        **{name: _visible(False) for name in hidden},
        "placeholder": _visible(not busy),
        **{f"{name}_picture": None for name in (*METHODS, "what_if")},
        **{f"{name}_text": "" for name in METHODS},
        "what_if_text": words.WHAT_IF_HELP,
        "hidden": [],
        "trust_numbers": "",
        "status": words.looking() if busy else "",
        "cancel": _visible(busy),
        "seen": None,
    }


def build_page(models: Models) -> gr.Blocks:
    """The page around the models, with the endpoint ``/analyze`` beside it."""
    page = Page(models)
    parts = page.parts
    card = models.get(models.first).card
    with gr.Blocks(title="WhyFake", analytics_enabled=False, delete_cache=(3600, 3600)) as blocks:
        gr.HTML(words.HEADER)
        scope = gr.HTML(words.scope(card))
        for problem in models.problems:
            gr.HTML(words.notice(problem, "error"))
        model = gr.Radio(
            models.names,
            value=models.first,
            label="Model",
            info="The last one comes with WhyFake.",
            visible=len(models.names) > 1,
            elem_id="model",
        )
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_id="left"):
                photo = PhotoInput(
                    label="Photo", sources=["upload", "clipboard", "webcam"], height=330, elem_id="photo"
                )
                parts["found"] = gr.Image(
                    label="Faces found",
                    visible=False,
                    interactive=False,
                    format="jpeg",
                    height=260,
                    buttons=["fullscreen"],
                    elem_id="found",
                )
                gr.Examples(
                    [[str(example.path)] for example in examples()],
                    [photo],
                    label="Examples",
                    example_labels=[example.title for example in examples()],
                )
            with gr.Column(scale=6, min_width=320, elem_id="right"):
                parts["placeholder"] = gr.HTML(words.PLACEHOLDER)
                parts["notice"] = gr.HTML(visible=False, elem_id="notice")
                parts["whole_button"] = gr.Button("Analyse the whole picture all the same", visible=False)
                with gr.Column(visible=False) as parts["verdict_group"]:
                    parts["verdict"] = gr.HTML(elem_id="verdict")
                    parts["label"] = gr.Label(label="Probabilities", show_heading=False, elem_id="probabilities")
                with gr.Row(elem_id="running"):
                    parts["status"] = gr.HTML(elem_id="status")
                    parts["cancel"] = gr.Button("Cancel", size="sm", visible=False, scale=0, elem_id="cancel")
                controls = _settings()
        with gr.Column(visible=False) as parts["maps"]:
            _maps(parts)
            _what_if(parts)
            with gr.Accordion("Can I trust these maps? The curves and numbers", open=False) as parts["trust_group"]:
                parts["trust_numbers"] = gr.HTML(elem_classes="caption", elem_id="trust-numbers")
        with gr.Accordion("How to read this", open=False):
            gr.Markdown(words.READING)
        with gr.Accordion("The model card: data, measured figures, limits", open=False):
            figures = gr.HTML(words.model_card(card))
        parts["seen"], parts["hidden"] = gr.State(None), gr.State([])
        face, whole = gr.State(0), gr.State(False)
        run_it = _wire(page, photo, controls, face, whole, model)
        model.input(page.describe, model, [scope, figures], show_progress="hidden", api_visibility="private").then(
            **run_it
        )
    return blocks


def _maps(parts: dict[str, Any]) -> None:
    """A column for each map; those that were not asked for stay hidden."""
    names = [*reversed(ALWAYS), *(name for _, name in FURTHER)]
    with gr.Row(equal_height=False, elem_id="maps"):
        for name in names:
            with gr.Column(min_width=320, visible=name in ALWAYS, elem_classes="map") as parts[f"{name}_column"]:
                parts[f"{name}_title"] = gr.HTML()
                parts[f"{name}_picture"] = _map_picture(METHODS[name].title, name)
                parts[f"{name}_text"] = gr.HTML(elem_classes="caption", elem_id=f"{name}-text")


def _what_if(parts: dict[str, Any]) -> None:
    """The face without some of its patches, and the controls that choose them."""
    with gr.Row(equal_height=False, elem_id="what-if"):
        with gr.Column(min_width=320):
            gr.HTML(captions.heading("What if …", "Hide patches of the face and see the probability move."))
            parts["what_if_text"] = gr.HTML(words.WHAT_IF_HELP, elem_classes="caption", elem_id="what-if-text")
            parts["top"] = gr.Slider(
                0,
                20,
                0,
                step=1,
                label="Hide the strongest",
                info="That many patches which speak for the class explained.",
                elem_id="top",
            )
            with gr.Row():
                parts["smallest"] = gr.Button("Smallest set that flips the verdict", size="sm", elem_id="smallest")
                parts["show_all"] = gr.Button("Show all again", size="sm", elem_id="show-all")
        with gr.Column(min_width=320):
            parts["what_if_picture"] = _map_picture("The face that the network was asked about", "what-if-picture")


def _settings() -> dict[str, Any]:
    """The controls by the name of the handlers' arguments, in their order."""
    with gr.Accordion("Settings", open=False):
        target = gr.Radio([LIKELIER, *TARGETS], value=LIKELIER, label="Class that the maps explain")
        superpixels = gr.Slider(
            10,
            150,
            Settings.superpixels,
            step=5,
            label="Superpixels",
            info="Finer patches need more samples.",
            elem_id="superpixels",
        )
        samples = gr.Slider(
            MIN_SAMPLES,
            MAX_SAMPLES,
            Settings.samples,
            step=100,
            label="Samples",
            info="At the most: LIME stops when its map has converged.",
            elem_id="samples",
        )
        shown = gr.Slider(1, 50, 8, step=1, label="Regions shown", info="The strongest ones.", elem_id="shown")
        smooth = gr.Checkbox(False, label="Smooth the attention map", info="Off: the native grid.")
        further = gr.CheckboxGroup(
            FURTHER,
            value=[],
            label="Further maps",
            info="Grad-CAM and integrated gradients load TensorFlow at their first use, which takes seconds.",
            elem_id="further",
        )
        trust = gr.Checkbox(
            True, label="Measure trust", info="Compare each map with random orders of its patches.", elem_id="trust"
        )
        segmentation = gr.Radio(
            list(SEGMENTATIONS),
            value=Settings.segmentation,
            label="How to cut the face",
            info="facial: eyes, brows, nose, mouth, cheeks, chin, forehead, hair, background.",
            elem_id="segmentation",
        )
        hide = gr.Radio(
            list(HIDES),
            value=Settings.hide,
            label="What a hidden patch looks like",
            info="Every choice is an unlikely picture; try two.",
            elem_id="hide",
        )
    return {
        "target": target,
        "superpixels": superpixels,
        "samples": samples,
        "shown": shown,
        "smooth": smooth,
        "further": further,
        "trust": trust,
        "segmentation": segmentation,
        "hide": hide,
    }


def _map_picture(label: str, name: str) -> gr.Image:
    return gr.Image(label=label, format="png", interactive=False, buttons=["download", "fullscreen"], elem_id=name)


def _wire(
    page: Page, photo: gr.Image, controls: dict[str, Any], face: gr.State, whole: gr.State, model: gr.Radio
) -> dict[str, Any]:
    """Connect controls and handlers; returns how a run is started."""
    parts = page.parts
    run_it: dict[str, Any] = {
        "fn": page.show,
        "inputs": [photo, *controls.values(), face, whole, model],
        "outputs": list(parts.values()),
        "show_progress": "hidden",
        "trigger_mode": "multiple",  # a newer run ends the one before: see Runs
        "concurrency_limit": BUSY_VISITORS,
        "concurrency_id": "model",
        "api_visibility": "private",
    }
    private: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    photo.change(lambda: (0, False), None, [face, whole], **private).then(**run_it)
    gr.on([controls[name].input for name in ("target", "further", "trust", "segmentation", "hide")], **run_it)
    gr.on([controls[name].release for name in ("superpixels", "samples")], **run_it)
    parts["whole_button"].click(lambda: True, None, whole, **private).then(**run_it)
    parts["found"].select(page.pick, [parts["seen"], face], face, **private).then(**run_it)
    drawn = [parts[f"{name}_{part}"] for name in METHODS for part in ("picture", "text")]
    redraw = {
        "fn": page.redraw,
        "inputs": [parts["seen"], controls["shown"], controls["smooth"]],
        "outputs": [*drawn, parts["seen"], parts["status"]],
        "trigger_mode": "always_last",  # a slider sends every step of its way
    }
    gr.on([controls["shown"].input, controls["smooth"].input], **redraw, **private)
    parts["cancel"].click(page.stop, **private)
    _wire_what_if(page, private)
    _wire_api(page, photo, controls, model)
    return run_it


def _wire_what_if(page: Page, private: dict[str, Any]) -> None:
    """Clicks on LIME's picture and the controls below it ask the network at once."""
    parts = page.parts
    answer = {"outputs": [parts[name] for name in ("hidden", "what_if_picture", "what_if_text")], **private}
    seen = parts["seen"]
    parts["lime_picture"].select(page.hide_clicked, [seen, parts["hidden"]], **answer)
    parts["top"].input(page.hide_top, [seen, parts["top"]], trigger_mode="always_last", **answer)
    parts["smallest"].click(page.hide_smallest, [seen], **answer)
    parts["show_all"].click(page.show_all, [seen], **answer)


def _wire_api(page: Page, photo: gr.Image, controls: dict[str, Any], model: gr.Radio) -> None:
    """The endpoint ``/analyze`` for programs; what costs seconds is off unless they ask for it."""
    asked = {name: gr.Checkbox(False, label=name, visible=False) for name in ("whole", "trust", "flip")}
    first = [controls[name] for name in ("target", "superpixels", "samples", "shown", "smooth")]
    last = [asked["trust"], asked["flip"], controls["segmentation"], controls["hide"]]
    answers = [
        gr.JSON(label="report", visible=False),
        gr.Image(label="lime", visible=False, format="png"),
        gr.Image(label="attention", visible=False, format="png"),
        gr.Gallery(label="further", visible=False, format="png"),
    ]
    gr.Button(visible=False).click(
        page.analyze_photo,
        [photo, *first, asked["whole"], model, controls["further"], *last],
        answers,
        api_name="analyze",
        concurrency_limit=BUSY_VISITORS,
        concurrency_id="model",
    )


def main(
    port: Annotated[int | None, typer.Option(help="Port of the page; 7860 or the next free one.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; this machine only by default.")] = None,
    share: Annotated[bool, typer.Option("--share", help="Make a public link for a week.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    model: Annotated[Path | None, typer.Option(help="Model folder or Keras .h5 file; else those in model/.")] = None,
) -> None:
    """Open the page."""
    models = Models(to_choose_from(model), typer.echo)
    if model is not None and models.problems:
        raise ArtifactError(models.problems[0])
    blocks = build_page(models)
    blocks.queue(max_size=32)
    blocks.launch(
        server_port=port,
        server_name=host,
        share=share,
        inbrowser=open_,
        theme=THEME,
        css_paths=CSS,
        head=HEAD,
        max_file_size=MAX_BYTES,
        footer_links=["api"],
        run_history=False,
        ssr_mode=False,
    )


if __name__ == "__main__":
    run(main)
