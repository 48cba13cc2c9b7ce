"""Two models side by side: each one's verdict, and the regions that are the strongest of either map."""

from __future__ import annotations

from markupsafe import Markup

from explain.comparison import Second
from explain.html.fragments import calibration_sentence, paragraph
from explain.html.rendering import macros
from explain.maps.registry import MAIN_MAP
from explain.result import Analysis
from explain.wording.regions import region_label
from explain.wording.summary import headline
from model.artifact.card import Card
from model.i18n.catalogue import number, translate


def verdict_beside(analysis: Analysis, card: Card) -> Markup:
    """A model's name and its verdict on a bar, or why there is none."""
    found, name, (low, high) = analysis.prediction, analysis.model["name"], card.inconclusive_band
    beside = macros("fragments").beside
    if found is None:
        return beside(name, headline(analysis), "", 0.0, low, high, "")
    sentence = calibration_sentence(found, card, analysis.fits_model)
    return beside(name, headline(analysis), found.verdict, found.probabilities["Fake"], low, high, sentence)


def no_verdict_beside(model: str) -> Markup:
    """A model's name in the place of its verdict, until there is one."""
    return macros("fragments").beside(model, "…", "", 0.0, 0.0, 0.0, "")


def regions_of_both(first: Analysis, second: Second) -> Markup:
    """A table of the strongest regions of either map with the value in each; empty if the maps can't be compared."""
    compared = second.comparison
    if compared is None:
        return Markup()
    found = first.attributions[MAIN_MAP]
    values = dict(zip(compared.regions, zip(compared.first_values, compared.second_values, strict=True), strict=True))
    titles = [translate("page.region"), first.model["name"], second.analysis.model["name"]]
    rows = [
        [region_label(found, region), *(number(value, "+.3f") for value in values[region])]
        for region in (*compared.shared, *compared.only_first, *compared.only_second)
        if region in values
    ]
    caption = translate("second.regions", target=translate(f"class.{found.target}"))
    return macros("fragments").regions_of_both(titles, rows, caption) + paragraph(translate("second.scale"))
