"""What the page shows of a run, step by step: changes by the name of the part that they concern, as plain data."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from explain.analysis import Analysis, is_unmoved
from explain.drawing import overlays, palette
from explain.drawing.curves import curve_picture
from explain.examples import example_of
from explain.html import captions, fragments
from explain.html.faces import faces_table
from explain.html.model_card import model_pictures
from explain.html.regions import pointed_at, regions_table
from explain.html.robustness import robustness_section
from explain.maps.registry import METHODS
from explain.page import what_if
from explain.page.components.controls import settings_from
from explain.page.components.updates import Asked, Change, Updates, inline_picture, notice, visible
from explain.page.links import link_field, link_to
from explain.page.sessions import Runs
from explain.page.view import View, smoothed
from explain.service.service import Doors
from explain.settings import ALWAYS, SettingsError
from explain.wording import summary
from explain.wording.regions import region_label
from explain.wording.summary import curves_in_words
from model.artifact.card import Card
from model.available import Models
from model.errors import ArtifactError, PhotoError
from model.i18n.catalogue import in_language, say, speaking

log = logging.getLogger(__name__)
FORESEEN = (PhotoError, SettingsError, ArtifactError)  # their messages are written for the visitor
SLIDE_FIRST = "lime"
OF_A_FACE = ("verdict_group", "maps", "report_group", "robustness_group")  # parts that a photo without one has not
MEANWHILE = ("language", "shown", "smooth", "slide_map")  # what a visitor may change while a run goes on


class Page:
    """The runs of all visitors, and what each of their steps changes on the page."""

    def __init__(self, models: Models, doors: Doors | None = None) -> None:
        self.models = models
        self.at_start = models.first  # a better one may be imported later
        self.runs = Runs()
        self.doors = doors or Doors(models)
        self._wishes: dict[str, dict[str, Any]] = {}

    def wish(self, visitor: str, asked: Asked) -> None:
        """Keep what a visitor has changed by now: a run that goes on follows from its next step on."""
        self._wishes[visitor] = {name: asked[name] for name in MEANWHILE}

    def forget(self, visitor: str) -> None:
        """A visitor has left."""
        self._wishes.pop(visitor, None)

    def spoken(self, visitor: str, otherwise: str) -> str:
        """The language that a visitor has chosen by now; ``otherwise`` where nothing was changed."""
        return str(self._wishes.get(visitor, {}).get("language", otherwise))

    def show(self, asked: Asked, visitor: str) -> Iterator[Updates]:
        """Analyse the photo and show each step, until it is complete, cancelled or superseded."""
        self.wish(visitor, asked)
        yield from in_language(lambda: self.spoken(visitor, asked["language"]), self._show(asked, visitor))

    def _show(self, asked: Asked, visitor: str) -> Iterator[Updates]:
        photo = asked["photo"]
        with self.runs.begin(visitor) as ended:
            yield blank(photo is not None)
            if photo is None:
                return
            seen: View | None = None
            try:
                settings = settings_from(asked, face=int(asked["face"]), whole_picture=bool(asked["whole"]))
                detector = self.models.get(asked["model"])
                turns = self.doors.turns
                if turns.taken:
                    yield {"status": fragments.waiting(turns.running, turns.waiting)}
                steps = self.doors.analyze(photo, settings, detector, ended, visitor=visitor, patient=True)
                for analysis in steps:
                    if ended():
                        break
                    before, seen = seen, View.of(analysis, seen)
                    yield self.updates(seen, before, {**asked, **self._wishes.get(visitor, {})})
            except FORESEEN as error:
                yield _failed(str(error))
            except Exception:
                log.exception("An analysis failed.")
                yield _failed(fragments.failed())
            if ended() and not self.runs.waiting(visitor) and not (seen and seen.analysis.complete):
                yield {"status": fragments.stopped(seen.analysis if seen else None), "cancel": visible(False)}

    def busy(self) -> bool:
        """Whether anybody is being served, by whichever door, or a model is being imported."""
        return self.runs.busy() or self.doors.turns.running > 0 or self.models.importing is not None

    def updates(self, seen: View, before: View | None, asked: Asked) -> Updates:
        """What a new step changes on the page; pictures that stay are not sent again."""
        analysis, old = seen.analysis, before.analysis if before is not None else None
        changes: Updates = {
            "status": fragments.progress(analysis),
            "cancel": visible(not analysis.complete),
            "seen": seen,
        }
        unjudged = old is None or old.prediction is None
        if unjudged:  # the boxes name each face's verdict once it is known
            changes |= _first_look(seen)
        if analysis.chosen is None:
            # Said once more: what the photo before still had on its way to the browser may have shown them again.
            return {**changes, "whole_button": visible(True), **{name: visible(False) for name in OF_A_FACE}}
        if analysis.prediction is None:
            return changes
        if unjudged:
            changes |= self._verdict(seen)
        if analysis.robustness is not None and (old is None or old.robustness is None):
            changes |= {"robustness_group": visible(True), "robustness": robustness_section(analysis)}
        known = {} if old is None else old.attributions
        turned = old is not None and is_unmoved(analysis) != is_unmoved(old)  # then every map is drawn another way
        new = {name for name, found in analysis.attributions.items() if turned or found is not known.get(name)}
        if old is None or _known(analysis) != _known(old):
            changes |= self._trust(analysis)
            new_captions = set(analysis.attributions)
        else:
            new_captions = new
        changes |= self.captions(seen, int(asked["shown"]), new_captions)
        changes |= self.drawings(seen, asked, new)
        for name, problem in analysis.problems.items():
            if name in METHODS:
                changes |= {f"{name}_column": visible(True), f"{name}_text": fragments.notice(str(problem))}
        return changes | (_in_the_end(seen, asked) if analysis.complete else {})

    def card(self, analysis: Analysis) -> Card:
        """The card of the model that was asked."""
        return self.models.get(analysis.model["name"]).card

    def _verdict(self, seen: View) -> Updates:
        """The verdict, and the headings of the maps that will come."""
        analysis = seen.analysis
        assert analysis.prediction is not None and analysis.settings.target is not None
        assert analysis.subject is not None and analysis.chosen is not None
        face = palette.enlarge(analysis.chosen.crop)
        if seen.planted is not None:
            face = overlays.planted_outline(face, seen.planted)
        changes: Updates = {
            "verdict_group": visible(True),
            "verdict": fragments.verdict_card(analysis.prediction, self.card(analysis), bool(analysis.faces)),
            "label": {say(f"class.{name}"): value for name, value in analysis.prediction.probabilities.items()},
            "maps": visible(True),
            "original_picture": face,
            "what_if_picture": palette.enlarge(analysis.subject.crop),
            "trust_group": visible(analysis.settings.trust),
        }
        for name in METHODS:
            changes[f"{name}_title"] = captions.title(name, analysis.settings.target)
            if name not in ALWAYS:
                changes[f"{name}_column"] = visible(name in analysis.settings.methods)
        return changes

    def drawings(self, seen: View, asked: Asked, names: set[str]) -> Updates:
        """The pictures of the maps that are named, and what is read of them where one points at them."""
        if not names:
            return {}
        drawable = smoothed(seen, bool(asked["smooth"]))
        found = drawable.pictures(int(asked["shown"]), names)
        drawn: Updates = {f"{name}_picture": one for name, one in found.items()}
        lime = seen.analysis.attributions.get("lime")
        if lime is not None and lime.weights is not None and "lime" in names:
            choices = [(region_label(lime, region), region) for region in range(len(lime.weights))]
            drawn["regions"] = Change(choices=choices)
            drawn["lime_table"] = regions_table(lime)
        return drawn | {"pointed_at": pointed_at(seen.analysis)}

    def captions(self, seen: View, shown: int, names: set[str]) -> Updates:
        """What stands under the maps that are named."""
        analysis, card, unmoved = seen.analysis, self.card(seen.analysis), is_unmoved(seen.analysis)
        found, trusts = analysis.attributions, analysis.trusts
        return {f"{name}_text": captions.caption(found[name], card, shown, trusts.get(name), unmoved) for name in names}

    def _trust(self, analysis: Analysis) -> Updates:
        curves = [inline_picture(curve_picture(one), curves_in_words(one)) for one in analysis.trusts.values()]
        numbers = captions.trust_details(analysis.trusts) + captions.agreement_table(analysis.agreement)
        return {"trust_numbers": "".join(curves) + numbers}

    def redraw(self, asked: Asked) -> Updates:
        """Draw the maps that are there with other settings of the drawing."""
        seen = asked["seen"]
        if seen is None:
            return {}
        with speaking(asked["language"]):
            shown, names = int(asked["shown"]), set(seen.analysis.attributions)
            changes = self.captions(seen, shown, names) | self.drawings(seen, asked, names)
            return changes | (_in_the_end(seen, asked) if seen.analysis.complete else {})

    def translate(self, asked: Asked, visitor: str) -> Updates:
        """Say everything that is shown again, in the language chosen."""
        with speaking(asked["language"]):
            seen = asked["seen"]
            changes = self.described(asked["model"]) if self.models.is_open(asked["model"]) else {}
            if seen is None:
                return {**changes, "placeholder": fragments.placeholder(), "what_if_text": fragments.what_if_help()}
            changes |= self.updates(seen, None, asked) | what_if.again(asked)
            del changes["seen"]  # a run may have gone on meanwhile
            if not seen.analysis.complete and not self.runs.waiting(visitor):
                changes |= {"status": fragments.stopped(seen.analysis), "cancel": visible(False)}
            return changes

    def described(self, model: str) -> Updates:
        """What a model is for, and what was measured of it; the pictures of that are drawn afterwards."""
        try:
            card = self.models.get(model).card
        except ArtifactError as error:
            return {"scope": fragments.notice(str(error), "error"), "card": "", "model_pictures": ""}
        return {"scope": fragments.scope(card), "card": fragments.model_card(card), "model_pictures": ""}

    def model_pictures(self, asked: Asked) -> Updates:
        """What was measured of a model, as pictures; nothing of one that can't be opened."""
        with speaking(asked["language"]):
            try:
                return {"model_pictures": model_pictures(self.models.get(asked["model"]).card)}
            except ArtifactError:
                return {"model_pictures": ""}

    def describe(self, asked: Asked) -> Iterator[Updates]:
        """The same of a model that may have to be opened first; a large one's first import takes minutes."""
        yield from in_language(asked["language"], self._describe(asked["model"]))

    def _describe(self, model: str) -> Iterator[Updates]:
        if not self.models.is_open(model):
            yield {"scope": fragments.notice(fragments.opening(model)), "card": "", "model_pictures": ""}
        yield self.described(model)


def _in_the_end(seen: View, asked: Asked) -> Updates:
    """What there is to do with a complete analysis."""
    link = link_field(link_to(asked, seen.analysis))
    return {"report_group": visible(True), "link": link, **slide(seen, asked)}


def slide(seen: View, asked: Asked) -> Updates:
    """The face and one of its maps, to be slid over each other."""
    analysis = seen.analysis
    if analysis.chosen is None or not analysis.attributions:
        return {}
    names = list(analysis.attributions)
    name = next(one for one in (asked["slide_map"], SLIDE_FIRST, *names) if one in names)
    (picture,) = smoothed(seen, bool(asked["smooth"])).pictures(int(asked["shown"]), {name}).values()
    choices = [(METHODS[one].title, one) for one in names]
    return {
        "slide_map": Change(choices=choices, value=name),
        "slide_picture": (palette.enlarge(analysis.chosen.crop), picture),
    }


def _first_look(seen: View) -> Updates:
    """The faces, as soon as they are found, and what there is to say before the verdict."""
    analysis = seen.analysis
    title = say("page.found" if analysis.faces else "page.no_face")
    sentences = summary.first_sentences(analysis, example_of(analysis.photo.sha256))
    return {
        "found": Change(value=seen.boxes(), label=title, visible=True),
        "faces_table": faces_table(analysis) if len(analysis.faces) > 1 else "",
        "notice": notice(" ".join(sentences)) if sentences else visible(False),
    }


def _failed(sentence: str) -> Updates:
    return {"notice": notice(sentence, "error"), "status": "", "cancel": visible(False)}


def _known(analysis: Analysis) -> list[tuple[Any, ...]]:
    """What is measured of each map; equal for two analyses between which nothing came to be known."""
    return [
        (name, len(trust.curves), trust.fidelity, trust.stability is None) for name, trust in analysis.trusts.items()
    ]


def blank(busy: bool) -> Updates:
    """The page before the first step of a run; ``busy`` where one has begun."""
    hidden = ("notice", "found", "whole_button", *OF_A_FACE)
    return {
        **{name: visible(False) for name in hidden},
        "placeholder": Change(value=fragments.placeholder(), visible=not busy),
        **{f"{name}_picture": None for name in (*METHODS, "what_if", "original", "slide")},
        **{f"{name}_text": "" for name in METHODS},
        **dict.fromkeys(("faces_table", "trust_numbers", "robustness", "lime_table", "pointed_at"), ""),
        "what_if_text": fragments.what_if_help(),
        "hidden": [],
        "regions": Change(choices=[], value=[]),
        "top": 0,
        "status": fragments.looking() if busy else "",
        "cancel": visible(busy),
        "seen": None,
    }
