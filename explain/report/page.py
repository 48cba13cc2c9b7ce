"""An analysis as one self-contained page of HTML: no script and no external resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from explain.comparison import Second
from explain.drawing.curves import curve_charts
from explain.html import captions, fragments
from explain.html.charts import charts_html
from explain.html.faces import faces_table
from explain.html.provenance import provenance_html
from explain.html.rendering import render
from explain.html.robustness import robustness_section
from explain.html.second import regions_of_both, verdict_beside
from explain.maps.registry import MAIN_MAP, METHODS
from explain.report.origin import Origin
from explain.result import Analysis, is_unmoved
from explain.wording.comparison import comparison_sentence
from explain.wording.regions import fewer_regions
from explain.wording.summary import (
    headline,
    map_in_words,
    no_flip,
    photo_sentences,
    problems,
    strongest_regions,
)
from explain.wording.what_if import what_if_sentence
from model.artifact.card import Card
from model.i18n.catalogue import number, translate

OF_MODEL = ("name", "architecture", "sees")  # what an analysis says of its model besides digests of files

GENERATOR = 'name="generator" content="WhyFake"'  # in the template; marks a report of WhyFake


def report_html(
    analysis: Analysis,
    card: Card,
    files: Mapping[str, bytes],
    shown: int,
    origin: Origin,
    second: Second | None = None,
) -> str:
    """The report as an HTML page.

    Args:
        analysis: complete or not.
        card: of the analysis's model.
        files: the pictures of ``explain.report.files.report_pictures`` as PNG, by name.
        shown: number of superpixels that are drawn and listed.
        origin: shown in the report.
        second: what a second model says, to show beside it.
    """
    prediction, faces, subject = analysis.prediction, analysis.faces, analysis.subject
    return render(
        "report",
        files=files,
        file=Path(origin.file).name,
        origin=origin,
        headline=headline(analysis),
        notices=photo_sentences(analysis),
        verdict="" if prediction is None else fragments.verdict_card(prediction, card, analysis.fits_model),
        faces=translate("report.faces", count=len(faces)) if faces else _no_faces(analysis),
        scope=fragments.scope(card),
        faces_table=faces_table(analysis) if len(faces) > 1 else "",
        problems=[f"{title}: {text}" for title, text in problems(analysis).items()],
        region_count=None if subject is None else subject.count,
        target=None if subject is None else translate(f"class.{subject.target}"),
        maps=_maps(analysis, card, shown),
        regions=_regions(analysis, shown),
        what_ifs=_what_ifs(analysis),
        no_flip=no_flip(analysis),
        curves=[(METHODS[name].title, charts_html(curve_charts(trust))) for name, trust in analysis.trusts.items()],
        trust_numbers=captions.trust_details(analysis.trusts) + captions.agreement_table(analysis.agreement),
        robustness=robustness_section(analysis),
        provenance=provenance_html(analysis.provenance),
        facts=_facts(analysis, origin, second),
        model_card=fragments.model_card(card),
        second=None if second is None else _second(analysis, card, second, shown),
    )


def _second(analysis: Analysis, card: Card, second: Second, shown: int) -> dict[str, Any]:
    """What the section on two models shows: the sentence, each model's verdict and main map, the regions of both."""
    sides = ((analysis, card, MAIN_MAP), (second.analysis, second.card, "second"))
    return {
        "sentence": comparison_sentence(analysis, second),
        "models": [
            {
                "verdict": verdict_beside(each, of_model),
                "picture": picture if MAIN_MAP in each.attributions and each.subject is not None else None,
                "shows": _main_map_in_words(each, shown),
                "problems": [f"{title}: {text}" for title, text in problems(each).items()],
            }
            for each, of_model, picture in sides
        ],
        "regions": regions_of_both(analysis, second),
        "card": fragments.model_card(second.card),
    }


def _main_map_in_words(analysis: Analysis, shown: int) -> str:
    found, subject = analysis.attributions.get(MAIN_MAP), analysis.subject
    return "" if found is None or subject is None else map_in_words(found, subject, shown, is_unmoved(analysis))


def _maps(analysis: Analysis, card: Card, shown: int) -> list[dict[str, str]]:
    """Each map's heading, picture name, description and caption."""
    subject, unmoved = analysis.subject, is_unmoved(analysis)
    if subject is None:
        return []
    note = fewer_regions(subject)
    return [
        {
            "title": captions.title(name, subject.target),
            "name": name,
            "shows": map_in_words(found, subject, shown, unmoved),
            "caption": captions.caption(found, card, shown, analysis.trusts.get(name), unmoved, note),
        }
        for name, found in analysis.attributions.items()
    ]


def _regions(analysis: Analysis, shown: int) -> list[tuple[int, str, str, str]]:
    """Number, name, weight and interval of the main map's strongest regions."""
    found, subject = analysis.attributions.get(MAIN_MAP), analysis.subject
    if found is None or subject is None or found.intervals is None or found.unmoved:
        return []
    rows = []
    for region, name, weight in strongest_regions(found, subject, shown):
        low, high = map(float, found.intervals[region])
        rows.append((region, name, number(weight, "+.3f"), translate("plain.interval", low=low, high=high)))
    return rows


def _what_ifs(analysis: Analysis) -> list[tuple[str, str, str]]:
    """Picture name, title and sentence of each change of the face."""
    changes = (
        ("what_if", translate("report.without"), analysis.what_if),
        ("flip", translate("report.flip"), analysis.flip),
    )
    target = str(analysis.settings.target)
    return [(name, title, what_if_sentence(found, target)) for name, title, found in changes if found is not None]


def _no_faces(analysis: Analysis) -> str:
    return translate("report.no_search" if analysis.fits_model else "report.no_face")


def _facts(analysis: Analysis, origin: Origin, second: Second | None) -> list[tuple[str, list[tuple[str, str]]]]:
    """Everything needed to repeat the analysis: tables of names and values, each with its title."""
    height, width = analysis.photo.pixels.shape[:2]
    photo = {"file": Path(origin.file).name, "pixels": f"{width} × {height}"}
    settings = asdict(analysis.settings)
    settings["face"] += 1  # people count from one
    groups = {
        "photo": {**_named("fact", photo), "SHA-256": analysis.photo.sha256},
        "model": model_facts(analysis.model),
        "second_model": {} if second is None else model_facts(second.analysis.model),
        "settings": _named("setting", {name: _value(value) for name, value in settings.items()}),
        "written": _named("fact", {"on": origin.when, "by": origin.command}),
        "versions": origin.versions,
        "seconds": {_step(name): number(value, ".2f") for name, value in analysis.seconds.items()},
    }
    return titled(groups)


def titled(groups: Mapping[str, Mapping[str, str]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Tables of names and values, each with its title; without empty values and empty tables."""
    tables = {name: [(key, text) for key, text in pairs.items() if text] for name, pairs in groups.items()}
    return [(translate(f"report.facts.{name}"), pairs) for name, pairs in tables.items() if pairs]


def model_facts(model: Mapping[str, str]) -> dict[str, str]:
    """The ``model`` of an analysis or a clip, by translated names."""
    return {
        translate(f"report.fact.{name}" if name in OF_MODEL else "report.fact.digest", file=name): text
        for name, text in model.items()
    }


def _named(kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """Values by their translated names."""
    return {translate(f"report.{kind}.{name}"): value for name, value in values.items()}


def _step(name: str) -> str:
    return METHODS[name].title if name in METHODS else translate(f"report.step.{name}")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return translate("report.value.yes") if value else translate("report.value.no")
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or translate("report.value.none")
    return translate("report.value.likelier") if value is None else str(value)
