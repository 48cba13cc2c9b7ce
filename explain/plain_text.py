"""An analysis in plain words: for a terminal, and for those who do not see a report's pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from explain import draw, words
from explain.analysis import Analysis
from explain.attribution import Attribution
from explain.methods import METHODS
from explain.robustness_words import robustness_sentence
from explain.subject import Subject
from explain.trust import Trust
from explain.what_if import what_if_sentence
from model.artifact import Card
from model.language import say

LISTED = 5  # regions that LIME weighs most, in a terminal
NAMED = 3  # regions that a sentence names
FLIP = "Smallest set that flips the verdict"
NO_FLIP = "None was found: even with all regions hidden the verdict stands."
TRUST = "Trust"
STOPPED = "The analysis was stopped before it was complete. What is here stays valid as far as it goes."

Region = tuple[int, str, float]  # number, what it shows, value


def headline(analysis: Analysis) -> str:
    """The verdict in two or three words."""
    if analysis.prediction is not None:
        return words.HEADLINES[analysis.prediction.verdict]
    return "No face found" if analysis.chosen is None else "No verdict yet"


def plain_text(analysis: Analysis, card: Card, file: str) -> str:
    """Verdict and reasons in a few lines, for a terminal."""
    lines = [f"{file}: {headline(analysis)}.{_probabilities(analysis, card)}", *photo_sentences(analysis)]
    subject = analysis.subject
    if subject is not None:
        for name, found in analysis.attributions.items():
            lines += _lime(found, subject) if name == "lime" else [_in_short(name, found, subject)]
    lines += [f"{METHODS[name].title}, trust: {trust.sentence}" for name, trust in analysis.trusts.items()]
    if analysis.robustness is not None:
        lines.append(f"{say('robustness.short')}: {robustness_sentence(analysis.robustness)}")
    if analysis.what_if is not None:
        lines.append(f"What if: {what_if_sentence(analysis.what_if, str(analysis.settings.target))}")
    if analysis.flip is not None:
        lines.append(f"{FLIP}: {what_if_sentence(analysis.flip, str(analysis.settings.target))}")
    if no_flip(analysis):
        lines.append(f"{FLIP}: {NO_FLIP}")
    lines += [f"{title}: {sentence}" for title, sentence in problems(analysis).items()]
    return "\n  ".join(lines)


def photo_sentences(analysis: Analysis) -> list[str]:
    """What to know of the photo, and of how far its analysis came, before the verdict."""
    one_face = replace(analysis, faces=analysis.faces[:1])  # only the page has other boxes to click
    sentences = words.first_sentences(one_face, None)
    if len(analysis.faces) > 1:
        number = analysis.settings.face + 1
        sentences.append(f"{len(analysis.faces)} faces were found; number {number} by size is the one judged.")
    if not analysis.complete:
        sentences.append(STOPPED)
    return sentences


def problems(analysis: Analysis) -> dict[str, str]:
    """Why something that was asked for is missing: a sentence by its title."""
    titles = {name: method.title for name, method in METHODS.items()} | {"flip": FLIP, "trust": TRUST}
    return {titles[name]: text for name, text in analysis.problems.items()}


def no_flip(analysis: Analysis) -> bool:
    """Whether a flip was looked for to the end, and there is none."""
    looked = analysis.settings.flip and analysis.complete and analysis.prediction is not None
    return looked and analysis.flip is None and "flip" not in analysis.problems


def strongest_regions(found: Attribution, subject: Subject, count: int) -> list[Region]:
    """The regions that a map marks most, the strongest first; those of value 0 are left out."""
    values = found.region_values(subject.segments).astype(np.float32)
    numbers = map(int, draw.strongest(values, count))
    return [(number, _name(subject, number), float(values[number])) for number in numbers]


def map_in_words(found: Attribution, subject: Subject, shown: int) -> str:
    """What a map's picture shows, ``shown`` of its superpixels being drawn."""
    regions = strongest_regions(found, subject, subject.count)
    if found.method == "attention":
        rows, columns = found.native_shape
        return f"The face under a heat map of {rows} by {columns} cells, highest on {_listed(regions)}."
    drawn = regions if found.weights is None else regions[:shown]
    return (
        f"The face, blue where it speaks for {found.target}: {_listed(region for region in drawn if region[2] > 0)}; "
        f"orange where it speaks against it: {_listed(region for region in drawn if region[2] < 0)}."
    )


def curves_in_words(trust: Trust) -> str:
    """What the picture of a map's curves shows."""
    own = trust.curves[0]
    return (
        f"{METHODS[trust.method].title}: P({trust.target}) averages {own.deletion_area:.2f} while regions are hidden "
        f"and {own.insertion_area:.2f} while they are shown; a grey band shows random orders."
    )


def _probabilities(analysis: Analysis, card: Card) -> str:
    prediction = analysis.prediction
    if prediction is None:
        return ""
    values = ", ".join(f"P({name}) {value:.2f}" for name, value in prediction.probabilities.items())
    # Calibration speaks of faces; without one the model's word is a bare score.
    kind = "calibrated" if prediction.calibrated and analysis.faces else "uncalibrated"
    low, high = card.inconclusive_band
    return f" {values}, {kind}; between {low:.2f} and {high:.2f} P(Fake) is inconclusive."


def _lime(found: Attribution, subject: Subject) -> list[str]:
    """LIME's strongest regions, one a line, with their numbers, weights and intervals."""
    samples, state = int(found.evidence["samples"]), "converged" if found.evidence["converged"] else "not converged"
    lines = [f"{METHODS['lime'].title}, weights for {found.target} ({state}, {samples:,} samples):"]
    for number, name, weight in strongest_regions(found, subject, LISTED):
        interval = "" if found.intervals is None else "  ({:+.3f} to {:+.3f})".format(*found.intervals[number])
        lines.append(f"  {weight:+.3f}{interval}  {number:>3}  {name}")
    return lines


def _in_short(name: str, found: Attribution, subject: Subject) -> str:
    regions = [region for region in strongest_regions(found, subject, subject.count) if region[2] > 0]
    says = "highest on" if name == "attention" else f"strongest for {found.target} on"
    return f"{METHODS[name].title}: {says} {_listed(regions)}."


def _name(subject: Subject, number: int) -> str:
    return f"region {number}" if subject.names is None else subject.names[number]


def _listed(regions: Iterable[Region]) -> str:
    return ", ".join(list(dict.fromkeys(name for _, name, _ in regions))[:NAMED]) or "nothing"
