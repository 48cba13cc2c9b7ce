"""The verdicts on every face of a photo as a table: for photos with many faces and for screen readers."""

from __future__ import annotations

from markupsafe import Markup

from explain.html.rendering import macros
from explain.result import MOST_JUDGED, Analysis
from model.i18n.catalogue import number, translate


def faces_table(analysis: Analysis, choosable: bool = False) -> Markup:
    """Number, P(Fake), verdict and size of each face, largest first; empty without a face.

    The chosen face's row is marked in words and for screen readers. Before the verdict its cells hold an ellipsis.

    Args:
        analysis: complete or not.
        choosable: whether each other face's number is a button, as on the page.
    """
    count = len(analysis.faces)
    if not count:
        return Markup()
    titles = [
        translate("faces.column.number"),
        translate("class.Fake"),
        translate("faces.column.verdict"),
        translate("faces.column.size"),
    ]
    rows = [_row(analysis, place, choosable) for place in range(count)]
    chosen = [place for place, face in enumerate(analysis.faces) if face is analysis.chosen]
    return macros("faces").faces(titles, rows, chosen[0] if chosen else None, count, MOST_JUDGED)


def _row(analysis: Analysis, place: int, choosable: bool) -> tuple[str, ...]:
    face, prediction = analysis.faces[place], analysis.prediction_for(place)
    name, size = str(place + 1), f"{face.box[2]} × {face.box[3]}"
    if face is analysis.chosen:
        name = translate("faces.chosen", number=name)
    elif choosable:
        name = macros("faces").choice(name, place)
    if prediction is not None:
        return name, number(prediction.probabilities["Fake"], ".0%"), translate(f"verdict.{prediction.verdict}"), size
    return (name, "…", "…", size) if analysis.prediction is None else (name, "–", translate("faces.not_judged"), size)
