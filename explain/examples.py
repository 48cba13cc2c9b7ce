"""The example photos: what they show, and where the fakes among them were changed."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.i18n.catalogue import say
from model.paths import EXAMPLES
from model.photos.photo import open_photo


@dataclass(frozen=True)
class Example:
    """One example photo.

    Attributes:
        path: the picture.
        licence: who made it and under which terms it is shipped.
        mask: for a fake, a picture that is white where it was changed.
        has_face: whether it shows a person at all.
    """

    path: Path
    licence: str
    mask: Path | None
    has_face: bool

    @property
    def title(self) -> str:
        """What it shows, in a few words of the language spoken now."""
        return say(f"example.{self.path.stem}")


@cache
def examples() -> tuple[Example, ...]:
    """The examples in the order in which the page offers them, from ``examples/examples.json``."""
    entries = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    return tuple(
        Example(
            EXAMPLES / entry["file"],
            entry["licence"],
            EXAMPLES / entry["planted"]["mask"] if "planted" in entry else None,
            entry["has_face"],
        )
        for entry in entries
    )


@cache
def _by_digest() -> dict[str, Example]:
    return {open_photo(example.path).sha256: example for example in examples()}


def example_of(photo_sha256: str) -> Example | None:
    """The example that a photo is, or None for any other photo."""
    return _by_digest().get(photo_sha256)


def planted_region(example: Example | None) -> NDArray[np.uint8] | None:
    """Where one of our fakes was changed, ``(H, W) uint8`` 0 or 255 in photo pixels; None for any other photo."""
    if example is None or example.mask is None:
        return None
    return np.ascontiguousarray(open_photo(example.mask).pixels[..., 0])
