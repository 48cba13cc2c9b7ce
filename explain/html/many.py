"""The table of many photos; a row is a button that opens its photo."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from explain.batch.judge import Row
from explain.batch.table import columns, table
from explain.html.rendering import macros

MOST_PICTURES = 60  # rows with a picture: the table is sent again and again while it grows


def photos_table(rows: Sequence[Row]) -> Markup:
    """The rows, most suspicious first, those without a verdict last; empty without rows. The first ones have pictures.

    Each row's ``data-choice`` is its number; ``page.js`` filters the rows.
    """
    if not rows:
        return Markup()
    order: list[Row] = sorted(rows, key=lambda row: -1 if row.p_fake is None else row.p_fake, reverse=True)
    pictures = [row.thumbnail for row in order[:MOST_PICTURES]] + [b""] * len(order[MOST_PICTURES:])
    photo = macros("many").photo
    cells = [
        [number, photo(name, picture), *others]
        for (number, name, *others), picture in zip(table(order), pictures, strict=True)
    ]
    attributes = [{"data-choice": row.number, "class": (row.verdict or "none").lower()} for row in order]
    return macros("many").photos(columns(), cells, attributes)
