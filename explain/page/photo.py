"""What the page shows of a photo before the verdict: empty places, the boxes around its faces, the sentences on it."""

from __future__ import annotations

import gradio as gr

from explain.examples import example_of
from explain.html import fragments
from explain.html.faces import faces_table
from explain.html.provenance import provenance_html
from explain.html.robustness import robustness_tab
from explain.maps.registry import MAIN_MAP, METHODS
from explain.page import what_if
from explain.page.components.event import chosen_in, place_in
from explain.page.components.updates import Change, Controls, Updates, notice, visible
from explain.page.detectors import second
from explain.page.view import View, final_updates
from explain.result import Analysis
from explain.service.refusal import Refused
from explain.settings import DEFAULT_MAPS
from explain.trust.localisation import localise
from explain.wording.localisation import localisation_sentence
from explain.wording.provenance import statement
from explain.wording.summary import first_sentences
from model.errors import UserError, message_of
from model.i18n.catalogue import translate

FACE_ONLY_PARTS = ("verdict_group", "maps", "report_group")  # components that stay hidden without a face
FACE_ONLY_TABS = tuple(f"{name}_tab" for name in ("details", "trust", "what_if", "robustness", "numbers", "report"))


def face_only_hidden() -> Updates:
    """Without the parts and the tabs that need a face.

    ``"hidden"`` keeps a tab's content on the page; without its content Gradio shows the tab's title all the same.
    """
    parts: Updates = {name: visible(False) for name in FACE_ONLY_PARTS}
    return parts | {name: Change(visible="hidden") for name in FACE_ONLY_TABS}


def faces_found(seen: View) -> Updates:
    """The faces that were found."""
    analysis = seen.analysis
    without = "page.photo" if analysis.fits_model else "page.no_face"
    title = translate("page.found" if analysis.faces else without)
    return {
        "found": Change(value=seen.boxes(), label=title, visible=True),
        "faces_table": faces_table(analysis, choosable=True) if len(analysis.faces) > 1 else "",
    }


def about_photo(seen: View, old: Analysis | None) -> Updates:
    """What a step changes about the photo: its faces, where its file comes from, and the sentences above.

    Args:
        seen: the step.
        old: the analysis of the step before; None before the first one.
    """
    analysis = seen.analysis
    is_judged = old is not None and old.prediction is not None
    is_read = old is None or analysis.provenance is not old.provenance
    changes = {} if is_judged else faces_found(seen)  # the boxes name each face's verdict once it is known
    if is_read:
        changes["provenance"] = provenance_html(analysis.provenance)
    if not is_judged or is_read or analysis.complete:  # the maps may have found a known change by then
        changes["notice"] = photo_notice(seen)
    return changes


def photo_notice(seen: View) -> Change:
    """The sentences on the photo and, at the end, whether the maps have found a change that is known."""
    analysis = seen.analysis
    sentences = first_sentences(analysis, example_of(analysis.photo.sha256))
    if analysis.complete and seen.planted is not None:
        sentences.append(localisation_sentence(localise(analysis.attributions, seen.planted > 127)))
    kind = "stated" if statement(analysis.provenance) else "note"  # page.css keeps that one beside the verdict
    return notice(" ".join(sentences), kind) if sentences else visible(False)


def failed(error: Refused, shown: View | None) -> Updates:
    """The sentence; what to do next takes the place of a result, unless the page shows a verdict on this face."""
    reason = message_of(error.__cause__) if isinstance(error.__cause__, UserError) else str(error)
    if shown is not None and shown.analysis.prediction is not None:
        places: Updates = {"report_group": visible(shown.analysis.complete)}
    else:
        places = {name: visible(False) for name in (*FACE_ONLY_PARTS, "more", "found", "second_group")}
        places |= {"faces_table": "", "placeholder": visible(True)}
    return {**places, "notice": notice(str(reason), "error"), "refused": reason, "status": "", "cancel": visible(False)}


def refused_again(controls: Controls) -> Updates:
    """The sentence on what was refused, if there is one, in the current language."""
    reason = controls.get("refused")
    return {"notice": notice(str(reason), "error")} if reason else {}


def stopped(shown: View | None, controls: Controls) -> Updates:
    """After a run was stopped: what was not measured says so. A report can be had; it first makes what is missing."""
    changes: Updates = {"status": fragments.stopped(shown.analysis if shown else None), "cancel": visible(False)}
    if shown is None or shown.analysis.prediction is None:
        return changes
    analysis = shown.analysis
    missing = fragments.paragraph(translate("page.not_measured"))
    if not analysis.trusts:
        changes["trust_table"] = missing
    if analysis.robustness is None:
        changes["robustness_curves"] = robustness_tab(analysis) or missing
    return changes | final_updates(shown, controls)


def blank(controls: Controls) -> Updates:
    """The page at the beginning of a run.

    The places of verdict and maps stay as they are, so that nothing jumps when they are filled.
    """
    return {
        **{name: visible(False) for name in ("notice", "whole_button", "report_group")},
        **{name: visible(True) for name in ("verdict_group", "maps", "more")},
        "placeholder": visible(False),
        "verdict": fragments.no_verdict(),
        "found": Change(value=None, visible=True),
        **{f"{name}_picture": None for name in (*METHODS, "original", "slide")},
        "slide_map": Change(choices=[(METHODS[name].title, name) for name in DEFAULT_MAPS], value=MAIN_MAP),
        **{f"{name}_{part}": "" for name in METHODS for part in ("title", "text")},
        **dict.fromkeys(("faces_table", "trust_table", "robustness_curves", "numbers", "ranked", "reason"), ""),
        **dict.fromkeys(("provenance", "link", "pointed_at"), ""),
        **what_if.nothing_hidden(),
        **second.blank(controls),
        "status": fragments.looking(),
        "cancel": visible(True),
        "seen": None,
        "refused": None,
    }


def face_clicked(seen: View | None, face: int, event: gr.SelectData) -> int:
    """The face in the box that was clicked, or the current one if the click hit none."""
    hit = seen.face_at(*place_in(event)) if seen is not None else None
    return face if hit is None else hit


def face_named(event: gr.EventData) -> int:
    """The face of the button in the table that was pressed."""
    return chosen_in(event)
