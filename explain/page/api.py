"""The page's named endpoints for programs."""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, cast

import gradio as gr

from explain.interfaces.gradio_api import GradioEndpoints
from explain.maps.registry import METHODS
from explain.page.components.extended import NumberForPrograms
from explain.page.components.parts import Parts
from explain.service.refusal import Refused
from explain.service.service import CLIENT, MAX_OPEN_RUNS
from explain.settings import DEFAULT_MAPS, HIDE_CHOICES, Settings, limits_of


def wire_api(endpoints: GradioEndpoints, parts: Parts) -> None:
    """Add the named endpoints; options that cost seconds are off by default."""
    off = {"whole": Settings.whole_picture, "trust": Settings.trust, "flip": Settings.flip}
    whole, trust, flip = (gr.Checkbox(value, label=name, visible=False) for name, value in off.items())
    methods = gr.CheckboxGroup(list(METHODS), value=list(Settings.methods), label="methods", visible=False)
    # Not the page's controls: programs may use the whole range of an option, with any model.
    hide = gr.Radio(HIDE_CHOICES, value=Settings.hide, label="hide", visible=False)
    superpixels, samples, seed = (
        _number(name, getattr(Settings, name), **limits_of(name)) for name in ("superpixels", "samples", "seed")
    )
    face = _number("face", Settings.face + 1, minimum=1)
    report = gr.JSON(label="report", visible=False)
    pictures = [gr.Image(label=name, visible=False, format="png") for name in reversed(DEFAULT_MAPS)]
    maps = gr.Gallery(label="maps", visible=False, format="png")
    second = gr.Textbox("", label="second", visible=False)
    photo, model, language = (parts[name] for name in ("photo_input", "model", "language"))
    map_settings = [parts["target"], superpixels, samples, parts["shown"]]
    region_settings = [parts["segmentation"], hide]

    def offer(name: str, function: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> None:
        run: dict[str, Any] = {"concurrency_limit": MAX_OPEN_RUNS, "concurrency_id": "model"}
        gr.Button(visible=False).click(_refusing(_counted(function)), inputs, outputs, api_name=name, **run)

    analyzing = [photo, *map_settings, parts["smooth"], whole, model, parts["further"], trust, flip, *region_settings]
    offer("analyze", endpoints.analyze_photo, [*analyzing, language, second], [report, *pictures, maps])
    explaining = [photo, methods, *map_settings, *region_settings, parts["smooth"], trust, flip, face, whole, seed]
    offer("explain", endpoints.explain_photo, [*explaining, model, language, second], [report, maps])
    offer("faces", endpoints.find_faces, [photo, model, language], [report])
    gr.api(_refusing(endpoints.list_models), api_name="models", concurrency_limit=None)
    gr.api(endpoints.health, api_name="health", concurrency_limit=None)


def _number(name: str, value: int, **limits: int) -> gr.Number:
    number: gr.Number = NumberForPrograms(value, precision=0, label=name, visible=False, **limits)
    return number


def _counted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with Gradio's request as its first argument, so that the service knows who asks."""

    @wraps(function)
    def steps(request: gr.Request, *arguments: Any) -> Iterator[Any]:
        CLIENT.set(None if request.client is None else request.client.host)
        yield from function(*arguments)

    @wraps(function)
    def once(request: gr.Request, *arguments: Any) -> Any:
        CLIENT.set(None if request.client is None else request.client.host)
        return function(*arguments)

    counted: Any = steps if inspect.isgeneratorfunction(function) else once
    signature = inspect.signature(function)
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    counted.__signature__ = signature.replace(parameters=[request, *signature.parameters.values()])
    counted.__annotations__ = {"request": gr.Request, **function.__annotations__}
    return cast("Callable[..., Any]", counted)


def _refusing(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function; Gradio shows the sentence of ``Refused``."""

    @wraps(function)
    def steps(*arguments: Any) -> Iterator[Any]:
        try:
            yield from function(*arguments)
        except Refused as error:
            raise gr.Error(str(error), print_exception=False) from error

    @wraps(function)
    def once(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Refused as error:
            raise gr.Error(str(error), print_exception=False) from error

    return steps if inspect.isgeneratorfunction(function) else once
