"""An analysis with a known answer: the network uses only the mouth, the nose and the hair."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
from numpy.typing import NDArray

from explain.report.files import PICTURES
from explain.report.origin import Origin
from explain.report.page import report_html
from explain.result import Analysis
from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from model.photos.faces import Face
from model.photos.photo import Photo

SIDE = 24
NAMES = ("hair", "nose", "mouth", "chin")  # a quarter each, from the top left to the bottom right
WEIGHTS = np.array([-0.1, 0.2, 0.4, 0.0])
SEGMENTS = np.arange(4, dtype=np.int32).reshape(2, 2).repeat(12, axis=0).repeat(12, axis=1)
CROP = np.random.RandomState(3).randint(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
FACE = Face((4, 4, SIDE, SIDE), 0.99, np.zeros((5, 2), np.float32), CROP, (4.0, 4.0, float(SIDE)))
PHOTO = Photo(np.full((40, 60, 3), 200, np.uint8), (), "ab" * 32)
CARD = Card("lite_attention", Preprocessing(128), ("Fake", "Real"), temperature=1.2, inconclusive_band=(0.31, 0.72))
ORIGIN = Origin("folder/photo.jpg", "python -m explain photo.jpg", "2026-11-03 14:05 UTC", {"lime": "0.2.0.1"})
VOID = {"meta", "img", "br", "source"}


class World:
    """P(Fake) is 0.3 + the weights of the visible regions."""

    card = CARD

    def probabilities(self, crops: NDArray[np.uint8], in_turn: bool = False) -> NDArray[np.float64]:
        same = (crops == CROP).all(axis=-1).reshape(len(crops), -1)
        visible = np.stack([same[:, SEGMENTS.ravel() == k].mean(axis=1) > 0.5 for k in range(4)], axis=1)
        fake = 0.3 + visible @ WEIGHTS
        return np.stack([fake, 1 - fake], axis=1)

    def verdict(self, p_fake: float) -> str:
        return "Inconclusive" if 0.31 < p_fake < 0.72 else "Fake" if p_fake >= 0.72 else "Real"


def page_of(analysis: Analysis, origin: Origin = ORIGIN, shown: int = 8) -> str:
    return report_html(analysis, CARD, dict.fromkeys(PICTURES, b"PNG"), shown, origin)


class Page(HTMLParser):
    """The tags of a page in order; every tag must be closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()
        assert self.open == [], "every tag that opens must close"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"


def shown(html: str) -> set[str]:
    """Every text of a page and every label that a screen reader reads."""
    body = html[html.index("<body>") :]
    labels = re.findall(r'(?:alt|aria-label|data-label)="([^"]*)"', body)
    return {words.strip() for words in (*re.split(r"<[^>]*>", body), *labels)}
