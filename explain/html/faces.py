"""What the model says of every face of a photo, as a table: for photos with many, and for those who see no boxes."""

from __future__ import annotations

from html import escape

from explain.analysis import MOST_JUDGED, Analysis
from model.i18n.catalogue import number, say


def faces_table(analysis: Analysis) -> str:
    """Number, P(Fake), verdict and size of each face, largest first, as HTML; empty without a face.

    The chosen face's row is marked in words and for screen readers. Before the verdict the cells say so.
    """
    if not analysis.faces:
        return ""
    number_title, *titles = (
        say("faces.column.number"),
        f"P({say('class.Fake')})",
        say("faces.column.verdict"),
        say("faces.column.size"),
    )
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in (number_title, *titles))
    rows = "".join(_row(analysis, place, titles) for place in range(len(analysis.faces)))
    caption = f"<caption>{escape(say('faces.caption', count=len(analysis.faces)))}</caption>"
    most = f"<p>{escape(say('faces.most', most=MOST_JUDGED))}</p>" if len(analysis.faces) > MOST_JUDGED else ""
    return (
        f'<div class="table" tabindex="0"><table>{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>{most}</div>"
    )


def _row(analysis: Analysis, place: int, titles: list[str]) -> str:
    face, prediction = analysis.faces[place], analysis.word_on(place)
    chosen, name = face is analysis.chosen, str(place + 1)
    values = ["–", say("faces.not_judged")]
    if prediction is not None:
        values = [number(prediction.probabilities["Fake"], ".2f"), say(f"verdict.{prediction.verdict}")]
    elif analysis.prediction is None:
        values = ["…", "…"]
    values.append(f"{face.box[2]} × {face.box[3]}")
    cells = "".join(
        f'<td data-label="{escape(title)}"><span>{escape(value)}</span></td>'
        for title, value in zip(titles, values, strict=True)
    )
    current = ' aria-current="true"' if chosen else ""
    return f'<tr{current}><th scope="row">{say("faces.chosen", number=name) if chosen else name}</th>{cells}</tr>'
