"""The registry of explanation methods: a name, what makes the map, and what a reader must know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from explain.attention_map import attention
from explain.attribution import Attribution
from explain.gradcam import gradcam, gradcam_attention
from explain.integrated_gradients import integrated_gradients
from explain.lime_map import lime
from explain.occlusion import occlusion
from explain.rise import rise
from explain.stability import Explain
from explain.subject import Subject


@dataclass(frozen=True)
class Method:
    """One way to explain.

    Attributes:
        explain: yields the map as it grows, see ``explain.subject``.
        title: its name on screen.
        line: what it does, in one sentence.
        gradients: needs the network under Keras, which loads TensorFlow.
    """

    explain: Explain
    title: str
    line: str
    gradients: bool = False


METHODS = {
    "attention": Method(attention, "Attention mask", "Where the model looked, from the same pass as the verdict."),
    "lime": Method(lime, "LIME superpixels", "Hide regions, ask the model again, see what moves its verdict."),
    "gradcam": Method(
        gradcam, "Grad-CAM", "Which features of the last convolution push towards the class.", gradients=True
    ),
    "gradcam_attention": Method(
        gradcam_attention,
        "Grad-CAM before attention",
        "The same for the features that the mask weighs.",
        gradients=True,
    ),
    "integrated_gradients": Method(
        integrated_gradients,
        "Integrated gradients",
        "What each pixel adds on the way from a hidden face to this one.",
        gradients=True,
    ),
    "occlusion": Method(occlusion, "Occlusion", "Hide one region at a time, see how the verdict moves."),
    "rise": Method(rise, "RISE", "Hide soft random parts, see which ones the verdict needs."),
}


def explainers(samples: int) -> dict[str, Explain]:
    """What makes each map by name, LIME with a budget of ``samples``."""

    def lime_within(subject: Subject, cancelled: Callable[[], bool]) -> Iterator[Attribution]:
        return lime(subject, cancelled, samples)

    return {name: method.explain for name, method in METHODS.items()} | {"lime": lime_within}
