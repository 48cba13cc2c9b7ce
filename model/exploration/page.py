"""Writes the findings about a data folder as one HTML page, with interactive plots that need no network."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas
import plotly.graph_objects as go
from markupsafe import Markup
from numpy.typing import NDArray
from plotly.colors import hex_to_rgb
from plotly.offline import get_plotlyjs

from model.data.duplicates import Group
from model.data.layout import Example
from model.data.reading import read_rgb
from model.evaluation.reports import FAKE, LINE, QUIET, REAL
from model.exploration.plots import CHANNELS, COLOURS, bin_edges, class_counts, thumbnail
from model.exploration.shortcuts import ALARM, FEATURES, Feature, Finding
from model.html.environment import environment

DOTS = 1500  # pictures of each class in the scatter plot
GROUPS = 12  # groups of duplicates that are shown
PER_GROUP = 5  # pictures shown of each group
FONT = "system-ui, -apple-system, Segoe UI, Roboto, sans-serif"


@dataclass(frozen=True)
class Findings:
    """The content of the page.

    Attributes:
        title: heading of the page.
        about: a line of context below the heading.
        table: result of ``feature_table``.
        histograms: mean histogram ``(3, BINS)`` by data set and label.
        shortcuts: findings for the features of all data sets.
        sentences: the most important findings; those that begin with WARNING, LEAK or LABELS are alarms.
        groups: groups of duplicates.
        sheets: PNG files of ``model.exploration.plots.sample_sheet``, by data set.
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
    """Write the page as one file that contains all plots and pictures and opens from disk."""
    members = found.table.groupby("dataset")
    values = {
        "title": found.title,
        "about": found.about,
        "font": FONT,
        "real": REAL,
        "fake": FAKE,
        "plotly": Markup(get_plotlyjs()),
        "sentences": [_split_alarm(sentence) for sentence in found.sentences],
        "class_bars": _plot(_class_bars(found.table)),
        "datasets": [_dataset(str(name), pictures, found) for name, pictures in members],
        "groups": _duplicates(root, examples, found.groups[:GROUPS]),
        "groups_left": len(found.groups) - GROUPS,
    }
    path.write_text(environment().get_template("exploration.html").render(values), "utf-8")


def _dataset(name: str, members: pandas.DataFrame, found: Findings) -> dict[str, Any]:
    shortcuts = [finding for finding in found.shortcuts if finding.dataset == name]
    columns = [finding.column for finding in shortcuts if finding.column in FEATURES] or list(FEATURES)
    labels, medians = _medians(members)
    return {
        "name": name,
        "shortcuts": _plot(_auc_dots(shortcuts)) if shortcuts else "",
        "spread": _plot(_feature_spread(members, columns)),
        "histogram": _plot(_channel_lines(name, found.histograms)),
        "scatter": _plot(_scatter(members)),
        "labels": ["", *labels],
        "medians": medians,
        "sheets": [_picture(read_rgb(sheet), sheet.stem) for sheet in found.sheets.get(name, ())],
    }


def _split_alarm(sentence: str) -> tuple[str, str]:
    """Split a sentence into the word that marks an alarm and the rest; the word is empty if it is no alarm."""
    first, _, rest = sentence.partition(" ")
    return (first, rest) if first.rstrip(":") in {"WARNING", "LEAK", "LABELS"} else ("", sentence)


def _picture(pixels: NDArray[np.uint8], name: str, place: str = "") -> dict[str, str]:
    """A picture ``(H, W, 3) uint8`` RGB as JPEG in base 64; with PNG the page would be four times as large."""
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
    return {"name": name, "place": place, "jpeg": base64.b64encode(jpeg.tobytes()).decode()}


def _plot(figure: go.Figure) -> Markup:
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
    return Markup(figure.to_html(full_html=False, include_plotlyjs=False, config=config))


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
    """Histograms in percent of each class, with a menu to choose the feature.

    They are computed here and not by Plotly, so that the page contains the counts and not all values.
    """
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


def _medians(members: pandas.DataFrame) -> tuple[list[str], list[list[str]]]:
    """The labels, and a row per feature: its name and the median of each label."""
    medians = members.groupby("label")[list(FEATURES)].median()
    labels = [label for label in COLOURS if label in medians.index]
    rows = [
        [_axis(feature.name, feature.unit), *(_number(medians.loc[label, column]) for label in labels)]
        for column, feature in FEATURES.items()
        if medians[column].notna().any()
    ]
    return labels, rows


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _duplicates(root: Path, examples: Sequence[Example], groups: Sequence[Group]) -> list[list[dict[str, str]]]:
    """The first pictures of each group."""
    place_of = {example.path: f"{example.split or 'not split'}, {example.label}" for example in examples}
    return [
        [_picture(thumbnail(read_rgb(root / path)), path, place_of[path]) for path in group.paths[:PER_GROUP]]
        for group in groups
    ]
