"""Changes of the page as plain data, by the name of the component."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from explain.html import fragments


class Change(dict[str, Any]):
    """Changed properties of a component, such as ``visible``; the others stay as they are."""

    def __init__(self, **properties: Any) -> None:
        super().__init__(properties)


Controls = Mapping[str, Any]  # values of the page's controls by name
Updates = dict[str, Any]  # by the component's name: its new value, or a ``Change``


def merged(first: Updates, second: Updates) -> Updates:
    """Both updates; a component that both change gets the properties of both."""
    both = {**first, **second}
    for name in first.keys() & second.keys():
        if isinstance(first[name], Change) and isinstance(second[name], Change):
            both[name] = Change(**{**first[name], **second[name]})
    return both


def visible(on: bool) -> Change:
    """Show or hide a component."""
    return Change(visible=on)


def sent_as(name: str, content: bytes) -> Iterator[Updates]:
    """Send a file of this name; the server's copy is deleted afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        yield {"ready": str(path)}


def notice(sentence: str, kind: str = "note") -> Change:
    """A boxed sentence; makes its component visible."""
    return Change(value=fragments.notice(sentence, kind), visible=True)
