"""The named endpoints of the page for programs."""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import gradio as gr

from explain.interfaces.gradio_api import Programs
from explain.maps.registry import METHODS
from explain.page.components.parts import Parts
from explain.service.refusal import Refused
from explain.service.service import SEATS
from explain.settings import Settings


def wire_api(programs: Programs, parts: Parts) -> None:
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
