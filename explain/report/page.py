"""An analysis as one page of HTML to keep, to print and to hand on: no script, and nothing is loaded from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from explain.analysis import Analysis, is_unmoved
from explain.drawing.palette import data_url
from explain.html import captions, fragments
from explain.html.faces import faces_table
from explain.html.fragments import ONLY_ITSELF, STYLE
from explain.html.robustness import robustness_section
from explain.maps.registry import METHODS
from explain.maps.subject import Subject
from explain.report.origin import Origin
from explain.wording.summary import (
    curves_in_words,
    headline,
    map_in_words,
    no_flip,
    photo_sentences,
    problems,
    strongest_regions,
)
from explain.wording.what_if import what_if_sentence
from model.artifact.card import Card
from model.i18n.catalogue import language, number, say

GENERATOR = '<meta name="generator" content="WhyFake">'  # by which a report of ours is known


def report_html(analysis: Analysis, card: Card, files: Mapping[str, bytes], shown: int, origin: Origin) -> str:
    """The report as a page.

    Args:
        analysis: complete, or as far as it came.
        card: of the model that was asked.
        files: the pictures of ``explain.report.files.report_pictures`` as PNG, by name.
        shown: how many superpixels are drawn and listed.
        origin: named in the report.
    """
    name = Path(origin.file).name
    sections = (
        *(fragments.notice(sentence) for sentence in photo_sentences(analysis)),
        _verdict(analysis, card, files, name),
        faces_table(analysis) if len(analysis.faces) > 1 else "",
        _maps(analysis, card, files, shown),
        _what_ifs(analysis, files),
        _trust(analysis, files),
        _robustness(analysis, files),
        _facts(analysis, origin),
        f"<details><summary>{_said('report.card')}</summary>{fragments.model_card(card)}</details>",
    )
    return (
        f'<!doctype html>\n<html lang="{language()}">\n<head>\n<meta charset="utf-8">\n{GENERATOR}\n'
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
    faces = say("report.faces", count=len(analysis.faces)) if analysis.faces else say("report.no_face")
    shows = say("report.photo_shows", file=file, faces=faces)
    figures = _figure(files["photo"], shows, f"<p>{_said('report.photo_caption', faces=faces)}</p>")
    if "face" in files:
        figures += _figure(files["face"], say("report.judged_part"), f"<p>{_said('report.judged')}</p>")
    prediction = analysis.prediction
    verdict = "" if prediction is None else fragments.verdict_card(prediction, card, bool(analysis.faces))
    return (
        f'{verdict}<section class="photo" aria-label="{_said("report.photo")}">{figures}'
        f"{fragments.scope(card)}</section>"
    )


def _maps(analysis: Analysis, card: Card, files: Mapping[str, bytes], shown: int) -> str:
    subject = analysis.subject
    missing = "".join(fragments.notice(f"{title}: {text}", "missing") for title, text in problems(analysis).items())
    if subject is None:
        return missing
    unmoved = is_unmoved(analysis)
    maps = "".join(
        f"<article>{captions.title(name, subject.target)}"
        + _figure(
            files[name],
            map_in_words(found, subject, shown, unmoved),
            captions.caption(found, card, shown, analysis.trusts.get(name), unmoved),
        )
        + "</article>"
        for name, found in analysis.attributions.items()
    )
    pictures = f'<div class="pictures">{maps}</div>' if maps else ""
    rest = f"{missing}{_region_table(analysis, shown)}{_numbered(subject, files)}"
    return f"<section><h2>{_said('report.why')}</h2>{pictures}{rest}</section>"


def _numbered(subject: Subject, files: Mapping[str, bytes]) -> str:
    """The picture by which a region's number is found."""
    shows = say("report.numbered_shows", count=subject.count)
    figure = _figure(files["regions"], shows, f"<p>{_said('report.numbered_caption')}</p>")
    return f'<h3>{_said("report.numbered")}</h3><div class="numbered">{figure}</div>'


def _region_table(analysis: Analysis, shown: int) -> str:
    found, subject = analysis.attributions.get("lime"), analysis.subject
    if found is None or subject is None or found.intervals is None or found.unmoved:
        return ""
    rows = ""
    for region, name, weight in strongest_regions(found, subject, shown):
        low, high = map(float, found.intervals[region])
        rows += (
            f'<tr><td>{region}</td><th scope="row">{escape(name)}</th><td>{number(weight, "+.3f")}</td>'
            f"<td>{_said('plain.interval', low=low, high=high)}</td></tr>"
        )
    target = say(f"class.{found.target}")
    titles = [say(f"report.column.{name}", target=target) for name in ("number", "region", "weight", "interval")]
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    return (
        f"<h3>{_said('report.strongest')}</h3>"
        f'<table class="regions"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _what_ifs(analysis: Analysis, files: Mapping[str, bytes]) -> str:
    parts = []
    for name, title, what_if in (
        ("what_if", _said("report.without"), analysis.what_if),
        ("flip", _said("report.flip"), analysis.flip),
    ):
        if what_if is not None:
            sentence = escape(what_if_sentence(what_if, str(analysis.settings.target)))
            picture = _figure(files[name], say("report.hidden_shows"), f"<p>{sentence}</p>")
            parts.append(f'<article><div class="map-title"><h3>{title}</h3></div>{picture}</article>')
    if no_flip(analysis):
        parts.append(fragments.no_flip())
    title, pictures = _said("report.what_if"), "".join(parts)
    return f'<section><h2>{title}</h2><div class="pictures">{pictures}</div></section>' if parts else ""


def _trust(analysis: Analysis, files: Mapping[str, bytes]) -> str:
    if not analysis.trusts:
        return ""
    curves = "".join(
        _figure(files[f"{name}_curves"], curves_in_words(trust)) for name, trust in analysis.trusts.items()
    )
    numbers = captions.trust_details(analysis.trusts) + captions.agreement_table(analysis.agreement)
    return (
        f"<section><h2>{_said('report.trust')}</h2><h3>{_said('report.beside_chance')}</h3>"
        f'<div class="curves">{curves}</div><h3>{_said("report.in_numbers")}</h3>{numbers}</section>'
    )


def _robustness(analysis: Analysis, files: Mapping[str, bytes]) -> str:
    if analysis.robustness is None:
        return ""
    section = robustness_section(analysis, files["robustness"], files["robustness_narrow"])
    return f"<section><h2>{_said('robustness.title')}</h2>{section}</section>"


def _facts(analysis: Analysis, origin: Origin) -> str:
    """Everything that it takes to repeat the analysis."""
    height, width = analysis.photo.pixels.shape[:2]
    photo = {"file": Path(origin.file).name, "pixels": f"{width} × {height}"}
    settings = asdict(analysis.settings)
    settings["face"] += 1  # people count from one
    groups = {
        "photo": {**_named("fact", photo), "SHA-256": analysis.photo.sha256},
        "model": {
            say("report.fact.digest", file=name) if "." in name else say(f"report.fact.{name}"): text
            for name, text in analysis.model.items()
        },
        "settings": _named("setting", {name: _value(value) for name, value in settings.items()}),
        "written": _named("fact", {"on": origin.when, "by": origin.command}),
        "versions": origin.versions,
        "seconds": {_step(name): number(value, ".2f") for name, value in analysis.seconds.items()},
    }
    tables = "".join(
        f"<section><h3>{_said(f'report.facts.{name}')}</h3>{_pairs(pairs)}</section>"
        for name, pairs in groups.items()
        if any(pairs.values())
    )
    return f'<section><h2>{_said("report.repeat")}</h2><div class="facts">{tables}</div></section>'


def _named(kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """Values by what people call them."""
    return {say(f"report.{kind}.{name}"): value for name, value in values.items()}


def _step(name: str) -> str:
    return METHODS[name].title if name in METHODS else say(f"report.step.{name}")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return say("report.value.yes") if value else say("report.value.no")
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or say("report.value.none")
    return say("report.value.likelier") if value is None else str(value)


def _said(key: str, /, **values: Any) -> str:
    """A text of the catalogue, as HTML."""
    return escape(say(key, **values))


def _pairs(pairs: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>' for name, text in pairs.items() if text
    )
    return f'<table class="pairs"><tbody>{rows}</tbody></table>'


def _figure(content: bytes, alt: str, caption: str = "") -> str:
    below = f'<figcaption class="caption">{caption}</figcaption>' if caption else ""
    return f'<figure><img src="{data_url(content)}" alt="{escape(alt)}">{below}</figure>'
