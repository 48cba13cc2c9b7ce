"""What a click does."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gradio as gr

from explain.examples import examples
from explain.interfaces.gradio_api import Programs
from explain.maps.registry import METHODS
from explain.page import batch, models, what_if
from explain.page.api import wire_api
from explain.page.components.controls import CONTROLS
from explain.page.components.parts import Parts
from explain.page.components.updates import Updates
from explain.page.downloads import download
from explain.page.run import Page, slide
from explain.page.view import View
from explain.service.service import BUSY_VISITORS, SEATS
from model.i18n.catalogue import speaking

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
AT_ONCE: dict[str, Any] = {"queue": False, **PRIVATE}  # what takes milliseconds does not wait for others' runs
A_RUN: dict[str, Any] = {"concurrency_limit": SEATS, "concurrency_id": "model", **PRIVATE}
# Whoever drops a thousand photos must not keep the others from theirs; each of the thousand takes its turn as well.
A_BATCH: dict[str, Any] = {"concurrency_limit": BUSY_VISITORS, "concurrency_id": "many", **PRIVATE}


def wire(page: Page, parts: Parts, blocks: gr.Blocks) -> None:
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
    wire_api(Programs(page.doors), parts)


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
        return parts.changes(models.arrive(page, dict(request.query_params), accepted))

    def draw_model(values: dict[Any, Any]) -> dict[Any, Any]:
        return parts.changes(page.model_pictures(parts.asked(values)))

    everything = list(named.values())
    drawn: dict[str, Any] = {"outputs": [named["model_pictures"], named["status"]], **AT_ONCE}
    named["model_tab"].select(draw_model, parts.readable(), **drawn)
    named["language"].change(translate, parts.readable(), everything, **AT_ONCE).then(
        draw_model, parts.readable(), **drawn
    )
    told, choice = ([named[name] for name in names] for names in (models.FACTS, models.CHOICE))
    controls = [named[name] for name in ("language", *CONTROLS, "photo", "notice", "status")]
    blocks.load(arrive, None, [*controls, *told, *choice], **AT_ONCE)
    look = partial(models.look, page)
    named["models_clock"].tick(lambda language: parts.changes(look(language)), named["language"], choice, **AT_ONCE)

    def describe(values: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
        yield from map(parts.changes, page.describe(parts.asked(values)))

    chosen = named["model"].input(describe, parts.readable(), told, **PRIVATE)
    chosen.then(draw_model, parts.readable(), **drawn)
    chosen.then(**run_it)
