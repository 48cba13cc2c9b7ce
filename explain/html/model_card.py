"""A model's figures as charts inside HTML."""

from __future__ import annotations

from markupsafe import Markup

from explain.drawing.model_card import CORRUPTED, reliability_charts, robustness_charts
from explain.html.charts import charts_html
from explain.html.rendering import macros
from model.artifact.card import Card
from model.i18n.catalogue import translate
from model.model_card.robustness import unmeasured
from model.photos.corruptions import CLEAN


def model_charts(card: Card) -> Markup:
    """All charts with their meaning, as HTML; a sentence replaces what was not measured."""
    corrupted = card.metrics.get(CORRUPTED, {})
    clean = [figures[CLEAN] for figures in corrupted.values() if CLEAN in figures]
    most = max((figures.get(key, 0) for figures in clean for key in ("real", "fake")), default=0)
    section = macros("model_card").section
    return section(
        translate("model_pictures.reliability"),
        translate("model_pictures.reliability_help", fake=translate("class.Fake")),
        charts_html(reliability_charts(card.metrics)),
        translate("model_pictures.no_reliability"),
        True,
    ) + section(
        translate("model_pictures.robustness"),
        " ".join(filter(None, (translate("model_pictures.robustness_help", most=most), unmeasured(corrupted)))),
        charts_html(robustness_charts(card.metrics)),
        translate("card.robustness.unmeasured"),
        not corrupted,
    )
