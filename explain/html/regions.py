"""What is read of a map where one points at it: each region's name, weight and interval, as text and as a table."""

from __future__ import annotations

import json
from html import escape

import numpy as np
from numpy.typing import NDArray

from explain.analysis import Analysis
from explain.drawing import palette
from explain.maps.attribution import Attribution
from explain.wording.regions import region_label, region_line
from model.i18n.catalogue import number, say


def pointed_at(analysis: Analysis) -> str:
    """For every map with regions or cells: which one each place of its picture belongs to, and what it says.

    Returns:
        HTML that shows nothing; ``page.js`` reads from it what to say of the place under the pointer.
    """
    data: dict[str, dict[str, object]] = {}
    for name, found in analysis.attributions.items():
        if found.weights is not None and found.segments is not None:
            lines = [region_line(found, region) for region in range(len(found.weights))]
            data[name] = {"labels": _label_picture(found.segments), "lines": lines}
        elif name == "attention":
            data[name] = _cells(found)
    return f'<div hidden class="regions-data" data-regions="{escape(json.dumps(data, ensure_ascii=False))}"></div>'


def _cells(found: Attribution) -> dict[str, object]:
    """The attention mask's cells: its map is larger, each cell a block of equal size."""
    rows, columns = found.native_shape
    side = found.map.shape[0]
    centres_down, centres_across = (((np.arange(count) + 0.5) * side / count).astype(int) for count in (rows, columns))
    values = found.map[np.ix_(centres_down, centres_across)]
    lines = [
        say("page.cell_line", row=row + 1, column=column + 1, value=float(values[row, column]))
        for row in range(rows)
        for column in range(columns)
    ]
    return {"labels": _label_picture(np.arange(rows * columns).reshape(rows, columns)), "lines": lines}


def _label_picture(labels: NDArray[np.integer]) -> str:
    """Labels ``(H, W)`` as a PNG in a data URL: the low byte in red, the high byte in green."""
    coded = np.zeros((*labels.shape, 3), np.uint8)
    coded[..., 0], coded[..., 1] = labels & 255, labels >> 8
    return palette.data_url(palette.png(coded))


def regions_table(found: Attribution | None) -> str:
    """Every region of a map with its weight and interval, strongest first, for those who read rather than look."""
    if found is None or found.weights is None:
        return ""
    rows = ""
    for region in np.argsort(-np.abs(found.weights), kind="stable"):
        cells = [number(float(found.weights[region]), "+.3f")]
        if found.intervals is not None:
            low, high = (number(float(bound), "+.3f") for bound in found.intervals[region])
            cells.append(f"{low} … {high}")
        rows += f'<tr><th scope="row">{escape(region_label(found, int(region)))}</th>' + "".join(
            f'<td data-label="{title}"><span>{cell}</span></td>'
            for title, cell in zip(_titles(found)[1:], cells, strict=False)
        )
        rows += "</tr>"
    head = "".join(f'<th scope="col">{title}</th>' for title in _titles(found))
    return (
        f"<details><summary>{say('page.all_regions')}</summary>"
        f'<div class="table" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _titles(found: Attribution) -> list[str]:
    titles = [say("page.region"), say("page.weight", target=say(f"class.{found.target}"))]
    return [escape(title) for title in (*titles, *([say("page.interval")] if found.intervals is not None else []))]
