"""An analysis as one page of HTML to keep, to print and to hand on: no script, and nothing is loaded from anywhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from pathlib import Path

from explain import captions, words
from explain.analysis import Analysis
from explain.faces_table import faces_table
from explain.origin import Origin
from explain.plain_text import (
    curves_in_words,
    headline,
    map_in_words,
    no_flip,
    photo_sentences,
    problems,
    strongest_regions,
)
from explain.robustness_words import robustness_section
from explain.what_if import what_if_sentence
from model.artifact import Card
from model.language import say

STYLE = Path(__file__).with_name("report.css")
GENERATOR = '<meta name="generator" content="WhyFake">'  # by which a report of ours is known
ONLY_ITSELF = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def report_html(analysis: Analysis, card: Card, files: Mapping[str, bytes], shown: int, origin: Origin) -> str:
    """The report as a page.

    Args:
        analysis: complete, or as far as it came.
        card: of the model that was asked.
        files: the pictures of ``explain.report.report_pictures`` as PNG, by name.
        shown: how many superpixels are drawn and listed.
        origin: named in the report.
    """
    name = Path(origin.file).name
    sections = (
        *(words.notice(sentence) for sentence in photo_sentences(analysis)),
        _verdict(analysis, card, files, name),
        faces_table(analysis) if len(analysis.faces) > 1 else "",
        _maps(analysis, card, files, shown),
        _what_ifs(analysis, files),
        _trust(analysis, files),
        _robustness(analysis, files),
        _facts(analysis, origin),
        f"<details><summary>The model card: data, measured figures, limits</summary>{words.model_card(card)}</details>",
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{GENERATOR}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{ONLY_ITSELF}">\n'
        f"<title>{escape(name)}: {headline(analysis)} – WhyFake</title>\n"
        f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n"
        f'<header><p class="wordmark">Why<em>Fake</em></p><h1>{escape(name)}</h1>'
        f'<p class="when">{escape(origin.when)}</p></header>\n<main>\n'
        + "\n".join(filter(None, sections))
        + "\n</main>\n</body>\n</html>\n"
    )


def _verdict(analysis: Analysis, card: Card, files: Mapping[str, bytes], file: str) -> str:
    """The verdict beside the photo and the face that it speaks of."""
    count = len(analysis.faces)
    boxed = f"{count} {'face' if count == 1 else 'faces'} found" if count else "no face found"
    figures = _figure(files["photo"], f"The photo {file}, {boxed}.", f"<p>The photo, {boxed}.</p>")
    if "face" in files:
        caption = "<p>What the model judged.</p>"
        figures += _figure(files["face"], "The part of the photo that the model judged.", caption)
    prediction = analysis.prediction
    verdict = "" if prediction is None else words.verdict_card(prediction, card, bool(analysis.faces))
    return f'{verdict}<section class="photo" aria-label="The photo">{figures}{words.scope(card)}</section>'


def _maps(analysis: Analysis, card: Card, files: Mapping[str, bytes], shown: int) -> str:
    subject = analysis.subject
    missing = "".join(words.notice(f"{title}: {text}", "missing") for title, text in problems(analysis).items())
    if subject is None or not (analysis.attributions or missing):
        return missing
    maps = "".join(
        f"<article>{captions.title(name, subject.target)}"
        + _figure(
            files[name],
            map_in_words(found, subject, shown),
            captions.caption(found, card, shown, analysis.trusts.get(name)),
        )
        + "</article>"
        for name, found in analysis.attributions.items()
    )
    table = _region_table(analysis, shown)
    return f'<section><h2>Why</h2><div class="pictures">{maps}</div>{missing}{table}</section>'


def _region_table(analysis: Analysis, shown: int) -> str:
    found, subject = analysis.attributions.get("lime"), analysis.subject
    if found is None or subject is None or found.intervals is None:
        return ""
    rows = ""
    for number, name, weight in strongest_regions(found, subject, shown):
        low, high = (_signed(bound) for bound in found.intervals[number])
        rows += (
            f'<tr><td>{number}</td><th scope="row">{escape(name)}</th><td>{_signed(weight)}</td>'
            f"<td>{low} to {high}</td></tr>"
        )
    titles = ("No.", "Region", f"Weight for {found.target}", "95 % interval")
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    return (
        "<h3>The regions that LIME weighs most</h3>"
        f'<table class="regions"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _what_ifs(analysis: Analysis, files: Mapping[str, bytes]) -> str:
    parts = []
    for name, title, what_if in (
        ("what_if", "Without the regions asked about", analysis.what_if),
        ("flip", "The smallest set found that flips the verdict", analysis.flip),
    ):
        if what_if is not None:
            sentence = escape(what_if_sentence(what_if, str(analysis.settings.target)))
            picture = _figure(files[name], "The face with the hidden regions outlined in white.", f"<p>{sentence}</p>")
            parts.append(f'<article><div class="map-title"><h3>{title}</h3></div>{picture}</article>')
    if no_flip(analysis):
        parts.append(words.no_flip())
    return f'<section><h2>What if …</h2><div class="pictures">{"".join(parts)}</div></section>' if parts else ""


def _trust(analysis: Analysis, files: Mapping[str, bytes]) -> str:
    if not analysis.trusts:
        return ""
    curves = "".join(
        _figure(files[f"{name}_curves"], curves_in_words(trust)) for name, trust in analysis.trusts.items()
    )
    numbers = captions.trust_details(analysis.trusts) + captions.agreement_table(analysis.agreement)
    return (
        "<section><h2>Can these maps be trusted?</h2><h3>Beside random orders of the same regions</h3>"
        f'<div class="curves">{curves}</div><h3>In numbers</h3>{numbers}</section>'
    )


def _robustness(analysis: Analysis, files: Mapping[str, bytes]) -> str:
    if analysis.robustness is None:
        return ""
    section = robustness_section(analysis, files["robustness"], files["robustness_narrow"])
    return f"<section><h2>{escape(say('robustness.title'))}</h2>{section}</section>"


def _facts(analysis: Analysis, origin: Origin) -> str:
    """Everything that it takes to repeat the analysis."""
    height, width = analysis.photo.pixels.shape[:2]
    groups = {
        "Photo": {"file": Path(origin.file).name, "pixels": f"{width} × {height}", "SHA-256": analysis.photo.sha256},
        "Model": {f"SHA-256 of {name}" if "." in name else name: text for name, text in analysis.model.items()},
        "Settings": {_spaced(name): _value(value) for name, value in asdict(analysis.settings).items()},
        "Written": {"on": origin.when, "by": origin.command},
        "Versions": origin.versions,
        "Seconds": {_spaced(name): f"{value:.2f}" for name, value in analysis.seconds.items()},
    }
    tables = "".join(
        f"<section><h3>{title}</h3>{_pairs(pairs)}</section>" for title, pairs in groups.items() if any(pairs.values())
    )
    return f'<section><h2>To repeat this</h2><div class="facts">{tables}</div></section>'


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "the likelier one" if value is None else str(value)


def _pairs(pairs: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>' for name, text in pairs.items() if text
    )
    return f'<table class="pairs"><tbody>{rows}</tbody></table>'


def _figure(content: bytes, alt: str, caption: str = "") -> str:
    source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    below = f'<figcaption class="caption">{caption}</figcaption>' if caption else ""
    return f'<figure><img src="{source}" alt="{escape(alt)}">{below}</figure>'
