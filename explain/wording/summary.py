"""An analysis in plain words: for a terminal, and for those who do not see a report's pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from explain.analysis import Analysis, is_unmoved
from explain.examples import Example
from explain.maps.attribution import Attribution, strongest
from explain.maps.registry import METHODS
from explain.maps.subject import Subject
from explain.trust.measure import Trust
from explain.wording.regions import shown_name
from explain.wording.robustness import robustness_sentence
from explain.wording.trust import trust_sentence
from explain.wording.what_if import what_if_sentence
from model.artifact.card import Card
from model.artifact.facts import assumed_labels, fitted_on_few
from model.i18n.catalogue import number, say

LISTED = 5  # regions that LIME weighs most, in a terminal
NAMED = 3  # regions that a sentence names

Region = tuple[int, str, float]  # number, what it shows in the language spoken now, value


def headline(analysis: Analysis) -> str:
    """The verdict in two or three words."""
    if analysis.prediction is not None:
        return say(f"verdict.{analysis.prediction.verdict}")
    return say("plain.no_face") if analysis.chosen is None else say("plain.no_verdict")


def plain_text(analysis: Analysis, card: Card, file: str) -> str:
    """Verdict and reasons in a few lines, for a terminal."""
    first = f"{file}: {headline(analysis)}. {_probabilities(analysis, card)}"
    lines = [first.rstrip(), *photo_sentences(analysis), *filter(None, (assumed_labels(card),))]
    subject = analysis.subject
    if subject is not None:
        unmoved = is_unmoved(analysis)
        lines += [say("caption.unmoved")] if unmoved else []
        for name, found in analysis.attributions.items():
            if unmoved and name != "attention":
                continue
            lines += _lime(found, subject) if name == "lime" else [_in_short(name, found, subject)]
    for name, trust in analysis.trusts.items():
        lines.append(say("plain.trust", title=METHODS[name].title, sentence=trust_sentence(trust)))
    if analysis.robustness is not None:
        lines.append(f"{say('robustness.short')}: {robustness_sentence(analysis.robustness)}")
    if analysis.what_if is not None:
        sentence = what_if_sentence(analysis.what_if, str(analysis.settings.target))
        lines.append(say("plain.what_if", sentence=sentence))
    if analysis.flip is not None:
        sentence = what_if_sentence(analysis.flip, str(analysis.settings.target))
        lines.append(f"{say('plain.flip_title')}: {sentence}")
    if no_flip(analysis):
        lines.append(f"{say('plain.flip_title')}: {say('plain.no_flip')}")
    lines += [f"{title}: {sentence}" for title, sentence in problems(analysis).items()]
    return "\n  ".join(lines)


def photo_sentences(analysis: Analysis) -> list[str]:
    """What to know of the photo, and of how far its analysis came, before the verdict."""
    one_face = replace(analysis, faces=analysis.faces[:1])  # only the page has other boxes to click
    sentences = first_sentences(one_face, None)
    if len(analysis.faces) > 1:
        sentences.append(say("plain.which_face", count=len(analysis.faces), number=analysis.settings.face + 1))
    if not analysis.complete:
        sentences.append(say("plain.stopped"))
    return sentences


def problems(analysis: Analysis) -> dict[str, str]:
    """Why something that was asked for is missing: a sentence by its title."""
    titles = {name: method.title for name, method in METHODS.items()}
    titles |= {"flip": say("plain.flip_title"), "trust": say("plain.trust_title")}
    return {titles[name]: str(problem) for name, problem in analysis.problems.items()}


def no_flip(analysis: Analysis) -> bool:
    """Whether a flip was looked for to the end, and there is none."""
    looked = analysis.settings.flip and analysis.complete and analysis.prediction is not None
    return looked and analysis.flip is None and "flip" not in analysis.problems


def strongest_regions(found: Attribution, subject: Subject, count: int) -> list[Region]:
    """The regions that a map marks most, the strongest first; those of value 0 are left out.

    A map of a model whose answer hardly depends on the picture marks none.
    """
    if found.unmoved:
        return []
    values = found.region_values(subject.segments).astype(np.float32)
    return [(region, _name(subject, region), float(values[region])) for region in map(int, strongest(values, count))]


def map_in_words(found: Attribution, subject: Subject, shown: int, is_unmoved: bool = False) -> str:
    """What a map's picture shows, ``shown`` of its superpixels being drawn; see ``explain.drawing.maps.pictures``."""
    if is_unmoved and found.method != "attention":
        return say("caption.unmoved")
    regions = strongest_regions(found, subject, subject.count)
    if found.method == "attention":
        rows, columns = found.native_shape
        return say("plain.heat_map", rows=rows, columns=columns, regions=_listed(regions))
    drawn = regions if found.weights is None else regions[:shown]
    return say(
        "plain.signed_map",
        target=say(f"class.{found.target}"),
        supports=_listed(region for region in drawn if region[2] > 0),
        opposes=_listed(region for region in drawn if region[2] < 0),
    )


def curves_in_words(trust: Trust) -> str:
    """What the picture of a map's curves shows."""
    own = trust.curves[0]
    return say(
        "plain.curves",
        title=METHODS[trust.method].title,
        target=say(f"class.{trust.target}"),
        deletion=own.deletion_area,
        insertion=own.insertion_area,
    )


def _probabilities(analysis: Analysis, card: Card) -> str:
    prediction = analysis.prediction
    if prediction is None:
        return ""
    shares = prediction.probabilities.items()
    values = ", ".join(f"P({say(f'class.{name}')}) {number(value, '.2f')}" for name, value in shares)
    # Calibration speaks of faces; without one the model's word is a bare score.
    kind = "plain.calibrated" if prediction.calibrated and analysis.faces else "plain.uncalibrated"
    told: dict[str, float | str] = {"values": values}
    told["low"], told["high"] = card.inconclusive_band
    if kind == "plain.calibrated" and (few := fitted_on_few(card)) is not None:
        return say("plain.calibrated_on_few", count=sum(few), **told)
    return say(kind, **told)


def _lime(found: Attribution, subject: Subject) -> list[str]:
    """LIME's strongest regions, one a line, with their numbers, weights and intervals."""
    key = "plain.converged" if found.evidence["converged"] else "plain.not_converged"
    target, samples = say(f"class.{found.target}"), int(found.evidence["samples"])
    lines = [say(key, title=METHODS["lime"].title, target=target, samples=samples)]
    for region, name, weight in strongest_regions(found, subject, LISTED):
        interval = ""
        if found.intervals is not None:
            low, high = map(float, found.intervals[region])
            interval = f"  ({say('plain.interval', low=low, high=high)})"
        lines.append(f"  {number(weight, '+.3f')}{interval}  {region:>3}  {name}")
    return lines


def _in_short(name: str, found: Attribution, subject: Subject) -> str:
    regions = [region for region in strongest_regions(found, subject, subject.count) if region[2] > 0]
    listed, title = _listed(regions), METHODS[name].title
    if name == "attention":
        return say("plain.highest", title=title, regions=listed)
    return say("plain.strongest", title=title, target=say(f"class.{found.target}"), regions=listed)


def _name(subject: Subject, region: int) -> str:
    return say("plain.region", number=region) if subject.names is None else shown_name(subject.names[region])


def _listed(regions: Iterable[Region]) -> str:
    return ", ".join(list(dict.fromkeys(name for _, name, _ in regions))[:NAMED]) or say("plain.nothing")


def first_sentences(analysis: Analysis, example: Example | None) -> list[str]:
    """What a visitor should know of the photo before the verdict."""
    sentences = [str(note) for note in analysis.photo.notes]
    if analysis.chosen is None:
        sentences.append(say("first.no_face"))
    elif not analysis.faces:
        sentences.append(say("first.whole_picture"))
    elif len(analysis.faces) > 1:
        sentences.append(say("first.several", count=len(analysis.faces)))
    if example is not None and example.mask is not None:
        sentences.append(say("first.our_fake"))
    elif example is not None and example.has_face:
        sentences.append(say("first.untouched"))
    return sentences
