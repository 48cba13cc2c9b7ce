"""The registry of explanation methods: a name, and what makes the map."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from explain.maps.attention import attention
from explain.maps.attribution import Attribution
from explain.maps.gradcam import gradcam, gradcam_attention, hirescam
from explain.maps.integrated_gradients import integrated_gradients
from explain.maps.lime import lime
from explain.maps.occlusion import occlusion
from explain.maps.rise import rise
from explain.maps.subject import Subject
from model.i18n.catalogue import say

Explain = Callable[[Subject, Callable[[], bool]], Iterator[Attribution]]  # a method; its last map counts


@dataclass(frozen=True)
class Method:
    """One way to explain; the catalogue holds what it is called, see ``model.i18n.catalogue``.

    Attributes:
        name: in the registry, and in the catalogue's keys.
        explain: yields the map as it grows, see ``explain.maps.subject``.
        gradients: needs the network under Keras, which loads TensorFlow.
    """

    name: str
    explain: Explain
    gradients: bool = False

    @property
    def title(self) -> str:
        """Its name on screen, in the language spoken now."""
        return say(f"method.{self.name}.title")

    @property
    def line(self) -> str:
        """What it does, in one sentence."""
        return say(f"method.{self.name}.line")


METHODS = {
    method.name: method
    for method in (
        Method("attention", attention),
        Method("lime", lime),
        Method("gradcam", gradcam, gradients=True),
        Method("gradcam_attention", gradcam_attention, gradients=True),
        Method("hirescam", hirescam, gradients=True),
        Method("integrated_gradients", integrated_gradients, gradients=True),
        Method("occlusion", occlusion),
        Method("rise", rise),
    )
}


def explainers(samples: int) -> dict[str, Explain]:
    """What makes each map by name, LIME with a budget of ``samples``."""

    def lime_within(subject: Subject, cancelled: Callable[[], bool]) -> Iterator[Attribution]:
        return lime(subject, cancelled, samples)

    return {name: method.explain for name, method in METHODS.items()} | {"lime": lime_within}
