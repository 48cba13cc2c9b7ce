"""The controls of the page: their names, what they hold at first, and the settings that they ask for."""

from __future__ import annotations

from typing import Any

from explain.page.components.updates import Asked
from explain.settings import ALWAYS, LIKELIER, MAX_SAMPLES, MIN_SAMPLES, Settings

AT_FIRST = {
    **{"target": LIKELIER, "superpixels": Settings.superpixels, "samples": Settings.samples, "shown": 8},
    **{"smooth": False, "further": [], "trust": True, "segmentation": Settings.segmentation, "hide": Settings.hide},
}
CONTROLS = tuple(AT_FIRST)  # of the settings, by name
LIMITS = {"superpixels": (10, 150), "samples": (MIN_SAMPLES, MAX_SAMPLES), "shown": (1, 50)}  # of the sliders

IN_LINKS = ("model", "target", "superpixels", "samples", "shown", "smooth", "further", "trust", "segmentation", "hide")
READ = (
    *("language", "model", "photo", *CONTROLS, "face", "whole", "seen", "hidden"),
    *("regions", "top", "slide_map", "many_progress"),
)


def settings_from(asked: Asked, **others: Any) -> Settings:
    """Settings from what the controls hold; ``others`` are taken as they are."""
    return Settings(
        target=None if asked["target"] == LIKELIER else asked["target"],
        methods=(*ALWAYS, *asked["further"]),
        superpixels=int(asked["superpixels"]),
        samples=int(asked["samples"]),
        smooth_attention=bool(asked["smooth"]),
        trust=bool(asked["trust"]),
        segmentation=asked["segmentation"],
        hide=asked["hide"],
        **others,
    )
