"""Each region's name, weight and interval: as data for the pointer, and as a table."""

from __future__ import annotations

import json

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from explain.drawing import palette
from explain.html.rendering import macros
from explain.maps.attribution import Attribution, reasons, shown_regions
from explain.maps.registry import METHODS
from explain.result import Analysis
from explain.wording.regions import region_label, region_line, shown_name
from model.i18n.catalogue import number, translate

RANKED = 5  # regions in the list beside the picture


def pointed_at(analysis: Analysis) -> Markup:
    """For every map with regions or cells: the region of each place of its picture, and a line of text for each region.

    Returns:
        Invisible HTML; ``page.js`` reads it to describe the place under the pointer.
    """
    data: dict[str, dict[str, object]] = {}
    for name, found in analysis.attributions.items():
        if found.weights is not None and found.segments is not None:
            lines = [region_line(found, region) for region in range(len(found.weights))]
            data[name] = {"labels": _label_picture(found.segments), "lines": lines}
        elif METHODS[name].drawn_as == "heat":
            data[name] = _cells(found)
    return macros("regions").pointed_at(json.dumps(data, ensure_ascii=False))


def _cells(found: Attribution) -> dict[str, object]:
    """The attention mask's cells: its map is larger, each cell a block of equal size."""
    rows, columns = found.native_shape
    side = found.map.shape[0]
    centres_down, centres_across = (((np.arange(count) + 0.5) * side / count).astype(int) for count in (rows, columns))
    values = found.map[np.ix_(centres_down, centres_across)]
    lines = [
        translate("page.cell_line", row=row + 1, column=column + 1, value=float(values[row, column]))
        for row in range(rows)
        for column in range(columns)
    ]
    return {"labels": _label_picture(np.arange(rows * columns).reshape(rows, columns)), "lines": lines}


def _label_picture(labels: NDArray[np.integer]) -> str:
    """Labels ``(H, W)`` as a PNG in a data URL: the low byte in red, the high byte in green."""
    coded = np.zeros((*labels.shape, 3), np.uint8)
    coded[..., 0], coded[..., 1] = labels & 255, labels >> 8
    return palette.data_url(palette.png(coded))


def ranked(found: Attribution | None) -> Markup:
    """The strongest regions of a map as a list of buttons with bars and intervals; ``page.js`` links it to the picture.

    The regions with a number on the picture come first, then the strongest of the others, for or against the target.
    Each button's ``data-region`` is the region's number; choosing one hides that region.
    """
    if found is None or found.weights is None or found.unmoved:
        return Markup()
    order = shown_regions(found, RANKED)
    scale = max([float(abs(found.weights[order]).max()), *map(float, _widest(found, order))]) if order else 1.0
    numbers = {region: place for place, region in enumerate(reasons(found), start=1)}
    rows = [_bar(found, region, numbers.get(region), scale) for region in order]
    return macros("regions").ranked(rows, translate(f"class.{found.target}"))


def _widest(found: Attribution, order: list[int]) -> NDArray[np.floating]:
    return np.zeros(1) if found.intervals is None else np.abs(found.intervals[order]).max(axis=1)


def _bar(found: Attribution, region: int, place: int | None, scale: float) -> dict[str, object]:
    """What a row shows; lengths are shares of the longest bar or interval."""
    assert found.weights is not None
    weight = float(found.weights[region])
    low, high = (weight, weight) if found.intervals is None else map(float, found.intervals[region])
    ends = sorted((abs(low), abs(high))) if low * high > 0 else [0.0, max(abs(low), abs(high))]
    return {
        "region": region,
        "number": place,
        "name": region_label(found, region) if found.names is None else shown_name(found.names[region]),
        "supports": weight > 0,
        "length": abs(weight) / scale,
        "start": ends[0] / scale,
        "end": ends[1] / scale,
        "line": region_line(found, region),
    }


def regions_table(found: Attribution | None) -> Markup:
    """Every region of a map with its weight and interval, strongest first."""
    if found is None or found.weights is None:
        return Markup()
    titles = [translate("page.region"), translate("page.weight", target=translate(f"class.{found.target}"))]
    if found.intervals is not None:
        titles.append(translate("page.interval"))
    strongest_first = np.argsort(-np.abs(found.weights), kind="stable")
    return macros("regions").regions(titles, [_row(found, int(region)) for region in strongest_first])


def _row(found: Attribution, region: int) -> list[str]:
    assert found.weights is not None
    row = [region_label(found, region), number(float(found.weights[region]), "+.3f")]
    if found.intervals is not None:
        low, high = (number(float(bound), "+.3f") for bound in found.intervals[region])
        row.append(f"{low} … {high}")
    return row
