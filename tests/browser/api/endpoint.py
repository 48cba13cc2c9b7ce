"""Calls of the endpoint ``/analyze`` by a client program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gradio_client import Client, handle_file

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
ASTRONAUT, CAT = EXAMPLES / "astronaut.jpg", EXAMPLES / "cat.jpg"
LIKELIER = "likelier"
QUICK = {
    **{"target": LIKELIER, "superpixels": 20, "samples": 100, "shown": 8, "smooth": False, "whole": False},
    **{"model": "lite_attention", "further": [], "trust": False, "flip": False, "segmentation": "slic", "hide": "mean"},
    **{"language": "en", "second": ""},
}
Answer = tuple[dict[str, Any], str, str, list[dict[str, Any]]]


def analyze(client: Client, photo: Path | None = ASTRONAUT, **changes: Any) -> Answer:
    """The complete answer: JSON, the paths of the LIME and the attention picture, and the further maps."""
    file = None if photo is None else handle_file(photo)
    return client.predict(file, **QUICK | changes, api_name="/analyze")
