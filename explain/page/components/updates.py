"""Changes of the page as plain data, by the name of the part that changes."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.drawing import palette
from explain.html import fragments


class Change(dict[str, Any]):
    """Properties of a part of the page that change, such as ``visible``; what is not named stays as it is."""

    def __init__(self, **properties: Any) -> None:
        super().__init__(properties)


Asked = Mapping[str, Any]  # what the page's controls hold, by their names
Updates = dict[str, Any]  # by the name of the part: its new value, or a ``Change``


def visible(on: bool) -> Change:
    """Show a part or hide it."""
    return Change(visible=on)


def notice(sentence: str, kind: str = "note") -> Change:
    """A boxed sentence that shows itself."""
    return Change(value=fragments.notice(sentence, kind), visible=True)


def inline_picture(picture: NDArray[np.uint8], told: str) -> str:
    """A picture inside HTML, for parts that start closed: an image component stays empty in them."""
    return f'<img class="curves" alt="{escape(told)}" src="{palette.data_url(palette.png(picture))}">'
