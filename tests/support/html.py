"""Reads the words of an HTML fragment, and checks that its tags are closed."""

from __future__ import annotations

from html.parser import HTMLParser

VOID_TAGS = {"br", "img", "input"}


class Reader(HTMLParser):
    """Collects the text of a fragment, and checks that every tag is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.words = ""
        self.labels = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.labels += "".join(f" {value}" for name, value in attrs if name in ("aria-label", "data-label", "alt"))
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.words += data


def read(fragment: str) -> Reader:
    """Read a whole fragment, and check that every tag is closed."""
    reader = Reader()
    reader.feed(str(fragment))  # with a Markup object the parser would escape the collected text
    reader.close()
    assert not reader.open, f"never closed: {reader.open}"
    return reader


def text(fragment: str) -> str:
    """The words of a fragment."""
    return read(fragment).words
