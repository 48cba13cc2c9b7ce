"""Sends photos, and checks the form of refusals."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from httpx import Response
from starlette.testclient import TestClient

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"
ASTRONAUT, CAT = EXAMPLES / "astronaut.jpg", EXAMPLES / "cat.jpg"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
QUICK = {"methods": "attention"}
PATHS = re.compile(r"(/tmp|/work|/home|/root|\.py\b|Traceback)")


def send(
    client: TestClient, photo: Path | bytes = ASTRONAUT, headers: dict[str, str] | None = None, **fields: Any
) -> Response:
    """Post a photo as an HTML form does."""
    content = photo if isinstance(photo, bytes) else photo.read_bytes()
    return client.post("/deepfake", files={"file": ("me.jpg", content)}, data=QUICK | fields, headers=headers or {})


def refusal(answer: Response, status: int) -> str:
    """The sentence of a refusal in JSON, after a check that it contains no path and no traceback."""
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    sentence = answer.json()["error"]
    assert sentence.endswith(".") and len(sentence.split()) >= 5
    assert not PATHS.search(sentence)
    return sentence


class Addresses(HTMLParser):
    """Collects the addresses that a page loads or links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [str(value) for name, value in attributes if name in ("src", "href", "action")]
        assert tag not in ("script", "link", "iframe")
