"""Pixel sizes in which image generators usually make pictures."""

from __future__ import annotations

from collections.abc import Iterator

from explain.provenance.container import Container
from explain.provenance.finding import HINT, Finding
from model.i18n.catalogue import Message

SQUARES = {512, 768, 1024}  # Stable Diffusion 1 and 2, SDXL and StyleGAN, DALL·E
# Shorter and longer side.
OTHERS = {
    # SDXL's training buckets (Podell et al., arXiv 2307.01952, appendix I) around its area of 1024 × 1024
    *((832, 1152), (832, 1216), (896, 1152), (768, 1344), (640, 1536)),
    *((1024, 1792), (1024, 1536)),  # DALL·E 3, GPT Image
    *((816, 1456), (928, 1232), (896, 1344)),  # Midjourney 5 and 6
    *((832, 1248), (864, 1184)),  # Gemini 2.5 Flash Image
    (512, 768),  # Stable Diffusion 1, a common choice for portraits
}


def typical_size(container: Container) -> Iterator[Finding]:
    """Whether the picture has such a size; many ordinary pictures were cut to the square ones."""
    width, height = container.size
    shorter, longer = min(width, height), max(width, height)
    if (shorter == longer and shorter in SQUARES) or (shorter, longer) in OTHERS:
        yield Finding("pixel_size", HINT, Message("provenance.size", width=width, height=height))
