"""Says how stable a verdict is under changes: in a sentence, in a table, and for those who do not see the plot."""

from __future__ import annotations

from html import escape

from explain.analysis import Analysis
from explain.drawing import palette
from explain.drawing.robustness import robustness_picture
from explain.probes.robustness import PARTS, Curve, Robustness, level_name, verdict_name
from model.i18n.catalogue import number, say
from model.photos.faces import CROP_SIZE


def robustness_sentence(found: Robustness) -> str:
    """One sentence: down to which JPEG quality the verdict stands, and what turns it into which other one."""
    jpeg, verdict = found.measured["jpeg"], verdict_name(found.verdict)
    flips = {name: curve for name, curve in found.measured.items() if curve.flip is not None}
    if jpeg.survived:
        parts = [say("robustness.stays", verdict=verdict, level=level_name("jpeg", jpeg.levels[jpeg.survived - 1]))]
    else:
        del flips["jpeg"]
        level, other = level_name("jpeg", jpeg.levels[0]), verdict_name(jpeg.verdicts[0])
        parts = [say("robustness.turns_at_once", level=level, verdict=verdict, other=other)]
    turned: dict[str, list[str]] = {}
    for name, curve in flips.items():
        assert curve.flip is not None
        turned.setdefault(curve.verdicts[curve.flip], []).append(_phrase(name, curve.levels[curve.flip]))
    for other, changes in turned.items():
        values = {"changes": _listed(changes), "other": verdict_name(other)}
        parts.append(say("robustness.turned", count=len(changes), **values))
    if not turned:
        parts.append(say("robustness.nothing_else"))
    return "; ".join(parts) + "."


def robustness_in_words(found: Robustness) -> str:
    """What the plot shows, for those who do not see it; the sentence says where the verdict turns."""
    ends = (
        say("robustness.alt_item", change=_phrase(name, curve.levels[-1]), p=curve.probabilities[-1])
        for name, curve in found.measured.items()
    )
    return say("robustness.alt", fake=say("class.Fake"), p=found.probability, changes=", ".join(ends))


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


def _phrase(change: str, level: float) -> str:
    return say(f"robustness.phrase.{change}", level=level_name(change, level))


def _listed(parts: list[str]) -> str:
    *most, last = parts
    return say("what_if.and", most=", ".join(most), last=last) if most else last


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
    phrases = [_phrase(name, level) for level in curve.levels]
    return list(zip(phrases, curve.probabilities, curve.verdicts, strict=True))


def _row(change: str, probability: float, verdict: str, titles: tuple[str, str, str]) -> str:
    values = (number(probability, ".2f"), verdict_name(verdict))
    cells = "".join(
        f'<td data-label="{escape(title)}"><span>{escape(value)}</span></td>'
        for title, value in zip(titles[1:], values, strict=True)
    )
    return f'<tr><th scope="row">{escape(change)}</th>{cells}</tr>'
