"""The example photos: what they show, and where the fakes among them were changed."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.artifact.card import digest
from model.i18n.catalogue import translate
from model.paths import EXAMPLES
from model.photos.faces import Face, crop
from model.photos.photo import open_photo


@dataclass(frozen=True)
class Example:
    """One example photo.

    Attributes:
        path: the picture.
        licence: its author and terms.
        mask: for a fake, a picture that is white where it was changed.
        original: for a fake, the photo before the change.
        has_face: whether it shows a person.
    """

    path: Path
    licence: str
    mask: Path | None
    original: Path | None
    has_face: bool

    @property
    def title(self) -> str:
        """What it shows, in a few words of the current language."""
        return translate(f"example.{self.path.stem}")


@cache
def examples() -> tuple[Example, ...]:
    """The examples in the order in which the page offers them, from ``examples/examples.json``."""
    entries = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    return tuple(_example(entry) for entry in entries)


def _example(entry: dict[str, Any]) -> Example:
    planted = entry.get("planted", {})
    mask, original = (EXAMPLES / planted[part] if planted else None for part in ("mask", "original"))
    return Example(EXAMPLES / entry["file"], entry["licence"], mask, original, entry["has_face"])


@cache
def _by_digest() -> dict[str, Example]:
    return {digest(example.path): example for example in examples()}


def example_of(photo_sha256: str) -> Example | None:
    """The example with this digest; None for any other photo."""
    return _by_digest().get(photo_sha256)


def planted_region(example: Example | None) -> NDArray[np.uint8] | None:
    """Where one of our fakes was changed, ``(H, W) uint8`` 0 or 255 in photo pixels; None for any other photo."""
    if example is None or example.mask is None:
        return None
    return np.ascontiguousarray(open_photo(example.mask).pixels[..., 0])


def planted_in(photo_sha256: str, face: Face | None) -> NDArray[np.uint8] | None:
    """Where the crop of a face was changed, ``(S, S) uint8`` 0 to 255; None without a face, or if it is unknown."""
    region = None if face is None else planted_region(example_of(photo_sha256))
    return None if region is None or face is None else crop(region, face.square, len(face.crop))


def original_in(photo_sha256: str, face: Face | None) -> NDArray[np.uint8] | None:
    """A changed example's face before the change, ``(S, S, 3) uint8`` RGB; None for any other photo."""
    example = example_of(photo_sha256)
    if face is None or example is None or example.original is None:
        return None
    return crop(open_photo(example.original).pixels, face.square, len(face.crop))
