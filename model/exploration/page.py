"""Puts what was found out about a data folder on one HTML page, with interactive plots that need no network."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np
import pandas
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import hex_to_rgb
from plotly.offline import get_plotlyjs

from model.data.duplicates import Group
from model.data.layout import Example
from model.data.reading import read_rgb
from model.evaluation.reports import FAKE, LINE, QUIET, REAL
from model.exploration.plots import CHANNELS, COLOURS, bin_edges, class_counts, thumbnail
from model.exploration.shortcuts import ALARM, FEATURES, Feature, Finding

DOTS = 1500  # pictures of each class in the scatter plot
GROUPS = 12  # of duplicates that are shown
PER_GROUP = 5
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
STYLE = f"""
:root {{ color-scheme: light; }}
body {{ font: 16px/1.55 {FONT}; color: #222; background: #f6f7f9; margin: 0; }}
main {{ max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }}
h1 {{ font-size: 30px; margin: 0 0 4px; }}
h2 {{ font-size: 23px; margin: 44px 0 12px; }}
h3 {{ font-size: 17px; margin: 0 0 8px; }}
.quiet {{ color: #5d6470; }}
.card {{ background: #fff; border: 1px solid #e2e5ea; border-radius: 10px; padding: 18px 20px; margin: 14px 0; }}
.card img {{ max-width: 100%; height: auto; display: block; }}
.note {{ border-left: 5px solid {REAL}; }}
.warning {{ border-left: 5px solid {FAKE}; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14.5px; }}
th, td {{ text-align: right; padding: 5px 10px; border-bottom: 1px solid #edeff2; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; }}
.group {{ display: flex; gap: 14px; overflow-x: auto; padding: 10px 0; border-bottom: 1px solid #edeff2; }}
figure {{ margin: 0; width: 132px; flex: none; }}
figcaption {{ font-size: 12px; color: #5d6470; overflow-wrap: anywhere; line-height: 1.35; }}
"""
YARDSTICK = (
    '<p class="quiet">How well one number that knows nothing of faces separates Real from Fake, with a 95 % interval: '
    ".5 is chance, 1 tells every picture. In the shaded part a network would learn it instead of the forgery. "
    "Point at a dot to read more.</p>"
)
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="data:,"><style>{style}</style><script>{plotly}</script></head>
<body><main><h1>{title}</h1>{body}</main></body></html>
"""


@dataclass(frozen=True)
class Findings:
    """All that the page tells.

    Attributes:
        title: its heading.
        about: a line of context below it.
        table: what ``feature_table`` returned.
        histograms: mean histogram ``(3, BINS)`` by data set and label.
        shortcuts: every feature of every set.
        sentences: what to know first; those that begin with WARNING, LEAK or LABELS are alarms.
        groups: of duplicates.
        sheets: PNG files made by ``explore_plots`` to show for each data set.
    """

    title: str
    about: str
    table: pandas.DataFrame
    histograms: Mapping[tuple[str, str], NDArray[np.float64]]
    shortcuts: Sequence[Finding]
    sentences: Sequence[str]
    groups: Sequence[Group]
    sheets: Mapping[str, Sequence[Path]]


def write_page(root: Path, examples: Sequence[Example], found: Findings, path: Path) -> None:
    """Write the page: one file that opens from the disk, plots and pictures included."""
    parts = [f'<p class="quiet">{escape(found.about)}</p>', *map(_sentence, found.sentences)]
    parts.append(_card("Pictures", _plot(_class_bars(found.table))))
    for dataset, members in found.table.groupby("dataset"):
        parts.append(_section(str(dataset), members, found))
    if found.groups:
        parts.append("<h2>Pictures that show the same</h2>" + _card("", _duplicates(root, examples, found.groups)))
    body = "".join(parts)
    path.write_text(PAGE.format(title=escape(found.title), style=STYLE, plotly=get_plotlyjs(), body=body), "utf-8")


def _section(dataset: str, members: pandas.DataFrame, found: Findings) -> str:
    shortcuts = [finding for finding in found.shortcuts if finding.dataset == dataset]
    cards = [f"<h2>{escape(dataset)}</h2>"]
    if shortcuts:
        cards.append(_card("What tells the classes apart without looking", YARDSTICK + _plot(_auc_dots(shortcuts))))
    columns = [finding.column for finding in shortcuts if finding.column in FEATURES] or list(FEATURES)
    cards.append(_card("How each feature spreads", _plot(_feature_spread(members, columns))))
    cards.append(_card("Mean histogram of each channel", _plot(_channel_lines(dataset, found.histograms))))
    cards.append(_card("Picture by picture", _plot(_scatter(members))))
    cards.append(_card("Medians", _medians(members)))
    cards.extend(_card("", _image(read_rgb(sheet), sheet.stem)) for sheet in found.sheets.get(dataset, ()))
    return "".join(cards)


def _sentence(text: str) -> str:
    alarming = text.split(" ", 1)[0].rstrip(":") in {"WARNING", "LEAK", "LABELS"}
    first, rest = text.split(" ", 1) if alarming else ("", text)
    head = f"<strong>{escape(first)}</strong> " if alarming else ""
    return f'<div class="card {"warning" if alarming else "note"}">{head}{escape(rest)}</div>'


def _card(heading: str, content: str) -> str:
    return f'<div class="card">{f"<h3>{escape(heading)}</h3>" if heading else ""}{content}</div>'


def _image(pixels: NDArray[np.uint8], name: str) -> str:
    """A picture ``(H, W, 3) uint8`` RGB within the page, as JPEG: a page of PNGs would be four times as large."""
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
    return f'<img alt="{escape(name)}" src="data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}">'


def _plot(figure: go.Figure) -> str:
    figure.update_layout(
        template="plotly_white",
        font={"family": FONT, "size": 13, "color": "#333"},
        margin={"l": 10, "r": 20, "t": figure.layout.margin.t or 44, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        hoverlabel={"bgcolor": "white"},
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    config = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["lasso2d", "select2d"]}
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=config))


def _class_bars(table: pandas.DataFrame) -> go.Figure:
    counts = class_counts(table)
    places = list(counts["place"].unique())
    figure = go.Figure()
    for label, colour in COLOURS.items():
        mine = counts[counts["label"] == label]
        figure.add_bar(y=mine["place"].tolist(), x=mine["pictures"].tolist(), name=label, orientation="h",
                       marker_color=colour, text=[f"{number:,}" for number in mine["pictures"]],
                       textposition="outside", cliponaxis=False)  # fmt: skip
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=places)
    figure.update_layout(barmode="group", height=120 + 52 * len(places), xaxis_title="pictures")
    return figure


def _auc_dots(shortcuts: Sequence[Finding]) -> go.Figure:
    figure = go.Figure()
    for alarming, name, colour in ((True, "shortcut", FAKE), (False, "below the line", LINE)):
        some = [finding for finding in shortcuts if finding.alarming == alarming]
        values = [finding.estimate.value for finding in some]
        figure.add_scatter(
            x=values, y=[finding.feature.name for finding in some], mode="markers", name=name, showlegend=bool(some),
            marker={"color": colour, "size": 11}, hovertemplate="%{customdata}<extra></extra>",
            customdata=["<br>".join(_wrapped(finding.sentence)) for finding in some],
            error_x={"type": "data", "symmetric": False, "color": colour, "thickness": 1.5, "width": 0,
                     "array": [finding.estimate.high - finding.estimate.value for finding in some],
                     "arrayminus": [finding.estimate.value - finding.estimate.low for finding in some]},
        )  # fmt: skip
    figure.add_vline(0.5, line_dash="dash", line_color=QUIET, line_width=1)
    figure.add_vrect(ALARM, 1.01, fillcolor=FAKE, opacity=0.07, line_width=0)
    order = [finding.feature.name for finding in shortcuts]
    figure.update_yaxes(categoryorder="array", categoryarray=order[::-1])
    figure.update_layout(height=110 + 30 * len(order), xaxis_title="AUC",
                         xaxis_range=[0.45, 1.01])  # fmt: skip
    return figure


def _wrapped(text: str, width: int = 80) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [escape(line) for line in lines]


def _feature_spread(members: pandas.DataFrame, columns: Sequence[str]) -> go.Figure:
    """Steps in percent of each class, with a menu to choose the feature; counted here, so that the page stays small."""
    figure = go.Figure()
    shown: list[Feature] = []
    for column in columns:
        values = members[column].to_numpy(float)
        finite = values[np.isfinite(values)]
        if not len(finite):
            continue
        edges = bin_edges(finite)
        for label, colour in COLOURS.items():
            mine = values[(members["label"] == label).to_numpy() & np.isfinite(values)]
            shares = 100 * np.histogram(np.clip(mine, edges[0], edges[-1]), edges)[0] / max(1, len(mine))
            figure.add_scatter(
                x=((edges[:-1] + edges[1:]) / 2).round(4).tolist(), y=shares.round(3).tolist(),
                name=label, mode="lines", line={"color": colour, "width": 2, "shape": "hvh"}, fill="tozeroy",
                fillcolor=f"rgba{(*hex_to_rgb(colour), 0.2)}", visible=not shown,
                hovertemplate="%{x}: %{y:.1f} %<extra>" + label + "</extra>",
            )  # fmt: skip
        shown.append(FEATURES[column])
    buttons = [
        {
            "label": feature.name,
            "method": "update",
            "args": [
                {"visible": [place == row // len(COLOURS) for row in range(len(shown) * len(COLOURS))]},
                {"xaxis.title.text": _axis(feature.name, feature.unit)},
            ],
        }
        for place, feature in enumerate(shown)
    ]
    menu = {"buttons": buttons, "x": 0, "xanchor": "left", "y": 1.12, "yanchor": "bottom", "bgcolor": "white"}
    figure.update_layout(height=440, updatemenus=[menu], yaxis_title="% of the class", margin_t=96)
    figure.update_xaxes(title_text=_axis(shown[0].name, shown[0].unit))
    return figure


def _axis(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def _channel_lines(dataset: str, histograms: Mapping[tuple[str, str], NDArray[np.float64]]) -> go.Figure:
    figure = go.Figure()
    for row, channel in enumerate(CHANNELS):
        for label, colour in COLOURS.items():
            if (dataset, label) in histograms:
                shares = histograms[dataset, label][row]
                values = (np.arange(len(shares)) + 0.5) * 256 / len(shares)
                figure.add_scatter(
                    x=values.tolist(), y=(100 * shares).round(4).tolist(), mode="lines", name=f"{channel}, {label}",
                    line={"color": colour, "width": 2, "dash": ("solid", "dash", "dot")[row]},
                )  # fmt: skip
    figure.update_layout(height=380, xaxis_title="value, 0 to 255", yaxis_title="% of the pixels")
    return figure


def _scatter(members: pandas.DataFrame) -> go.Figure:
    figure = go.Figure()
    for label, colour in COLOURS.items():
        some = members[members["label"] == label]
        some = some.sample(min(DOTS, len(some)), random_state=0)
        figure.add_scattergl(
            x=some["sharpness"].tolist(), y=some["bytes_per_pixel"].tolist(), mode="markers", name=label,
            marker={"color": colour, "size": 5, "opacity": 0.55}, text=[escape(path) for path in some.index],
            hovertemplate="%{text}<br>sharpness %{x:.1f}, %{y:.3f} bytes per pixel<extra></extra>",
        )  # fmt: skip
    return figure.update_layout(height=460, xaxis_title="sharpness", yaxis_title="bytes per pixel")


def _medians(members: pandas.DataFrame) -> str:
    medians = members.groupby("label")[list(FEATURES)].median()
    labels = [label for label in COLOURS if label in medians.index]
    head = "".join(f"<th>{label}</th>" for label in labels)
    rows = "".join(
        f"<tr><td>{escape(_axis(feature.name, feature.unit))}</td>"
        + "".join(f"<td>{_number(medians.loc[label, column])}</td>" for label in labels)
        + "</tr>"
        for column, feature in FEATURES.items()
        if medians[column].notna().any()
    )
    return f'<div class="scroll"><table><tr><th></th>{head}</tr>{rows}</table></div>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _duplicates(root: Path, examples: Sequence[Example], groups: Sequence[Group]) -> str:
    example_of = {example.path: example for example in examples}
    rows = []
    for group in groups[:GROUPS]:
        cells = []
        for path in group.paths[:PER_GROUP]:
            example = example_of[path]
            picture = _image(thumbnail(read_rgb(root / path)), path)
            place = f"{example.split or 'not split'}, {example.label}"
            cells.append(f"<figure>{picture}<figcaption>{escape(place)}<br>{escape(path)}</figcaption></figure>")
        rows.append(f'<div class="group">{"".join(cells)}</div>')
    left = len(groups) - GROUPS
    more = f'<p class="quiet">and {left} more groups in duplicates.csv</p>' if left > 0 else ""
    return "".join(rows) + more
