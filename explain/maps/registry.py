"""The registry of explanation methods: one record for each, with every fact that other packages need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from explain.maps.attention import attention
from explain.maps.attribution import Attribution
from explain.maps.gradcam import gradcam, gradcam_attention, hirescam
from explain.maps.integrated_gradients import integrated_gradients
from explain.maps.lime import lime
from explain.maps.occlusion import occlusion
from explain.maps.partition_shap import partition_shap
from explain.maps.rise import rise
from model.i18n.catalogue import translate

# Takes a ``Subject`` and ``cancelled``; the last map that it yields is the result.
Explain = Callable[..., Iterator[Attribution]]


@dataclass(frozen=True)
class Method:
    """One explanation method; its texts are under ``method.NAME`` in ``methods.toml`` of each language.

    Attributes:
        name: key in the registry and in the catalogue.
        explain: yields the map as it grows, see ``explain.maps.subject``.
        signed: the values speak for or against the class explained; otherwise they only say how important a place is.
        seeded: whether the map depends on the subject's seed. If so, stability is measured over seeds, else over noise.
        needs_gradients: whether it needs the network in Keras, which loads TensorFlow.
        in_verdict_pass: whether it comes with the prediction itself: the network's own attention mask.
        drawn_as: ``regions`` with outlines (the map has weights), ``heat`` on a fixed scale from 0 to 1, or
            ``signed_heat`` in two colours.
        by_default: whether it is made if the caller names no maps; always shown on the page.
        fitted: whether it is a linear model fitted to samples. ``explain`` then also takes ``samples``, its budget, and
            the evidence says whether it has converged and how well it fits.
        costly: whether it needs hundreds of predictions or gradients.
    """

    name: str
    explain: Explain
    signed: bool = True
    seeded: bool = False
    needs_gradients: bool = False
    in_verdict_pass: bool = False
    drawn_as: Literal["regions", "heat", "signed_heat"] = "signed_heat"
    by_default: bool = False
    fitted: bool = False
    costly: bool = False

    @property
    def title(self) -> str:
        """Its displayed name, in the current language."""
        return translate(f"method.{self.name}.title")

    @property
    def description(self) -> str:
        """What it does, in one sentence."""
        return translate(f"method.{self.name}.description")


METHODS = {
    method.name: method
    for method in (
        Method("attention", attention, signed=False, in_verdict_pass=True, drawn_as="heat", by_default=True),
        Method("lime", lime, seeded=True, drawn_as="regions", by_default=True, fitted=True, costly=True),
        Method("gradcam", gradcam, needs_gradients=True),
        Method("gradcam_attention", gradcam_attention, needs_gradients=True),
        Method("hirescam", hirescam, needs_gradients=True),
        Method("integrated_gradients", integrated_gradients, needs_gradients=True, costly=True),
        Method("occlusion", occlusion, drawn_as="regions"),
        Method("rise", rise, seeded=True, costly=True),
        Method("partition_shap", partition_shap, drawn_as="regions", costly=True),
    )
}
MAIN_MAP = "lime"  # its weights order the regions of the what-if, the smallest flip and the table of regions


def explainers(samples: int) -> dict[str, Explain]:
    """The function of each method by name, with the budget ``samples`` for fitted methods."""
    return {
        name: partial(method.explain, samples=samples) if method.fitted else method.explain
        for name, method in METHODS.items()
    }
