"""The analysis that a visitor sees, with a small copy of its photo, so that it can be drawn again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from explain.drawing import maps, palette
from explain.drawing.boxes import boxes, display_scale
from explain.examples import original_in, planted_in
from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from explain.maps.registry import MAIN_MAP, METHODS
from explain.page.components.updates import Change, Controls, Updates, visible
from explain.page.links import link_field, link_to
from explain.result import Analysis
from explain.settings import Settings
from explain.small_faces import is_too_small
from model.artifact.card import Card
from model.i18n.catalogue import translate
from model.photos.faces import Face

ORIGINAL = "original"  # choice of the slider, beside the maps


@dataclass(frozen=True)
class View:
    """An analysis that can be redrawn; its photo is no larger than displayed.

    Attributes:
        analysis: complete or not.
        planted: mask ``(S, S) uint8`` of the crop, where an example was changed; None for other photos.
        display_scale: factor from photo pixels to the picture with the boxes.
        source: the page's photo, a path or bytes; the same photo with other settings has the same one.
        waited: seconds that the visitor waited for the complete analysis; 0 before.
        card: of the model; None for that of the model of this name.
    """

    analysis: Analysis
    planted: NDArray[np.uint8] | None
    display_scale: float
    source: object = None
    waited: float = 0.0
    card: Card | None = None

    @staticmethod
    def of(analysis: Analysis, before: View | None = None, source: object = None, card: Card | None = None) -> View:
        """The view of an analysis; ``before`` is an older one of the same face; its small copies are reused."""
        if before is not None:
            kept = replace(analysis, photo=before.analysis.photo)
            return replace(before, analysis=kept)
        pixels = analysis.photo.pixels
        scale = display_scale(pixels)
        if scale < 1:
            size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        small = replace(analysis, photo=replace(analysis.photo, pixels=pixels))
        return View(small, planted_in(analysis.photo.sha256, analysis.chosen), scale, source, card=card)

    def shows(self, source: object, face: int, model: str) -> bool:
        """Whether it shows this face of this photo, judged by this model."""
        analysis = self.analysis
        return (self.source, analysis.settings.face, analysis.model["name"]) == (source, face, model)

    def holds(self, settings: Settings) -> bool:
        """Whether the maps, trust and robustness that these settings ask for are there, and no other maps."""
        analysis = self.analysis
        made = analysis.attributions.keys() | analysis.problems.keys() & METHODS.keys()
        trusted = "trust" in analysis.problems or analysis.trusts.keys() == analysis.attributions.keys()
        too_small = analysis.chosen is not None and is_too_small(analysis.chosen)  # then there is no robustness
        probed = analysis.robustness is not None or too_small
        measured = (trusted or not settings.trust) and (probed or not settings.robustness)
        return analysis.complete and made == set(settings.methods) and measured

    def with_attributions(self, attributions: dict[str, Attribution]) -> View:
        """The same view with other maps."""
        return replace(self, analysis=replace(self.analysis, attributions=attributions))

    def pictures(self, shown: int, names: Collection[str] | None = None) -> dict[str, NDArray[np.uint8]]:
        """Its maps as pictures by method, see ``explain.drawing.maps.pictures``."""
        return maps.pictures(self.analysis, shown, names, self.planted)

    def boxes(self) -> NDArray[np.uint8]:
        """The photo as displayed, with a box around each face, see ``explain.drawing.boxes.boxes``."""
        chosen = self.analysis.chosen
        small = {id(face): self._scaled(face) for face in (*self.analysis.faces, *([chosen] if chosen else ()))}
        return boxes(
            self.analysis.photo.pixels,
            tuple(small[id(face)] for face in self.analysis.faces),
            None if chosen is None else small[id(chosen)],
            self.analysis.predictions,
        )

    def _scaled(self, face: Face) -> Face:
        x, y, width, height = (round(value * self.display_scale) for value in face.box)
        return replace(face, box=(x, y, width, height))

    def region_at(self, x: float, y: float) -> int | None:
        """The region at a place in a map's picture, ``x`` and ``y`` in its 640 pixels; None outside."""
        subject = self.analysis.subject
        if subject is None or not (0 <= x < palette.PICTURE_SIZE and 0 <= y < palette.PICTURE_SIZE):
            return None
        side = len(subject.segments)
        return int(subject.segments[int(y * side / palette.PICTURE_SIZE), int(x * side / palette.PICTURE_SIZE)])

    def face_at(self, x: float, y: float) -> int | None:
        """Index of the smallest face box around a place in the picture with the boxes."""
        hits = [
            (face.box[2] * face.box[3], index)
            for index, face in enumerate(self.analysis.faces)
            if 0 <= x / self.display_scale - face.box[0] <= face.box[2]
            and 0 <= y / self.display_scale - face.box[1] <= face.box[3]
        ]
        return min(hits)[1] if hits else None


def trust_state(analysis: Analysis) -> list[tuple[Any, ...]]:
    """The measured parts of each map's trust; equal for two analyses if nothing new was measured."""
    return [
        (name, len(trust.curves), trust.fidelity, trust.stability is None) for name, trust in analysis.trusts.items()
    ]


def final_updates(seen: View, controls: Controls) -> Updates:
    """The buttons and the link of a complete analysis."""
    link = link_field(link_to(controls, seen.analysis))
    return {"report_group": visible(True), "link": link, **slide(seen, controls)}


def smoothed(seen: View, smooth: bool) -> View:
    """The view with its attention map interpolated, or on the network's grid."""
    analysis = seen.analysis
    if analysis.prediction is None or analysis.prediction.attention is None or analysis.chosen is None:
        return seen
    masks = [name for name in analysis.attributions if METHODS[name].in_verdict_pass]
    if not masks:
        return seen
    rollout = any(analysis.attributions[name].evidence.get("rollout") for name in masks)
    redrawn = attention_map(analysis.prediction.attention, len(analysis.chosen.crop), smooth, rollout)
    return seen.with_attributions({**analysis.attributions, **dict.fromkeys(masks, redrawn)})


def slide(seen: View, controls: Controls) -> Updates:
    """The face for the slider with one of its maps, or with the face before an example was changed."""
    analysis = seen.analysis
    if analysis.chosen is None or not analysis.attributions:
        return {}
    names = list(analysis.attributions)
    choices = [(METHODS[method].title, method) for method in names]
    original = original_in(analysis.photo.sha256, analysis.chosen)
    if original is not None:
        choices.append((translate("page.before"), ORIGINAL))
    offered = [value for _, value in choices]
    name = next(value for value in (controls["slide_map"], MAIN_MAP, *names) if value in offered)
    if name == ORIGINAL and original is not None:
        picture = palette.enlarge(original)
    else:
        (picture,) = smoothed(seen, bool(controls["smooth"])).pictures(int(controls["shown"]), {name}).values()
    return {
        "slide_map": Change(choices=choices, value=name),
        "slide_picture": (palette.enlarge(analysis.chosen.crop), picture),
    }
