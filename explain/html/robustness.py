"""Says how stable a verdict is under changes: in a sentence, in a table, and for those who do not see the plot."""

from __future__ import annotations

from html import escape

from explain.analysis import Analysis
from explain.drawing import palette
from explain.drawing.robustness import robustness_picture
from explain.probes.robustness import PARTS, Curve, Robustness
from explain.wording.robustness import change_phrase, robustness_in_words, robustness_sentence, verdict_name
from model.i18n.catalogue import number, say
from model.photos.faces import CROP_SIZE


def robustness_section(analysis: Analysis, wide: bytes | None = None, narrow: bytes | None = None) -> str:
    """Sentence, plot, how it was measured, and every number, as HTML; empty before it is measured.

    Args:
        analysis: as far as it came.
        wide: the plot for a desktop as PNG; drawn if None.
        narrow: the plot for a phone as PNG; drawn if None.
    """
    found = analysis.robustness
    if found is None:
        return ""
    wide = wide or palette.png(robustness_picture(found))
    narrow = narrow or palette.png(robustness_picture(found, narrow=True))
    note = say("robustness.note", size=CROP_SIZE)
    if not any(name in found.measured for name in PARTS):
        note += " " + say("robustness.no_parts")
    return (
        f'<p class="lead">{escape(robustness_sentence(found))}</p>'
        f'<picture><source media="screen and (max-width: 40rem)" srcset="{palette.data_url(narrow)}">'
        f'<img class="curves" src="{palette.data_url(wide)}" alt="{escape(robustness_in_words(found))}"></picture>'
        f"<p>{escape(note)}</p>"
        f"<details><summary>{escape(say('robustness.numbers'))}</summary>{_table(found)}</details>"
    )


def _table(found: Robustness) -> str:
    titles = (
        say("robustness.column.change"),
        f"P({say('class.Fake')})",
        say("robustness.column.verdict"),
    )
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    rows = _row(say("robustness.none"), found.probability, found.verdict, titles)
    for name, curve in found.measured.items():
        rows += "".join(_row(*values, titles) for values in _levels(name, curve))
    return f'<div class="table" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _levels(name: str, curve: Curve) -> list[tuple[str, float, str]]:
    phrases = [change_phrase(name, level) for level in curve.levels]
    return list(zip(phrases, curve.probabilities, curve.verdicts, strict=True))


def _row(change: str, probability: float, verdict: str, titles: tuple[str, str, str]) -> str:
    values = (number(probability, ".2f"), verdict_name(verdict))
    cells = "".join(
        f'<td data-label="{escape(title)}"><span>{escape(value)}</span></td>'
        for title, value in zip(titles[1:], values, strict=True)
    )
    return f'<tr><th scope="row">{escape(change)}</th>{cells}</tr>'
