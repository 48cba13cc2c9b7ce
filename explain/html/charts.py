"""Charts as inline SVG, in the font and the colours of the page around them."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from explain.drawing.chart import Chart, legend
from explain.html.rendering import macros


def charts_html(drawn: Sequence[Chart], kind: str | None = None) -> Markup:
    """Charts beside each other, or a ``wide`` one, under one legend; empty without charts."""
    return macros("charts").charts(drawn, legend(drawn), kind) if drawn else Markup()
