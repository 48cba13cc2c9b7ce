"""Draws how stable a verdict is: a small chart for each kind of change, with the point where the verdict changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explain.drawing.chart import Area, Chart, Line, Point
from explain.probes.robustness import PARTS, Curve, Robustness
from explain.wording.robustness import change_phrase, level_name, verdict_name
from model.i18n.catalogue import number, translate
from model.photos.corruptions import CORRUPTIONS

COVERED = "covered"  # the shared chart of all facial parts
DIAMOND = "◆"
HALVES = (0.0, 0.5, 1.0)


def _panels() -> dict[str, tuple[str, ...]]:
    """The changes of each chart, by its name; of two changes the first is drawn to the left of the untouched face."""
    panels: dict[str, tuple[str, ...]] = {}
    for name, corruption in CORRUPTIONS.items():
        if changes := tuple(corruption.changes()):
            panel = COVERED if name in PARTS else name
            panels[panel] = panels.get(panel, ()) + changes
    return panels


PANELS = _panels()


def robustness_charts(found: Robustness) -> list[Chart]:
    """P(Fake) under each change, the inconclusive band behind it, a diamond where the verdict changes."""
    return [_chart(found, title_of(name), changes) for name, changes in PANELS.items()]


def title_of(panel: str) -> str:
    """The title of a chart."""
    return translate(f"corruption.{panel}.chart")


def _chart(found: Robustness, title: str, changes: Sequence[str]) -> Chart:
    """One chart; its note names each new verdict and the level at which it comes."""
    low, high = found.band
    values = _values(found, changes)
    places = [(place + 0.5) / len(values) for place in range(len(values))]
    points = [
        Point(place, value.probability, value.label, turn=value.turned is not None)
        for place, value in zip(places, values, strict=True)
    ]
    turns = [
        f"{DIAMOND}\u00a0{value.tick}: {verdict_name(value.turned)}" for value in values if value.turned is not None
    ]
    unknown = not any(found.measured.get(change) for change in changes)
    untouched = [Point(0, found.probability), Point(1, found.probability)]
    return Chart(
        title=title,
        note=translate("robustness.where_unknown") if unknown else ", ".join(turns),
        label=f"{title}. {'; '.join(value.label for value in values)}.",
        up=translate("class.Fake"),
        x_ticks=[(place, value.tick) for place, value in zip(places, values, strict=True)],
        y_ticks=[(share, number(share, ".0%")) for share in HALVES],
        areas=[Area("band", (0, 1), (low, low), (high, high), translate("robustness.legend.band", low=low, high=high))],
        lines=[
            Line("middle", untouched, translate("robustness.legend.untouched", p=found.probability)),
            Line("own", points, joined=not set(changes) <= set(PARTS)),
            Line("turn", (), translate("robustness.legend.flip"), joined=False),  # only for the legend
        ],
    )


@dataclass(frozen=True)
class _Value:
    """P(Fake) at one level; ``turned`` is the new verdict at the first level where it changes."""

    tick: str
    probability: float
    label: str
    turned: str | None = None


def _values(found: Robustness, changes: Sequence[str]) -> list[_Value]:
    """The values from left to right, with the untouched face; the left one of two changes is reversed."""
    measured = [_measured(name, found.measured.get(name)) for name in changes]
    two_sided = len(changes) == 2 and not set(changes) <= set(PARTS)
    before = measured[0][::-1] if two_sided else []
    after = measured[1:] if two_sided else measured
    name = translate("robustness.untouched")
    untouched = _Value(name, found.probability, _label(name, found.probability, found.verdict))
    return [*before, untouched, *(value for values in after for value in values)]


def _measured(name: str, curve: Curve | None) -> list[_Value]:
    if curve is None:
        return []
    return [
        _Value(
            level_name(name, level),
            probability,
            _label(change_phrase(name, level), probability, verdict),
            verdict if place == curve.flip else None,
        )
        for place, (level, probability, verdict) in enumerate(
            zip(curve.levels, curve.probabilities, curve.verdicts, strict=True)
        )
    ]


def _label(change: str, probability: float, verdict: str) -> str:
    return f"{change}: {number(probability, '.0%')}, {verdict_name(verdict)}"
