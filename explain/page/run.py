"""What the page shows of a run, step by step: changes as plain data, by the name of the component."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from explain.drawing import overlays, palette
from explain.html import captions, fragments
from explain.html.regions import pointed_at, ranked
from explain.html.robustness import robustness_tab
from explain.maps.registry import MAIN_MAP, METHODS
from explain.page import what_if
from explain.page.components.controls import LIVE, is_own, settings_from
from explain.page.components.hiding import hide_choices
from explain.page.components.updates import Change, Controls, Updates, merged, visible
from explain.page.detectors import second
from explain.page.detectors.own import OwnModels
from explain.page.photo import FACE_ONLY_TABS, about_photo, blank, face_only_hidden, failed, refused_again, stopped
from explain.page.sessions import Runs
from explain.page.view import View, final_updates, smoothed, trust_state
from explain.result import is_unmoved
from explain.service.refusal import Refused, refusing
from explain.service.service import Service
from explain.settings import DEFAULT_MAPS, Settings
from explain.stopwatch import Stopwatch
from explain.wording.reason import reason_sentence
from explain.wording.regions import region_label
from model.artifact.card import Card
from model.available import Models
from model.detector.detector import Detector
from model.errors import UserError
from model.i18n.catalogue import in_language, use_language


class Page:
    """The runs of all visitors, and the changes that each step makes on the page."""

    def __init__(self, models: Models, service: Service | None = None, own: OwnModels | None = None) -> None:
        self.models = models
        self.own = own or OwnModels()
        self.at_start = models.first  # a better one may be imported later
        self.runs = Runs()
        self.service = service or Service(models)
        self._live_controls: dict[str, dict[str, Any]] = {}

    def update_controls(self, visitor: str, controls: Controls) -> None:
        """Store a visitor's current controls; a running analysis uses them from its next step."""
        self._live_controls[visitor] = {name: controls[name] for name in LIVE}

    def forget(self, visitor: str) -> None:
        """Drop the state of a visitor who has left."""
        self._live_controls.pop(visitor, None)
        self.own.forget(visitor)

    def language_of(self, visitor: str, otherwise: str) -> str:
        """The visitor's current language; ``otherwise`` if it was not changed."""
        return str(self._live_controls.get(visitor, {}).get("language", otherwise))

    def show(self, controls: Controls, visitor: str) -> Iterator[Updates]:
        """Analyse the photo and show each step, until it is complete, cancelled or superseded."""
        self.update_controls(visitor, controls)
        yield from in_language(lambda: self.language_of(visitor, controls["language"]), self._show(controls, visitor))

    def extend(self, controls: Controls, visitor: str) -> Iterator[Updates]:
        """Add what a control of ``EXTENDING`` is set for; a run that goes on takes it up by itself."""
        self.update_controls(visitor, controls)
        seen = controls["seen"]
        if self.runs.waiting(visitor) or seen is None or seen.holds(self.settings(controls, visitor)):
            yield {}
        else:
            yield from self.add(controls, visitor)

    def add(self, controls: Controls, visitor: str) -> Iterator[Updates]:
        """Run for what is missing; a result that was complete counts again if the visitor stops that."""
        before = latest = controls["seen"]
        for changes in self.show(controls, visitor):
            latest = changes.get("seen", latest)
            yield changes
        if before.analysis.complete and latest and not latest.analysis.complete and not self.runs.waiting(visitor):
            yield {"seen": before, "report_group": visible(True)}

    def _show(self, controls: Controls, visitor: str) -> Iterator[Updates]:
        photo, last = controls["photo"], controls["seen"]
        if photo is None:  # a page without an example to open with
            yield {}
            return
        same_face = last is not None and last.shows(photo, int(controls["face"]), controls["model"])
        with self.runs.begin(visitor) as ended:
            start: Updates = {"status": fragments.looking(), "cancel": visible(True), "whole_button": visible(False)}
            start["refused"] = None
            if not controls.get("for_report"):
                start["report_group"] = visible(False)
            if controls["whole"]:
                start["placeholder"] = visible(False)  # it is shown beside a photo without a face
            if not same_face or not what_if.same_regions(last, controls):  # the hidden numbers mean other regions now
                self.update_controls(visitor, {**self.current(controls, visitor), "hidden": []})
                start |= what_if.nothing_hidden()
            if ahead := self.service.queue.ahead():
                start["status"] = fragments.waiting(ahead, self.service.queue.estimate())
            yield {**start, **second.waiting(controls)} if same_face else {**blank(controls), "status": start["status"]}
            seen: View | None = None
            try:
                with refusing():
                    for changes in self._results(controls, visitor, ended, quiet=same_face or bool(ahead)):
                        seen = changes.get("seen", seen)
                        yield changes
            except Refused as error:
                yield failed(error, seen or (last if same_face else None))
            if ended() and not self.runs.waiting(visitor) and not (seen and seen.analysis.complete):
                yield stopped(seen or (last if same_face else None), self.current(controls, visitor))

    def _results(self, controls: Controls, visitor: str, ended: Callable[[], bool], quiet: bool) -> Iterator[Updates]:
        """The steps of an analysis, and of what the visitor asks for meanwhile; then those of a second model."""
        photo, last, watch = controls["photo"], controls["seen"], Stopwatch()
        known = last.analysis if last is not None and last.source == photo else None
        detector, done = self.detector(controls["model"], visitor), None
        seen: View | None = None
        while not ended() and done != (settings := self.settings(controls, visitor)):
            run: dict[str, Any] = {"visitor": visitor, "wait": True, "known": known}
            for step in self.service.analyze(photo, settings, detector, ended, **run):
                known = step
                if ended():
                    return
                if quiet and step.chosen is not None and step.prediction is None:
                    seen = None
                    continue
                before, seen = seen, View.of(step, seen, photo, detector.card)
                drawn = seen, before, self.current(controls, visitor)
                changes = self.service.in_turn(before.analysis if before else None, self.updates, *drawn)
                if ended():  # drawing takes long on a busy machine
                    return
                if step.complete:  # drawing it took time as well
                    seen = replace(seen, waited=watch.elapsed)
                    changes |= {"seen": seen, "status": fragments.progress(step, seen.waited)}
                yield changes
            done = settings
            if seen is not None and seen.analysis.complete:
                yield from second.run_second(self, controls, visitor, seen, done, ended)

    def settings(self, controls: Controls, visitor: str) -> Settings:
        """What the visitor asks for now; a run ``for_report`` measures robustness, and what was measured stays."""
        seen, shown = controls["seen"], (controls["photo"], int(controls["face"]), controls["model"])
        measured = seen is not None and seen.shows(*shown) and seen.analysis.robustness is not None
        kept = {"robustness": True} if measured or controls.get("for_report") else {}
        current = {**self.current(controls, visitor), **kept}
        return settings_from(current, face=int(controls["face"]), whole_picture=bool(controls["whole"]))

    def current(self, controls: Controls, visitor: str) -> Controls:
        """The controls with the visitor's later changes."""
        return {**controls, **self._live_controls.get(visitor, {})}

    def updates(self, seen: View, before: View | None, controls: Controls) -> Updates:
        """The changes of a new step; unchanged pictures are not sent again."""
        analysis, old = seen.analysis, before.analysis if before is not None else None
        changes: Updates = {
            "status": fragments.progress(analysis, seen.waited),
            "cancel": visible(not analysis.complete),
            "seen": seen,
        }
        unjudged = old is None or old.prediction is None
        changes |= about_photo(seen, old)
        if analysis.chosen is None:
            # Repeated: late updates of the last photo may have shown them again.
            offered = {name: visible(True) for name in ("whole_button", "placeholder")}
            return {**changes, **face_only_hidden(), **offered, "more_tabs": Change(selected="origin")}
        if analysis.prediction is None:
            return changes
        if unjudged:
            changes |= self._verdict(seen)
        if unjudged or (old is not None and analysis.robustness is not old.robustness):
            changes["robustness_curves"] = robustness_tab(analysis)
        shown = {} if old is None else old.attributions
        redraw = old is not None and is_unmoved(analysis) != is_unmoved(old)  # that changes how every map is drawn
        new = {name for name, found in analysis.attributions.items() if redraw or found is not shown.get(name)}
        new_captions = new
        if unjudged or old is None or trust_state(analysis) != trust_state(old):
            changes["trust_table"] = captions.trust_table(analysis.trusts)
            new_captions = set(analysis.attributions)
        changes |= self.captions(seen, int(controls["shown"]), new_captions)
        changes |= self.drawings(seen, controls, new)
        changes["reason"] = fragments.reason(reason_sentence(analysis))
        for name, problem in analysis.problems.items():
            if name in METHODS:
                changes |= {f"{name}_column": visible(True), f"{name}_text": fragments.notice(str(problem))}
        return changes | (final_updates(seen, controls) if analysis.complete else {})

    def detector(self, name: str, visitor: str) -> Detector:
        """The model of that name: the visitor's own, or one of the server's."""
        return self.own.get(name, visitor) or self.models.get(name)

    def is_open(self, name: str) -> bool:
        """Whether a model is open already."""
        return self.models.is_open(name) or is_own(name)

    def card(self, seen: View) -> Card:
        """The card of the model that made what is seen."""
        return seen.card or self.models.get(seen.analysis.model["name"]).card

    def _verdict(self, seen: View) -> Updates:
        """The verdict, and the headings of the maps."""
        analysis = seen.analysis
        assert analysis.prediction and analysis.chosen and analysis.settings.target
        face = palette.enlarge(analysis.chosen.crop)
        if seen.planted is not None:
            face = overlays.planted_outline(face, seen.planted)
        changes: Updates = {
            "verdict_group": visible(True),
            "verdict": fragments.verdict_card(analysis.prediction, self.card(seen), analysis.fits_model),
            "maps": visible(True),
            "more": visible(True),
            **{name: visible(True) for name in FACE_ONLY_TABS},
            "original_picture": face,
        }
        for name in METHODS:
            changes[f"{name}_title"] = captions.title(name, analysis.settings.target)
            if name not in DEFAULT_MAPS:
                changes[f"{name}_column"] = visible(name in analysis.settings.methods)
            if name not in analysis.attributions:
                changes |= {f"{name}_picture": None, f"{name}_text": ""}
        return changes if MAIN_MAP in analysis.attributions else {**changes, "ranked": ""}

    def drawings(self, seen: View, controls: Controls, names: set[str]) -> Updates:
        """The pictures of the named maps, and the data for the pointer."""
        if not names:
            return {}
        drawable = smoothed(seen, bool(controls["smooth"]))
        pictures = drawable.pictures(int(controls["shown"]), names)
        drawn: Updates = {f"{name}_picture": picture for name, picture in pictures.items()}
        main = seen.analysis.attributions.get(MAIN_MAP)
        if main is not None and main.weights is not None and MAIN_MAP in names:
            choices = [(region_label(main, region), region) for region in range(len(main.weights))]
            drawn |= {"regions": Change(choices=choices), "ranked": ranked(main)}
            if controls["hidden"]:
                drawn = merged(drawn, what_if.again({**controls, "seen": seen}))
        return drawn | {"pointed_at": pointed_at(seen.analysis)}

    def captions(self, seen: View, shown: int, names: set[str]) -> Updates:
        """The captions of the named maps, and the tab with all numbers."""
        if not names:
            return {}
        analysis, still = seen.analysis, is_unmoved(seen.analysis)
        found, trusts = analysis.attributions, analysis.trusts
        texts: Updates = {
            f"{name}_text": captions.short_caption(found[name], trusts.get(name), still) for name in names
        }
        return texts | {"numbers": captions.numbers(analysis, self.card(seen), shown)}

    def redraw(self, controls: Controls) -> Updates:
        """Draw the existing maps again, with other drawing settings."""
        seen = controls["seen"]
        if seen is None:
            return {}
        with use_language(controls["language"]):
            shown, names = int(controls["shown"]), set(seen.analysis.attributions)
            changes = self.captions(seen, shown, names) | self.drawings(seen, controls, names)
            changes |= second.redraw(self, controls)
            return changes | (final_updates(seen, controls) if seen.analysis.complete else {})

    def change_language(self, controls: Controls, visitor: str) -> Updates:
        """Translate everything that is shown into the chosen language."""
        with use_language(controls["language"]):
            seen = controls["seen"]
            model = controls["model"]
            changes = self.described(model, visitor, controls["hide"]) if self.is_open(model) else {}
            if seen is None:
                changes |= {"placeholder": fragments.placeholder(), "what_if_text": fragments.what_if_help()}
                return changes | refused_again(controls)
            changes = merged(changes | self.updates(seen, None, controls), what_if.again(controls))
            changes |= second.redraw(self, controls)
            del changes["seen"]  # a run may have continued
            if not seen.analysis.complete and not self.runs.waiting(visitor):
                changes |= stopped(seen, controls)
            return changes | refused_again(controls)

    def described(self, model: str, visitor: str = "", hide: str = Settings.hide) -> Updates:
        """A model's scope, card and ways to hide a region; its pictures are drawn later."""
        try:
            detector = self.detector(model, visitor)
        except UserError as error:
            return {"scope": fragments.notice(str(error), "error"), "card": "", "model_pictures": ""}
        return {
            "scope": fragments.scope_line(detector.card),
            "card": fragments.model_card(detector.card, folded=True),
            "model_pictures": "",
            "hide": hide_choices(detector, hide),
        }

    def describe(self, controls: Controls, visitor: str = "") -> Iterator[Updates]:
        """Like ``described``, for a model that may not be open yet; opening a large one may take minutes."""
        yield from in_language(controls["language"], self._describe(controls, visitor))

    def _describe(self, controls: Controls, visitor: str) -> Iterator[Updates]:
        model = controls["model"]
        if not self.is_open(model):
            yield {"scope": fragments.notice(fragments.opening(model)), "card": "", "model_pictures": ""}
        yield self.described(model, visitor, controls["hide"])
