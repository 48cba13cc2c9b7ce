"""Connects the components of the page with their handlers."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gradio as gr

from explain.examples import examples
from explain.interfaces.gradio_api import GradioEndpoints
from explain.maps.registry import MAIN_MAP, METHODS
from explain.page import models, what_if
from explain.page.api import wire_api
from explain.page.clip import judge as clip
from explain.page.clip.wiring import wire_clip
from explain.page.components.controls import CONTROLS, EXTENDING
from explain.page.components.event import chosen_in, place_in
from explain.page.components.handlers import AT_ONCE, FETCH, PRIVATE, RUN_OPTIONS, Handler, visitor_of
from explain.page.components.parts import Parts
from explain.page.components.refusals import refusals_shown
from explain.page.components.updates import Change, Controls, Updates
from explain.page.detectors import bring, second
from explain.page.detectors.wiring import wire_own
from explain.page.downloads import KINDS, report
from explain.page.many import judge as many
from explain.page.many.wiring import wire_many
from explain.page.photo import face_clicked, face_named
from explain.page.run import Page
from explain.page.view import slide
from explain.service.process import give_back
from model.i18n.catalogue import use_language

CHANGED = ("hidden", "regions", "top", f"{MAIN_MAP}_picture", "what_if_text", "show_all")  # by a what-if


def wire(page: Page, parts: Parts, blocks: gr.Blocks) -> Callable[[str], None]:
    """Connect the components with their handlers; returns the function that forgets a visitor who has left."""
    run_it: dict[str, Any] = {
        "fn": _running(page, parts, page.show),
        "inputs": parts.readable(),
        "outputs": list(parts.values()),
        "trigger_mode": "multiple",  # a newer run ends the older one, see Runs
        **RUN_OPTIONS,
    }
    at_once = _answering_at_once(page, parts)
    _wire_photo(page, parts, run_it)
    extend = {**run_it, "fn": _running(page, parts, page.extend)}
    _wire_settings(page, parts, run_it, extend)
    _wire_drawing(page, parts, at_once)
    _wire_run(page, parts, run_it)
    forget = _wire_leaving(page, blocks)
    _wire_what_if(parts, at_once)
    _wire_reports(page, parts, run_it)
    wire_many(page, parts, run_it)
    wire_clip(page, parts, run_it)
    _wire_arrival(page, parts, blocks, run_it)
    draw_model = _drawing_model(page, parts)
    _wire_language(page, parts, draw_model)
    _wire_models(page, parts, run_it, draw_model)
    wire_api(GradioEndpoints(page.service), parts)
    return forget


def _running(page: Page, parts: Parts, run: Callable[[Controls, str], Iterator[Updates]]) -> Handler:
    """The handler that shows each step of a visitor's run."""

    def show(values: dict[Any, Any], request: gr.Request) -> Iterator[dict[Any, Any]]:
        yield from map(parts.changes, run(parts.controls(values), visitor_of(page.service, request)))

    return show


def _answering_at_once(page: Page, parts: Parts) -> Callable[..., Any]:
    """A function that connects a trigger with a handler, which answers without waiting for others' runs."""

    def at_once(
        trigger: Callable[..., Any], handler: Callable[[Controls], Updates], outputs: list[str], **options: Any
    ) -> Any:
        def answer(values: dict[Any, Any], request: gr.Request, event: gr.EventData) -> dict[Any, Any]:
            controls = {**parts.controls(values), "event": event}
            page.update_controls(str(request.session_hash), controls)
            with refusals_shown(controls["language"]), use_language(controls["language"]):
                updates = handler(controls)
            if "hidden" in updates:  # a run that goes on draws its next map with it
                page.update_controls(str(request.session_hash), {**controls, "hidden": updates["hidden"]})
            return parts.changes(updates)

        targets = [parts[name] for name in (*outputs, "status")]
        return trigger(answer, parts.readable(), targets, **{**AT_ONCE, **options})

    return at_once


def _wire_settings(page: Page, parts: Parts, run_it: dict[str, Any], extend: dict[str, Any]) -> None:
    """A setting or another face begins a run; a further map or judgement adds to what is there."""
    gr.on([parts[name].input for name in ("target", "segmentation", "hide")], **run_it)
    gr.on([parts[name].input for name in EXTENDING], **extend)
    for name in ("trust", "robustness"):
        parts[f"{name}_tab"].select(lambda: True, None, parts[name], **AT_ONCE).then(**extend)
    parts["settings_button"].click(lambda: gr.update(open=True), None, parts["drawer"], **AT_ONCE)
    gr.on([parts[name].release for name in ("superpixels", "samples")], **run_it)
    parts["whole_button"].click(lambda: True, None, parts["whole"], **AT_ONCE).then(**run_it)
    parts["faces_table"].select(face_named, None, parts["face"], **AT_ONCE).then(**run_it)
    parts["found"].select(face_clicked, [parts["seen"], parts["face"]], parts["face"], **AT_ONCE).then(**run_it)


def _wire_drawing(page: Page, parts: Parts, at_once: Callable[..., Any]) -> None:
    """Settings of the drawing change the pictures that are there."""
    drawn = [f"{name}_{part}" for name in METHODS for part in ("picture", "text")]
    outputs = [*drawn, *CHANGED, *("ranked", "numbers", "pointed_at", "slide_map", "slide_picture")]
    outputs += ["link", "report_group", *second.SHOWN]
    for control in ("shown", "smooth"):  # a slider sends each of its steps
        at_once(parts[control].input, page.redraw, outputs, trigger_mode="always_last")
    at_once(parts["slide_map"].input, _slide, ["slide_map", "slide_picture"])


def _wire_run(page: Page, parts: Parts, run_it: dict[str, Any]) -> None:
    """A visitor can end the run, which keeps its results visible, and have a second model beside the first one."""

    def stop(request: gr.Request) -> None:
        page.runs.stop(str(request.session_hash))

    gr.on([parts[name].click for name in ("cancel", "second_cancel")], stop, **AT_ONCE)
    parts["second"].input(**{**run_it, "fn": _running(page, parts, partial(second.compare, page))})


def _wire_leaving(page: Page, blocks: gr.Blocks) -> Callable[[str], None]:
    """Forget each visitor who leaves; returns the function that does it."""

    def forget(visitor: str) -> None:
        """End all runs of a visitor who has left, and drop what they made."""
        for suffix in ("", many.RUN_SUFFIX, bring.RUN_SUFFIX, clip.RUN_SUFFIX):
            page.runs.stop(visitor + suffix)
        page.forget(visitor)
        _forget(blocks, visitor)
        give_back()

    def leave(request: gr.Request) -> None:
        forget(str(request.session_hash))

    blocks.unload(leave)
    return forget


def _forget(blocks: gr.Blocks, session: str) -> None:
    """Drop what Gradio holds of a visitor who has left; it keeps the states for an hour and the rest until it ends."""
    holder = getattr(blocks, "state_holder", None)  # only a page that is served has one
    if holder is not None:
        holder.delete_state(session)
        holder.session_data.pop(session, None)
        holder.time_last_used.pop(session, None)
    blocks._queue.pending_messages_per_session.pop(session, None)  # the visitor has not fetched these


def _wire_photo(page: Page, parts: Parts, run_it: dict[str, Any]) -> None:
    """Analyse each photo that arrives. It is kept in a state, so that the input is free for the next one."""

    def take(values: dict[Any, Any], photo: Any, visitor: str) -> Iterator[dict[Any, Any]]:
        if photo is None:  # the visitor only switched to the camera, or cleared the place
            yield parts.changes({})
            return
        new: dict[str, Any] = {"photo": photo, "face": 0, "whole": False}
        # They come with the first step: a step before it would let a later photo begin its run first.
        first = {**new, "photo_input": None}
        for updates in page.show({**parts.controls(values), **new}, visitor):
            yield parts.changes({**first, **updates})
            first = {}

    def take_dropped(values: dict[Any, Any], request: gr.Request) -> Iterator[dict[Any, Any]]:
        yield from take(values, values[parts["photo_input"]], visitor_of(page.service, request))

    dropped = {**run_it, "fn": take_dropped, "inputs": parts.readable() | {parts["photo_input"]}}
    parts["photo_input"].input(**dropped)
    for example in examples():

        def take_example(
            values: dict[Any, Any], request: gr.Request, path: str = str(example.path)
        ) -> Iterator[dict[Any, Any]]:
            yield from take(values, path, visitor_of(page.service, request))

        parts[f"example_{example.path.stem}"].click(**{**run_it, "fn": take_example})


def _slide(controls: dict[str, Any]) -> Updates:
    return {} if controls["seen"] is None else slide(controls["seen"], controls)


def _wire_what_if(parts: Parts, at_once: Callable[..., Any]) -> None:
    """Clicks on the pictures and the controls of the what-if run the network immediately."""

    def clicked(controls: dict[str, Any]) -> Updates:
        return what_if.hide_at(controls, place_in(controls["event"]))

    def chosen(controls: dict[str, Any]) -> Updates:
        return what_if.hide_region(controls, chosen_in(controls["event"]))

    for picture in (f"{MAIN_MAP}_picture", "original_picture"):
        at_once(parts[picture].select, clicked, list(CHANGED))
    at_once(parts["ranked"].select, chosen, list(CHANGED))
    at_once(parts["top"].input, what_if.hide_top, list(CHANGED), trigger_mode="always_last")
    at_once(parts["regions"].input, what_if.hide_named, list(CHANGED), trigger_mode="always_last")
    # The search asks about many sets: show that it goes on.
    begun = at_once(parts["smallest"].click, what_if.searching, ["what_if_text", "smallest"])
    searched = at_once(begun.then, what_if.hide_smallest, list(CHANGED))
    at_once(searched.then, lambda controls: {"smallest": Change(interactive=True)}, ["smallest"])
    at_once(parts["show_all"].click, what_if.show_all, list(CHANGED))


def _wire_reports(page: Page, parts: Parts, run_it: dict[str, Any]) -> None:
    """A report is made and sent; its buttons can be pressed again afterwards, whatever has happened."""
    buttons = [parts[f"report_{kind}"] for kind in KINDS]
    for kind, button in zip(KINDS, buttons, strict=True):
        made = button.click(**{**run_it, "fn": _running(page, parts, partial(report, page, kind))})
        made.success(**FETCH)
        made.then(lambda: [gr.update(interactive=True) for _ in KINDS], None, buttons, **AT_ONCE)


def _wire_arrival(page: Page, parts: Parts, blocks: gr.Blocks, run_it: dict[str, Any]) -> None:
    """A new visitor gets the settings of the link, in its language or the browser's, and an example."""

    def arrive(request: gr.Request) -> dict[Any, Any]:
        accepted = request.headers.get("accept-language", "")
        return parts.changes(models.arrive(page, dict(request.query_params), accepted))

    by_link = ("language", *CONTROLS, "photo", "placeholder", "notice", "refused", "status")
    changed = [parts[name] for name in dict.fromkeys((*by_link, *models.FACTS, *models.CHOICE))]
    arrived = blocks.load(arrive, None, changed, **AT_ONCE)
    # Beside the run, which may take minutes once it has opened the model of the link.
    arrived.then(_describing(parts, partial(models.describe_named, page)), parts.readable(), _facts(parts), **PRIVATE)
    arrived.then(**run_it)


def _facts(parts: Parts) -> list[Any]:
    return [parts[name] for name in models.FACTS]


def _describing(parts: Parts, describe: Callable[[Controls, str], Iterator[Updates]]) -> Handler:
    """The handler that shows the facts of the chosen model."""

    def show(values: dict[Any, Any], request: gr.Request) -> Iterator[dict[Any, Any]]:
        controls = parts.controls(values)
        with refusals_shown(controls["language"]):
            yield from map(parts.changes, describe(controls, str(request.session_hash)))

    return show


def _drawing_model(page: Page, parts: Parts) -> dict[str, Any]:
    """The arguments of an event that draws the figures of the chosen model."""

    def draw_model(values: dict[Any, Any], request: gr.Request) -> dict[Any, Any]:
        controls = parts.controls(values)
        with refusals_shown(controls["language"]):
            return parts.changes(models.model_pictures(page, controls, str(request.session_hash)))

    shown = {"outputs": [parts["model_pictures"], parts["status"]], **AT_ONCE}
    return {"fn": draw_model, "inputs": parts.readable(), **shown}


def _wire_language(page: Page, parts: Parts, draw_model: dict[str, Any]) -> None:
    """The page uses the chosen language."""

    def change_language(values: dict[Any, Any], request: gr.Request) -> dict[Any, Any]:
        controls, visitor = parts.controls(values), str(request.session_hash)
        page.update_controls(visitor, controls)
        with refusals_shown(controls["language"]), use_language(controls["language"]):
            changes = many.change_language(controls["many_progress"], page.runs.waiting(visitor + many.RUN_SUFFIX))
            changes |= clip.change_language(controls["clip_seen"], page.runs.waiting(visitor + clip.RUN_SUFFIX))
            choices = models.both_choices(page, visitor)
            return parts.translated({**choices, **page.change_language(controls, visitor), **changes})

    changing = parts["language"].change(change_language, parts.readable(), list(parts.values()), **AT_ONCE)
    changing.then(**draw_model)


def _wire_models(page: Page, parts: Parts, run_it: dict[str, Any], draw_model: dict[str, Any]) -> None:
    """A chosen model is described and judges the photo; a visitor can bring one; an import shows its progress."""

    def show_import(language: str, request: gr.Request) -> dict[Any, Any]:
        return parts.changes(models.import_state(page, language, str(request.session_hash)))

    parts["model_tab"].select(**draw_model)
    for choosing in (parts["model"].input, *wire_own(page, parts, partial(models.both_choices, page))):
        chosen = choosing(_describing(parts, page.describe), parts.readable(), _facts(parts), **PRIVATE)
        chosen.then(**draw_model)
        chosen.then(**run_it)
    parts["models_clock"].tick(show_import, parts["language"], [parts[name] for name in models.CHOICE], **AT_ONCE)
