"""The page: ``python app.py`` opens WhyFake on http://127.0.0.1:7860."""

import base64
import binascii
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import gradio as gr
import numpy as np
import typer
from numpy.typing import NDArray

from explain import draw, words
from explain.analysis import MAX_SAMPLES, MIN_SAMPLES, TARGETS, Analysis, Settings, SettingsError, analyze
from explain.attention_map import attention_map
from explain.gallery import example_of, examples, planted_region
from explain.runs import Runs
from explain.view import View, pictures
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
LIKELIER = "The likelier one"
FORESEEN = (PhotoError, SettingsError, ArtifactError)  # their messages are written for the visitor
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


def settings_from(
    target: str, superpixels: float, samples: float, smooth: bool, face: int = 0, whole: bool = False
) -> Settings:
    """Settings from the values of the page's controls."""
    return Settings(
        target=None if target == LIKELIER else target,
        superpixels=int(superpixels),
        samples=int(samples),
        smooth_attention=smooth,
        face=int(face),
        whole_picture=whole,
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
    ) -> Iterator[tuple[dict[str, Any], NDArray[np.uint8] | None, NDArray[np.uint8] | None]]:
        """Judge the largest face of a photo and explain the verdict; the last answer brings the pictures.

        A photo without a face gets no score, unless ``whole`` asks to judge the whole picture.
        """
        try:
            if photo is None:
                raise PhotoError("No photo was given; send one as the first argument.")
            settings = settings_from(target, superpixels, samples, smooth, whole=whole)
            for analysis in analyze(photo, settings, self.models.get(model)):
                drawn = pictures(View(analysis, None, 1.0), int(shown)) if analysis.complete else {}
                yield analysis.to_dict(), drawn.get("lime"), drawn.get("attention")
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
                settings = settings_from(target, superpixels, samples, smooth, face, whole)
                for analysis in analyze(photo, settings, self.models.get(model), ended):
                    if ended():
                        break
                    yield self._to(self._updates(analysis, int(shown)))
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

    def _updates(self, analysis: Analysis, shown: int) -> dict[str, Any]:
        updates: dict[str, Any] = {
            "status": words.progress(analysis),
            "cancel": _visible(not analysis.complete),
        }
        example = example_of(analysis.photo.sha256)
        region = planted_region(example)
        if analysis.prediction is None:
            picture = draw.boxes(analysis.photo.pixels, analysis.faces, analysis.chosen)
            title = "Faces found" if analysis.faces else "No face found"
            updates["found"] = gr.update(value=picture, label=title, visible=True)
        if "lime" not in analysis.attributions:
            sentences = words.first_sentences(analysis, example)
            updates["notice"] = _notice(" ".join(sentences)) if sentences else _visible(False)
        if analysis.chosen is None:
            return {**updates, "whole_button": _visible(True)}
        if analysis.prediction is None:
            return updates
        planted = None if region is None else crop(region, analysis.chosen.square)
        kept = replace(analysis, photo=replace(analysis.photo, pixels=analysis.chosen.crop))
        seen = View(kept, planted, draw.display_scale(analysis.photo.pixels))
        drawn = pictures(seen, shown)
        if "lime" in drawn:
            return {**updates, "seen": seen, **self._lime(seen, drawn, shown)}
        return {
            **updates,
            "seen": seen,
            "verdict_group": _visible(True),
            "verdict": words.verdict_card(analysis.prediction, self._card(analysis), bool(analysis.faces)),
            "label": dict(analysis.prediction.probabilities),
            "maps": _visible(True),
            "lime_title": words.lime_title(analysis.settings.target),
            **self._attention(seen, drawn),
        }

    def _lime(self, seen: View, drawn: dict[str, NDArray[np.uint8]], shown: int) -> dict[str, Any]:
        if "lime" not in drawn:
            return {}
        caption = words.lime_caption(seen.analysis.attributions["lime"], shown)
        return {"lime_picture": drawn["lime"], "lime_text": caption}

    def _attention(self, seen: View, drawn: dict[str, NDArray[np.uint8]]) -> dict[str, Any]:
        if "attention" not in drawn:
            return {"attention_text": words.NO_ATTENTION}
        caption = words.attention_caption(seen.analysis.attributions["attention"], self._card(seen.analysis))
        return {"attention_picture": drawn["attention"], "attention_text": caption}

    def redraw(self, seen: View | None, shown: float, smooth: bool) -> dict[Any, Any]:
        """Draw the maps that are there with other settings of the drawing."""
        if seen is None:
            return self._to({"status": gr.skip()})
        attributions, prediction = dict(seen.analysis.attributions), seen.analysis.prediction
        if prediction is not None and prediction.attention is not None and seen.analysis.chosen is not None:
            size = len(seen.analysis.chosen.crop)
            attributions["attention"] = attention_map(prediction.attention, size, smooth)
        seen = replace(seen, analysis=replace(seen.analysis, attributions=attributions))
        drawn = pictures(seen, int(shown))
        return self._to({"seen": seen, **self._lime(seen, drawn, int(shown)), **self._attention(seen, drawn)})

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


def _visible(on: bool) -> Any:
    return gr.update(visible=on)


def _blank(busy: bool) -> dict[str, Any]:
    hidden = ("notice", "found", "verdict_group", "maps", "whole_button")
    return {
        **{name: _visible(False) for name in hidden},
        "placeholder": _visible(not busy),
        "lime_picture": None,
        "lime_text": "",
        "attention_picture": None,
        "attention_text": "",
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
        with gr.Row(visible=False, equal_height=False) as parts["maps"]:
            with gr.Column(min_width=320):
                parts["lime_title"] = gr.HTML()
                parts["lime_picture"] = _map_picture("LIME superpixel overlay", "lime")
                parts["lime_text"] = gr.HTML(elem_classes="caption", elem_id="lime-text")
            with gr.Column(min_width=320):
                gr.HTML(words.title("Where it looked: attention mask", "From the same pass as the verdict."))
                parts["attention_picture"] = _map_picture("Attention-mask heatmap", "attention")
                parts["attention_text"] = gr.HTML(elem_classes="caption", elem_id="attention-text")
        with gr.Accordion("How to read this", open=False):
            gr.Markdown(words.READING)
        with gr.Accordion("The model card: data, measured figures, limits", open=False):
            figures = gr.HTML(words.model_card(card))
        parts["seen"] = gr.State(None)
        face, whole = gr.State(0), gr.State(False)
        run_it = _wire(page, photo, controls, face, whole, model)
        model.input(page.describe, model, [scope, figures], show_progress="hidden", api_visibility="private").then(
            **run_it
        )
    return blocks


def _settings() -> list[Any]:
    """Target, superpixels, samples, regions shown and smoothing, in the order of the handlers' arguments."""
    with gr.Accordion("Settings", open=False):
        target = gr.Radio([LIKELIER, *TARGETS], value=LIKELIER, label="Class that LIME explains")
        superpixels = gr.Slider(
            20,
            150,
            50,
            step=5,
            label="Superpixels",
            info="Finer patches need more samples.",
            elem_id="superpixels",
        )
        samples = gr.Slider(
            MIN_SAMPLES,
            MAX_SAMPLES,
            1000,
            step=100,
            label="Samples",
            info="More are steadier and slower.",
            elem_id="samples",
        )
        shown = gr.Slider(1, 50, 8, step=1, label="Regions shown", info="The strongest ones.", elem_id="shown")
        smooth = gr.Checkbox(False, label="Smooth the attention map", info="Off: the native grid.")
    return [target, superpixels, samples, shown, smooth]


def _map_picture(label: str, name: str) -> gr.Image:
    return gr.Image(label=label, format="png", interactive=False, buttons=["download", "fullscreen"], elem_id=name)


def _wire(
    page: Page, photo: gr.Image, controls: list[Any], face: gr.State, whole: gr.State, model: gr.Radio
) -> dict[str, Any]:
    """Connect controls and handlers; returns how a run is started."""
    parts = page.parts
    target, superpixels, samples, shown, smooth = controls
    run_it: dict[str, Any] = {
        "fn": page.show,
        "inputs": [photo, *controls, face, whole, model],
        "outputs": list(parts.values()),
        "show_progress": "hidden",
        "trigger_mode": "multiple",  # a newer run ends the one before: see Runs
        "concurrency_limit": BUSY_VISITORS,
        "concurrency_id": "model",
        "api_visibility": "private",
    }
    private: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    photo.change(lambda: (0, False), None, [face, whole], **private).then(**run_it)
    gr.on([target.input, superpixels.release, samples.release], **run_it)
    parts["whole_button"].click(lambda: True, None, whole, **private).then(**run_it)
    parts["found"].select(page.pick, [parts["seen"], face], face, **private).then(**run_it)
    redrawn = [parts[name] for name in ("seen", "lime_picture", "lime_text", "attention_picture", "attention_text")]
    redraw = {
        "fn": page.redraw,
        "inputs": [parts["seen"], shown, smooth],
        "outputs": [*redrawn, parts["status"]],
        "trigger_mode": "always_last",  # a slider sends every step of its way
    }
    gr.on([shown.input, smooth.input], **redraw, **private)
    parts["cancel"].click(page.stop, **private)
    api_whole = gr.Checkbox(False, label="whole", visible=False)
    answers = [
        gr.JSON(label="report", visible=False),
        gr.Image(label="lime", visible=False, format="png"),
        gr.Image(label="attention", visible=False, format="png"),
    ]
    gr.Button(visible=False).click(
        page.analyze_photo,
        [photo, *controls, api_whole, model],
        answers,
        api_name="analyze",
        concurrency_limit=BUSY_VISITORS,
        concurrency_id="model",
    )
    return run_it


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
