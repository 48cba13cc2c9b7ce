"""Sentences and small HTML fragments, built from numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from explain.html.rendering import macros
from explain.maps.registry import MAIN_MAP
from explain.result import Analysis
from explain.settings import DEFAULT_MAPS
from explain.wording.progress import doing
from model.artifact.card import Card
from model.artifact.facts import assumed_labels, fitted_on_few, readable
from model.detector.detector import Prediction
from model.i18n.catalogue import Message, number, translate
from model.model_card.document import facts
from model.model_card.unseen import unseen_of

READING = ("superpixel", *reversed(DEFAULT_MAPS), "trust", "what_if", "calibrated")  # topics, in reading order


def paragraph(sentence: str, kind: str | None = None, role: str | None = None) -> Markup:
    """A paragraph, with an optional CSS class and an optional ARIA role."""
    return macros("fragments").paragraph(sentence, kind, role)


# Names of Gradio's buttons in our words, beside ``page.drop``; ``names.js`` knows which button each is for.
NAMES = (
    *("upload", "camera", "allow_camera", "paste", "cameras", "capture", "fullscreen", "leave_fullscreen", "drawer"),
    *("reset", "remove", "download", "unzoom", "empty", "more_tabs", "footer"),
)


def header() -> Markup:
    """The name and the question at the top of the page, with the names that ``names.js`` gives Gradio's buttons."""
    names = {name: translate(f"name.{name}") for name in NAMES}
    return macros("fragments").header({"drop": translate("page.drop"), **names})


def placeholder() -> Markup:
    """The content of the verdict's place before the first photo."""
    return macros("fragments").placeholder()


def reading() -> str:
    """How to read the page, in Markdown."""
    return "\n\n".join(translate(f"reading.{topic}") for topic in READING)


def opening(model: str) -> str:
    """The sentence that is shown while a model is opened."""
    return translate("opening", model=model)


def what_if_help() -> Markup:
    """Shown until a region is hidden."""
    return paragraph(translate("what_if.help"))


def no_flip() -> Markup:
    """Shown if hiding regions does not change the verdict."""
    return paragraph(translate("what_if.no_flip"))


def notice(sentence: str | Message, kind: str = "note") -> Markup:
    """A boxed sentence; ``kind`` is ``note`` or ``error``, screen readers announce errors at once."""
    return macros("fragments").notice(sentence, kind)


def verdict_card(prediction: Prediction, card: Card, is_face: bool = True) -> Markup:
    """The verdict in words, with P(Fake) on a bar that shows the inconclusive band.

    ``is_face`` is false if the whole picture was judged: calibration does not apply to that.
    """
    low, high = card.inconclusive_band
    sentences = _verdict_sentence(prediction, card), calibration_sentence(prediction, card, is_face)
    p_fake = prediction.probabilities["Fake"]
    texts = (*sentences, _scope_sentences(card))
    return macros("fragments").verdict(prediction.verdict, p_fake, low, high, *texts, opened=not prediction.calibrated)


def no_verdict() -> Markup:
    """Shown in the verdict's place until there is one."""
    return macros("fragments").no_verdict()


def reason(sentence: str) -> Markup:
    """The reason for the verdict; empty until it is known."""
    return macros("fragments").reason(sentence) if sentence else Markup()


def _verdict_sentence(prediction: Prediction, card: Card) -> str:
    low, high = card.inconclusive_band
    key = "verdict_card.aid"
    if prediction.verdict == "Inconclusive":
        key = "verdict_card.default_band" if card.temperature is None else "verdict_card.too_often_wrong"
        if not low <= prediction.probabilities["Fake"] <= high:
            key = "verdict_card.too_small"  # the only other reason, see ``judged_by_size``
    return translate(key, low=low, high=high)


def calibration_sentence(prediction: Prediction, card: Card, is_face: bool) -> str:
    """How to read the probability: whether it is calibrated, and on what."""
    if not is_face:
        return translate("calibration.no_face")
    if not prediction.calibrated:
        return translate("calibration.none")
    share = round(100 * prediction.probabilities["Fake"])
    if (few := fitted_on_few(card)) is not None:
        return translate("calibration.few", count=sum(few), share=share)
    return translate("calibration.done", share=share)


def looking() -> Markup:
    """Shown until the faces are found."""
    return status(translate("doing.looking"))


def waiting(ahead: int, seconds: float) -> Markup:
    """Shown until the analysis starts: how many photos come before this one, and about how long that takes."""
    return status(translate("doing.waiting", count=ahead, seconds=max(1.0, seconds)))


def progress(analysis: Analysis, waited: float) -> Markup:
    """A labelled progress bar during the analysis; afterwards the seconds that the visitor has waited for it."""
    if analysis.chosen is None:
        return Markup()
    if analysis.complete:
        return status(translate("doing.done", seconds=waited))
    return progress_bar(doing(analysis), analysis.progress)


def stopped(analysis: Analysis | None) -> Markup:
    """The status of a cancelled run."""
    if analysis is None:
        return status(translate("stopped.before"))
    found = analysis.attributions.get(MAIN_MAP)
    return status(
        translate("stopped.early")
        if found is None or found.evidence.get("complete")
        else translate("stopped.after", samples=int(found.evidence["samples"]))
    )


def status(sentence: str) -> Markup:
    """The status of a run; screen readers announce it."""
    return paragraph(sentence, "progress", "status")


def progress_bar(sentence: str, share: float | None) -> Markup:
    """The status of a run with a progress bar; ``share`` is the part that is done, 0..1, None if unknown."""
    return macros("fragments").progress(sentence, share)


def scope(card: Card) -> Markup:
    """The model's purpose, with its verdicts on unseen sources or, without those, its worst measured failures."""
    return macros("fragments").scope(_scope_sentences(card))


def scope_line(card: Card) -> Markup:
    """The model's limits in one line, for a visitor who has just arrived."""
    shares = _unseen_shares(card)
    sentence = translate("scope.line", **shares) if shares else translate("scope.see_model")
    return macros("fragments").scope(" ".join(filter(None, (sentence, assumed_labels(card)))))


def _scope_sentences(card: Card) -> str:
    return " ".join(filter(None, (_unseen_sentence(card) or _known_sentence(card), assumed_labels(card))))


def _unseen_sentence(card: Card) -> str:
    """The page's verdicts on sources and generators that the model never saw; empty if not measured."""
    shares = _unseen_shares(card)
    return translate("scope.unseen", **shares) if shares else ""


def _unseen_shares(card: Card) -> dict[str, Any]:
    """How many pictures of unseen sources there are, and the share of each verdict; empty if not measured.

    Sources differ, so that a share over all of them says little about one: what is called fake also has a range.
    """
    reals, fakes = (list((unseen_of(card).get(part) or {}).values()) for part in ("reals", "fakes"))
    if not reals or not fakes:
        return {}
    found = [1 - source["looks_real"]["value"] - source["inconclusive"]["value"] for source in fakes]
    return {
        "reals": sum(source["pictures"] for source in reals),
        "accused": _pooled(reals, "looks_fake"),
        "accused_range": _range([source["looks_fake"]["value"] for source in reals]),
        "open": _pooled(reals, "inconclusive"),
        "fakes": sum(source["pictures"] for source in fakes),
        "missed": _pooled(fakes, "looks_real"),
        "found": 1 - _pooled(fakes, "looks_real") - _pooled(fakes, "inconclusive"),
        "found_range": _range(found),
    }


def _range(shares: Collection[float]) -> str:
    """The lowest and the highest of some shares in words, or the one number if both round to it."""
    low, high = (number(share, ".0%") for share in (min(shares), max(shares)))
    return low if low == high else translate("scope.range", low=low, high=high)


def _pooled(sources: Collection[Mapping[str, Any]], share: str) -> float:
    """A share over all pictures of several sources."""
    values, weights = ([source[share]["value"] for source in sources], [source["pictures"] for source in sources])
    return float(np.average(values, weights=weights))


def _known_sentence(card: Card) -> str:
    figures, failures = card.metrics.get("test", {}), []
    if "utkface" in figures:
        rate, faces = figures["utkface"]["false_accusation_rate"]["value"], int(figures["utkface"]["real"])
        failures.append(translate("scope.accuses", rate=float(rate), faces=faces))
    if "ciplab" in figures:
        rate, faces = figures["ciplab"]["miss_rate"]["value"], int(figures["ciplab"]["fake"])
        failures.append(translate("scope.misses", rate=float(rate), faces=faces))
    return " ".join(filter(None, (_training_sentence(card), _failures_sentence(failures))))


def _failures_sentence(failures: list[str]) -> str:
    if len(failures) == 2:
        return translate("scope.measured_both", first=failures[0], second=failures[1])
    return translate("scope.measured", failure=failures[0]) if failures else ""


def _training_sentence(card: Card) -> str:
    if data_sets := ", ".join(readable(name) for name in card.training.get("data", ())):
        return translate("scope.knows", sets=data_sets)
    return translate("scope.training_unknown" if card.metrics.get("test") else "scope.unknown")


def model_card(card: Card, folded: bool = False) -> Markup:
    """The facts of the model's card by section, with its tables; ``folded`` opens only the first section."""
    return macros("fragments").model_card(facts(card), folded)
