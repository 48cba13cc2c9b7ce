"""Charts as inline SVG, in the font and the colours of the page around them."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from explain.drawing.chart import Chart, legend
from explain.html.rendering import macros


def charts_html(drawn: Sequence[Chart]) -> Markup:
    """Charts beside each other, under one legend; empty without charts."""
    return macros("charts").charts(drawn, legend(drawn)) if drawn else Markup()
