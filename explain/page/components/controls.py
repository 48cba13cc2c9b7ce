"""The controls of the page: names, initial values, and the settings made from them."""

from __future__ import annotations

from typing import Any

from explain.page.components.updates import Controls
from explain.settings import DEFAULT_MAPS, LIKELIER, MAX_SAMPLES, MIN_SAMPLES, SHOWN, Settings

AT_FIRST: dict[str, Any] = {
    "target": LIKELIER,
    "superpixels": Settings.superpixels,
    "samples": Settings.samples,
    "shown": SHOWN,
    "smooth": False,
    "further": [],
    "trust": False,
    "robustness": False,
    "segmentation": Settings.segmentation,
    "hide": Settings.hide,
    "second": "",
}
CONTROLS = tuple(AT_FIRST)  # of the settings, by name
LIMITS = {"superpixels": (10, 150), "samples": (MIN_SAMPLES, MAX_SAMPLES), "shown": (1, 50)}  # of the sliders

IN_LINKS = ("model", *CONTROLS)
READ = (
    *("language", "model", "photo", *CONTROLS, "face", "whole", "seen", "second_seen", "refused", "hidden"),
    *("regions", "top", "slide_map", "many_progress", "clip_seen"),
)
# Controls that only add to an analysis: one that runs takes them up at its end.
EXTENDING = ("further", "trust", "robustness")
LIVE = ("language", "shown", "smooth", "slide_map", "hidden", "second", *EXTENDING)  # a running analysis follows these
OWN = "yours/"  # before the name of a visitor's own model; no model of the server has such a name


def is_own(name: str) -> bool:
    """Whether a name is that of a visitor's own model."""
    return name.startswith(OWN)


def settings_from(controls: Controls, **others: Any) -> Settings:
    """Settings from the values of the controls; ``others`` are passed on unchanged."""
    return Settings(
        target=None if controls["target"] == LIKELIER else controls["target"],
        methods=(*DEFAULT_MAPS, *controls["further"]),
        superpixels=int(controls["superpixels"]),
        samples=int(controls["samples"]),
        smooth_attention=bool(controls["smooth"]),
        trust=bool(controls["trust"]),
        robustness=bool(controls["robustness"]),
        segmentation=controls["segmentation"],
        hide=controls["hide"],
        **others,
    )
