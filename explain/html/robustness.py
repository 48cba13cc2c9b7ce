"""How stable a verdict is under changes: a sentence, charts, and a table."""

from __future__ import annotations

from markupsafe import Markup

from explain.drawing.robustness import robustness_charts
from explain.html.charts import charts_html
from explain.html.rendering import macros
from explain.probes.robustness import PARTS, Robustness
from explain.result import Analysis
from explain.small_faces import is_too_small
from explain.wording.robustness import change_phrase, robustness_sentence, verdict_name
from model.i18n.catalogue import number, translate
from model.photos.faces import CROP_SIZE


def robustness_section(analysis: Analysis) -> Markup:
    """Sentence, charts, a note on the measurement, and every number, as HTML; empty until measured."""
    found = analysis.robustness
    if found is None:
        return Markup()
    note = translate("robustness.note", size=CROP_SIZE)
    if not any(name in found.measured for name in PARTS):
        note += " " + translate("robustness.no_parts")
    charts = charts_html(robustness_charts(found))
    return macros("robustness").robustness(robustness_sentence(found), charts, note, _titles(), _rows(found))


def robustness_tab(analysis: Analysis) -> Markup:
    """Like ``robustness_section``; a face that is too small is never measured, which a sentence says."""
    if analysis.chosen is not None and is_too_small(analysis.chosen):
        return macros("fragments").paragraph(translate("robustness.too_small"))
    return robustness_section(analysis)


def _titles() -> list[str]:
    return [
        translate("robustness.column.change"),
        translate("class.Fake"),
        translate("robustness.column.verdict"),
    ]


def _rows(found: Robustness) -> list[tuple[str, str, str]]:
    """The untouched crop and every changed one, as text."""
    rows = [(translate("robustness.none"), found.probability, found.verdict)]
    for name, curve in found.measured.items():
        phrases = [change_phrase(name, level) for level in curve.levels]
        rows += zip(phrases, curve.probabilities, curve.verdicts, strict=True)
    return [(change, number(probability, ".0%"), verdict_name(verdict)) for change, probability, verdict in rows]
