"""Charts of a bulk job: how P(Fake) and the number of faces are distributed over the photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from explain.drawing.chart import Area, Chart, Line, Point
from model.i18n.catalogue import number, translate


def histogram_chart(counts: Sequence[int], band: tuple[float, float]) -> Chart:
    """Number of photos by P(Fake), in equal steps from 0 to 1; the inconclusive band lies behind."""
    steps = len(counts)
    labels = [
        translate("bulk.bin", low=place / steps, high=(place + 1) / steps, count=count)
        for place, count in enumerate(counts)
    ]
    ticks = [(share, number(share, ".0%")) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    chart = _bars(translate("bulk.histogram"), counts, labels, ticks)
    name = translate("robustness.legend.band", low=band[0], high=band[1])
    behind = Area("band", band, (0, 0), (chart.high, chart.high), name)
    return replace(chart, areas=[behind, *chart.areas])


def faces_chart(counts: Sequence[int]) -> Chart:
    """Number of photos by number of faces; the last bar also counts photos with more."""
    last = len(counts) - 1
    names = [number(faces, ",") + ("+" if faces == last else "") for faces in range(len(counts))]
    labels = [translate("bulk.faces_bar", faces=name, count=count) for name, count in zip(names, counts, strict=True)]
    ticks = [((place + 0.5) / len(counts), name) for place, name in enumerate(names)]
    return _bars(translate("bulk.faces"), counts, labels, ticks)


def _bars(title: str, counts: Sequence[int], labels: Sequence[str], ticks: list[tuple[float, str]]) -> Chart:
    """A bar for each count; its number is shown while the pointer is on its top."""
    top = max(*counts, 1)
    edges = [place / len(counts) for place in range(len(counts) + 1)]
    x = [edge for place in range(len(counts)) for edge in (edges[place], edges[place + 1])]
    heights = [float(count) for count in counts for _ in range(2)]
    tops = [Point((edges[place] + edges[place + 1]) / 2, count, labels[place]) for place, count in enumerate(counts)]
    return Chart(
        title=title,
        label=f"{title}. {'; '.join(labels)}.",
        up=translate("bulk.photos"),
        x_ticks=ticks,
        y_ticks=[(value, number(value, ",")) for value in sorted({0, top // 2, top})],
        lines=[Line("own", tops, joined=False)],
        areas=[Area("own", x, [0.0] * len(x), heights)],
        high=float(top),
    )
