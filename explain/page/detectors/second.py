"""What the page shows of a second model: it runs after the first one's result, and is shown beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

from explain.comparison import Second, settings_of_second
from explain.html import captions, fragments
from explain.html.second import no_verdict_beside, regions_of_both, verdict_beside
from explain.maps.registry import MAIN_MAP
from explain.page.components.updates import Controls, Updates, visible
from explain.page.sessions import Runs
from explain.page.view import View
from explain.result import Analysis, is_unmoved
from explain.service.queue import Urgency
from explain.service.refusal import Refused, refusing
from explain.service.service import Service, check_other
from explain.settings import Settings
from explain.wording.comparison import comparison_sentence
from explain.wording.progress import doing
from model.artifact.card import Card
from model.detector.detector import Detector
from model.i18n.catalogue import in_language, translate, use_language

NONE = ""  # the choice of no second model
PICTURES = ("first_picture", "second_picture")
TEXTS = ("second_sentence", "first_verdict", "first_text", "second_verdict", "second_text", "second_table")


SHOWN = (*PICTURES, *TEXTS, "second_status", "second_cancel")  # components that drawing again changes


class Page(Protocol):
    """What this module needs of ``explain.page.run.Page``."""

    runs: Runs
    service: Service

    def update_controls(self, visitor: str, controls: Controls) -> None: ...
    def language_of(self, visitor: str, otherwise: str) -> str: ...
    def settings(self, controls: Controls, visitor: str) -> Settings: ...
    def current(self, controls: Controls, visitor: str) -> Controls: ...
    def detector(self, name: str, visitor: str) -> Detector: ...
    def is_open(self, name: str) -> bool: ...
    def card(self, seen: View) -> Card: ...


def second_settings(first: Analysis, settings: Settings) -> Settings:
    """Only what is shown beside the first model: the verdict and the main map."""
    only: dict[str, Any] = {"methods": (MAIN_MAP,), "trust": False, "robustness": False, "flip": False, "hidden": ()}
    return replace(settings_of_second(first, settings), **only)


def blank(controls: Controls) -> Updates:
    """The section at the beginning of a run on another face."""
    empty: Updates = {**dict.fromkeys(PICTURES), **dict.fromkeys(TEXTS, "")}
    return {**empty, **waiting(controls), "second_seen": None}


def hidden() -> Updates:
    """Without a second model."""
    return {"second_group": visible(False), "second_seen": None}


def waiting(controls: Controls) -> Updates:
    """The section until the first model's result is there."""
    chosen = controls["second"] != NONE
    status = fragments.status(translate("second.waits", model=controls["second"])) if chosen else ""
    shown = {"second_status": status, "second_cancel": visible(False), "second_sentence": "", "second_table": ""}
    return {"second_group": visible(chosen), **(shown if chosen else {})}


def compare(page: Page, controls: Controls, visitor: str) -> Iterator[Updates]:
    """Ask the second model that was chosen; a run that goes on takes it up by itself."""
    page.update_controls(visitor, controls)
    yield from in_language(lambda: page.language_of(visitor, controls["language"]), _compare(page, controls, visitor))


def _compare(page: Page, controls: Controls, visitor: str) -> Iterator[Updates]:
    seen = controls["seen"]
    if controls["second"] == NONE:
        yield hidden()  # before the run that shows one has ended
    if page.runs.waiting(visitor) or seen is None or not seen.analysis.complete:
        yield waiting(controls) if seen is not None else {}
        return
    with page.runs.begin(visitor) as ended:
        yield from run_second(page, controls, visitor, seen, page.settings(controls, visitor), ended)


def run_second(
    page: Page, controls: Controls, visitor: str, first: View, settings: Settings, ended: Callable[[], bool]
) -> Iterator[Updates]:
    """Run the chosen second model, and again for each other choice, until the first model has more to do.

    Args:
        page: the page.
        controls: values of its controls when the run began.
        visitor: name of the visitor.
        first: the first model's complete analysis.
        settings: of that run.
        ended: whether the run has to end.
    """
    shown, seen = None, controls["second_seen"]
    while not ended() and page.settings(controls, visitor) == settings:
        current = page.current(controls, visitor)
        if current["second"] == shown:
            return
        name, before, shown = current["second"], shown, current["second"]
        if name == NONE:
            if before is not None:
                yield hidden()
            continue

        def stale(name: str = name) -> bool:
            changed = page.current(controls, visitor)["second"] != name
            return ended() or changed or page.settings(controls, visitor) != settings

        for updates in _run_model(page, current, visitor, first, seen, stale):
            seen = updates.get("second_seen", seen)
            yield updates
    if ended() and not page.runs.waiting(visitor):
        yield {"second_status": fragments.stopped(seen.analysis if seen else None), "second_cancel": visible(False)}


def _run_model(
    page: Page, controls: Controls, visitor: str, first: View, before: View | None, stale: Callable[[], bool]
) -> Iterator[Updates]:
    """One second model's steps, as they are shown; ``before`` is what the page shows of one."""
    name = controls["second"]
    known = before.analysis if before is not None and before.source == first.source else None
    try:
        with refusing():
            check_other(first.analysis.model["name"], name)
            kept = before is not None and before.shows(first.source, first.analysis.settings.face, name)
            fresh = {} if kept else {**blank(controls), "second_verdict": no_verdict_beside(name)}
            begun = fragments.status(fragments.opening(name) if not page.is_open(name) else translate("doing.face"))
            yield {**fresh, **_first(first, page, controls), "second_group": visible(True), "second_status": begun}
            detector = page.detector(name, visitor)
            settings = second_settings(first.analysis, page.settings(controls, visitor))
            run: dict[str, Any] = {"visitor": visitor, "wait": True, "known": known, "urgency": Urgency.REST}
            seen: View | None = None
            for step in page.service.analyze(controls["photo"], settings, detector, stale, **run):
                if stale():
                    return
                seen = View.of(step, seen, first.source, detector.card)
                yield _shown(page, first, seen, page.current(controls, visitor))
    except Refused as error:
        yield {**blank(controls), "second_status": fragments.notice(str(error), "error")}


def _shown(page: Page, first: View, seen: View, controls: Controls) -> Updates:
    """The section for one step of the second model."""
    analysis, card = seen.analysis, page.card(seen)
    changes: Updates = {"second_seen": seen}
    running = translate("second.runs", model=analysis.model["name"], step=doing(analysis))
    changes["second_status"] = "" if analysis.complete else fragments.progress_bar(running, analysis.progress)
    changes["second_cancel"] = visible(not analysis.complete)
    if analysis.prediction is not None or analysis.complete:
        changes["second_verdict"] = verdict_beside(analysis, card)
    if MAIN_MAP in analysis.attributions:
        changes |= _map_of("second", seen, controls)
    if analysis.complete:
        second = Second.of(first.analysis, analysis, card)
        changes["second_sentence"] = fragments.paragraph(comparison_sentence(first.analysis, second), "reason")
        changes["second_table"] = regions_of_both(first.analysis, second)
    return changes


def _first(first: View, page: Page, controls: Controls) -> Updates:
    """The first model's side."""
    return {"first_verdict": verdict_beside(first.analysis, page.card(first)), **_map_of("first", first, controls)}


def _map_of(side: str, seen: View, controls: Controls) -> Updates:
    """A model's main map with what its colours mean; none if it has none."""
    found = seen.analysis.attributions.get(MAIN_MAP)
    if found is None:
        return {f"{side}_picture": None, f"{side}_text": ""}
    (picture,) = seen.pictures(int(controls["shown"]), {MAIN_MAP}).values()
    return {f"{side}_picture": picture, f"{side}_text": captions.short_caption(found, still=is_unmoved(seen.analysis))}


def redraw(page: Page, controls: Controls) -> Updates:
    """What is shown of a second model, drawn again with other settings or in another language."""
    first, seen = controls["seen"], controls["second_seen"]
    if first is None or seen is None or not first.analysis.complete:
        return {}
    with use_language(controls["language"]):
        changes = {**_first(first, page, controls), **_shown(page, first, seen, controls)}
    del changes["second_seen"]  # a run may have continued
    return changes if seen.analysis.complete else {**changes, "second_status": "", "second_cancel": visible(False)}


def second_of(page_card: Callable[[View], Any], controls: Controls) -> Second | None:
    """The second model's answer for the report; None if there is no complete one for the face that is shown."""
    first, seen = controls["seen"], controls["second_seen"]
    if first is None or seen is None or not seen.analysis.complete or seen.analysis.model["name"] != controls["second"]:
        return None
    if not seen.shows(first.source, first.analysis.settings.face, controls["second"]):
        return None
    return Second.of(first.analysis, seen.analysis, page_card(seen))
