"""An analysis as plain text: for a terminal, and for screen readers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from explain.examples import Example
from explain.maps.attribution import Attribution, strongest
from explain.maps.registry import METHODS
from explain.maps.subject import Subject
from explain.result import Analysis, is_unmoved, whole_picture_note
from explain.trust.measure import Trust
from explain.wording.provenance import provenance_in_words, statement
from explain.wording.reason import reason_sentence
from explain.wording.regions import fewer_regions, shown_name
from explain.wording.robustness import robustness_sentence
from explain.wording.trust import trust_sentence
from explain.wording.what_if import what_if_sentence
from model.artifact.card import Card
from model.artifact.facts import assumed_labels, fitted_on_few
from model.i18n.catalogue import number, translate

LISTED = 5  # strongest regions of a fitted map, in a terminal
NAMED = 3  # regions that a sentence names

Region = tuple[int, str, float]  # number, name in the current language, value


def headline(analysis: Analysis) -> str:
    """The verdict in two or three words."""
    if analysis.prediction is not None:
        return translate(f"verdict.{analysis.prediction.verdict}")
    return translate("plain.no_face") if analysis.chosen is None else translate("plain.no_verdict")


def plain_text(analysis: Analysis, card: Card, file: str) -> str:
    """Verdict and reasons in a few lines, for a terminal."""
    first = f"{file}: {headline(analysis)}. {_probabilities(analysis, card)}".rstrip()
    reason = reason_sentence(analysis)
    lines = list(filter(None, (first, reason, *photo_sentences(analysis), assumed_labels(card))))
    subject = analysis.subject
    if subject is not None:
        unmoved = is_unmoved(analysis)
        if unmoved and not reason:
            lines.append(translate("caption.unmoved"))
        for name, found in analysis.attributions.items():
            if unmoved and not METHODS[name].in_verdict_pass:
                continue
            in_words = _fitted if METHODS[name].fitted else _in_short
            lines += in_words(found, subject)
    for name, trust in analysis.trusts.items():
        lines.append(translate("plain.trust", title=METHODS[name].title, sentence=trust_sentence(trust)))
    if analysis.robustness is not None:
        lines.append(f"{translate('robustness.short')}: {robustness_sentence(analysis.robustness)}")
    if analysis.what_if is not None:
        sentence = what_if_sentence(analysis.what_if, str(analysis.settings.target))
        lines.append(translate("plain.what_if", sentence=sentence))
    if analysis.flip is not None:
        sentence = what_if_sentence(analysis.flip, str(analysis.settings.target))
        lines.append(f"{translate('plain.flip_title')}: {sentence}")
    if no_flip(analysis):
        lines.append(f"{translate('plain.flip_title')}: {translate('plain.no_flip')}")
    lines += [f"{title}: {sentence}" for title, sentence in problems(analysis).items()]
    lines += provenance_in_words(analysis.provenance)
    return "\n  ".join(lines)


def photo_sentences(analysis: Analysis) -> list[str]:
    """Sentences on the photo, and on an incomplete analysis, before the verdict."""
    one_face = replace(analysis, faces=analysis.faces[:1])  # only the page has other boxes to click
    sentences = first_sentences(one_face, None)
    if len(analysis.faces) > 1:
        sentences.append(translate("plain.which_face", count=len(analysis.faces), number=analysis.settings.face + 1))
    if not analysis.complete:
        sentences.append(translate("plain.stopped"))
    return sentences


def problems(analysis: Analysis) -> dict[str, str]:
    """Why a requested part is missing: a sentence by its title."""
    titles = {name: method.title for name, method in METHODS.items()}
    titles |= {"flip": translate("plain.flip_title"), "trust": translate("plain.trust_title")}
    return {titles[name]: str(problem) for name, problem in analysis.problems.items()}


def no_flip(analysis: Analysis) -> bool:
    """Whether the search for a flip was complete and found none."""
    looked = analysis.settings.flip and analysis.complete and analysis.prediction is not None
    return looked and analysis.flip is None and "flip" not in analysis.problems


def strongest_regions(found: Attribution, subject: Subject, count: int) -> list[Region]:
    """A map's strongest regions, strongest first; those of value 0 are left out.

    A map of a model that hardly depends on the picture marks none.
    """
    if found.unmoved:
        return []
    values = found.region_values(subject.segments).astype(np.float32)
    return [(region, _name(subject, region), float(values[region])) for region in map(int, strongest(values, count))]


def map_in_words(found: Attribution, subject: Subject, shown: int, is_unmoved: bool = False) -> str:
    """A description of a map's picture with ``shown`` superpixels; see ``explain.drawing.maps.pictures``."""
    method = METHODS[found.method]
    if is_unmoved and not method.in_verdict_pass:
        return translate("caption.unmoved")
    regions = strongest_regions(found, subject, subject.count)
    if method.drawn_as == "heat":
        rows, columns = found.native_shape
        return translate("plain.heat_map", rows=rows, columns=columns, regions=_listed(regions))
    drawn = regions if found.weights is None else regions[:shown]
    return translate(
        "plain.signed_map",
        target=translate(f"class.{found.target}"),
        supports=_listed(region for region in drawn if region[2] > 0),
        opposes=_listed(region for region in drawn if region[2] < 0),
    )


def curves_in_words(trust: Trust) -> str:
    """A description of the picture of a map's curves."""
    own = trust.curves[0]
    return translate(
        "plain.curves",
        title=METHODS[trust.method].title,
        target=translate(f"class.{trust.target}"),
        deletion=own.deletion_area,
        insertion=own.insertion_area,
    )


def _probabilities(analysis: Analysis, card: Card) -> str:
    prediction = analysis.prediction
    if prediction is None:
        return ""
    shares = prediction.probabilities.items()
    values = ", ".join(f"P({translate(f'class.{name}')}) {number(value, '.2f')}" for name, value in shares)
    # Calibration applies to faces; without one P(Fake) is an uncalibrated score.
    kind = "plain.calibrated" if prediction.calibrated and analysis.fits_model else "plain.uncalibrated"
    parts: dict[str, float | str] = {"values": values}
    parts["low"], parts["high"] = card.inconclusive_band
    if kind == "plain.calibrated" and (few := fitted_on_few(card)) is not None:
        return translate("plain.calibrated_on_few", count=sum(few), **parts)
    return translate(kind, **parts)


def _fitted(found: Attribution, subject: Subject) -> list[str]:
    """A fitted map's strongest regions, one a line, with their numbers, weights and intervals."""
    key = "plain.converged" if found.evidence["converged"] else "plain.not_converged"
    target, samples = translate(f"class.{found.target}"), int(found.evidence["samples"])
    lines = [translate(key, title=METHODS[found.method].title, target=target, samples=samples)]
    for region, name, weight in strongest_regions(found, subject, LISTED):
        interval = ""
        if found.intervals is not None:
            low, high = map(float, found.intervals[region])
            interval = f"  ({translate('plain.interval', low=low, high=high)})"
        lines.append(f"  {number(weight, '+.3f')}{interval}  {region:>3}  {name}")
    if note := fewer_regions(subject):
        lines.append(f"  {note}")
    return lines


def _in_short(found: Attribution, subject: Subject) -> list[str]:
    regions = [region for region in strongest_regions(found, subject, subject.count) if region[2] > 0]
    listed, method = _listed(regions), METHODS[found.method]
    if method.signed:
        return [
            translate("plain.strongest", title=method.title, target=translate(f"class.{found.target}"), regions=listed)
        ]
    return [translate("plain.highest", title=method.title, regions=listed)]


def _name(subject: Subject, region: int) -> str:
    return translate("plain.region", number=region) if subject.names is None else shown_name(subject.names[region])


def _listed(regions: Iterable[Region]) -> str:
    return ", ".join(list(dict.fromkeys(name for _, name, _ in regions))[:NAMED]) or translate("plain.nothing")


def first_sentences(analysis: Analysis, example: Example | None) -> list[str]:
    """Sentences on the photo that are shown before the verdict."""
    sentences = statement(analysis.provenance) + [str(note) for note in analysis.photo.notes]
    if analysis.chosen is None:
        sentences.append(translate("first.no_face"))
    elif not analysis.faces:
        sentences.append(str(whole_picture_note(analysis)))
    elif len(analysis.faces) > 1:
        sentences.append(translate("first.several", count=len(analysis.faces)))
    if example is not None and example.mask is not None:
        sentences.append(translate("first.our_fake"))
    elif example is not None and example.has_face:
        sentences.append(translate("first.untouched"))
    return sentences
