"""Draws the figures of a model's card: reliability diagrams and robustness curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from explain.drawing.chart import Area, Chart, Line, Point
from model.artifact.facts import readable
from model.evaluation.metrics import Bin
from model.i18n.catalogue import number, translate
from model.photos.corruptions import CLEAN, CORRUPTIONS
from model.photos.faces import CROP_SIZE

TEST, CORRUPTED = "test", "test_corruptions"  # keys of a card's metrics
AUC, ACCUSED = "auc", "false_accusation_rate"
SHARE, AREA = ".0%", ".2f"  # number formats
GUESSING = 0.5  # AUC of random guesses
LEAST_AUC = 0.4  # lower end of the axis, unless a value is lower
DOTS = (2.0, 6.0)  # radius of a dot for few pictures and for the most
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
Figures = Mapping[str, Any]
Conditions = Mapping[str, Figures]  # figures of one data set, by condition


def reliability_charts(metrics: Figures) -> list[Chart]:
    """A reliability diagram for each data set with bins in a card's ``metrics``."""
    charts = []
    for name, figures in metrics.get(TEST, {}).items():
        if bins := [Bin(**{**row, "interval": tuple(row["interval"])}) for row in figures.get("reliability", ())]:
            charts.append(_reliability(bins, figures, readable(name)))
    return charts


def robustness_charts(metrics: Figures) -> list[Chart]:
    """AUC and false accusations by level, for each corruption with figures in a card's ``metrics``."""
    charts = []
    for name, corruption in CORRUPTIONS.items():
        conditions = corruption.conditions()
        sets = {
            dataset: {key: figures[key] for key in conditions if key in figures}
            for dataset, figures in metrics.get(CORRUPTED, {}).items()
            if CLEAN in figures and any(key in figures for key in conditions if key != CLEAN)
        }
        title = translate(f"corruption.{name}.curve", size=CROP_SIZE)
        for measure in (AUC, ACCUSED):
            if any(measure in figures[CLEAN] for figures in sets.values()):
                charts.append(_robustness(conditions, sets, measure, title, list(metrics[CORRUPTED])))
    return charts


def _reliability(bins: Sequence[Bin], figures: Figures, title: str) -> Chart:
    """Observed frequency against stated probability of each bin; the size of a dot is that of the bin."""
    count, error = sum(group.count for group in bins), figures.get("expected_calibration_error")
    most, (least, largest) = max(group.count for group in bins), DOTS
    labels = [
        translate("model_pictures.bin", stated=group.stated, observed=group.observed, count=group.count)
        for group in bins
    ]
    points = [
        Point(
            group.stated, group.observed, words, least + (largest - least) * (group.count / most) ** 0.5, group.interval
        )
        for group, words in zip(bins, labels, strict=True)
    ]
    ticks = [(share, number(share, SHARE)) for share in TICKS]
    return Chart(
        title=title,
        note=translate("model_pictures.error", count=count, **error)
        if error
        else translate("model_pictures.count", count=count),
        label=translate("model_pictures.reliability_label", name=title, bins="; ".join(labels)),
        up=translate("model_pictures.observed"),
        across=translate("model_pictures.stated", fake=translate("class.Fake")),
        x_ticks=ticks,
        y_ticks=ticks,
        lines=[
            Line("middle", [Point(0, 0), Point(1, 1)], translate("model_pictures.ideal")),
            Line("own", points, translate("model_pictures.own")),
        ],
    )


def _robustness(
    conditions: Sequence[str], sets: Mapping[str, Conditions], measure: str, title: str, everything: Sequence[str]
) -> Chart:
    """One measure by level; ``everything`` are all data sets: each has the same colour in every chart."""
    places = {key: (place + 0.5) / len(conditions) for place, key in enumerate(conditions)}
    form = AREA if measure == AUC else SHARE
    lines, areas = [], []
    for dataset, figures in sets.items():
        rows = [(places[key], key, figures[key]) for key in conditions if measure in figures.get(key, {})]
        if not rows or measure not in figures[CLEAN]:
            continue
        kind, name = f"set-{everything.index(dataset)}", readable(dataset)
        points = [
            Point(place, row[measure], f"{name}, {_level(key)}: {number(row[measure], form)}")
            for place, key, row in rows
        ]
        lines.append(Line(kind, points, name))
        losses = [row.get("auc_loss") for *_, row in rows]
        if measure == AUC and all(losses):
            low, high = ([figures[CLEAN][AUC] - loss[end] for loss in losses if loss] for end in ("high", "low"))
            areas.append(Area(kind, [place for place, *_ in rows], low, high))
    lowest = min((point.y for line in lines for point in line.points), default=0.0)
    guessing = Line("middle", [Point(0, GUESSING), Point(1, GUESSING)])
    described = "; ".join(_descriptions(sets, measure))
    return Chart(
        title=title,
        label=translate("model_pictures.robustness_label", panel=title, sets=described),
        up=translate("model_pictures.auc") if measure == AUC else translate("model_pictures.accused"),
        x_ticks=[(place, _level(key)) for key, place in places.items()],
        y_ticks=[(value, number(value, form)) for value in ((0.5, 0.75, 1.0) if measure == AUC else (0.0, 0.5, 1.0))],
        lines=[*([guessing] if measure == AUC else []), *lines],
        areas=areas,
        low=min(LEAST_AUC, lowest) if measure == AUC else 0.0,
    )


def _descriptions(sets: Mapping[str, Conditions], measure: str) -> Iterator[str]:
    """Each data set's measure without corruption and at the most harmful level."""
    for name, figures in sets.items():
        if words := _worst(figures, measure, -1 if measure == AUC else 1):
            yield translate("model_pictures.set_figures", name=readable(name), figures=words)


def _worst(figures: Conditions, measure: str, sign: int) -> str:
    """A measure without corruption and its worst value (the highest for ``sign`` 1); empty if it was not measured."""
    values = {condition: row[measure] for condition, row in figures.items() if measure in row}
    if CLEAN not in values:
        return ""
    before, level = values[CLEAN], max(values, key=lambda condition: sign * values[condition])
    if values[level] == before:
        return translate(f"model_pictures.steady.{measure}", before=before)
    return translate(f"model_pictures.worst.{measure}", before=before, worst=values[level], level=_level(level))


def _level(condition: str) -> str:
    """A condition's level as displayed, for example ``50`` of ``jpeg 50``."""
    if condition == CLEAN:
        return translate("model_pictures.untouched")
    name, _, level = condition.partition(" ")
    return CORRUPTIONS[name].written(float(level))
