"""What an analysis is working on, in words."""

from explain.analysis import Analysis
from explain.maps.registry import METHODS
from model.i18n.catalogue import say

STAGES = {  # what is said of each stage beside the methods
    "what_if": "doing.what_if",
    "flip": "doing.flip",
    "trust": "doing.trust",
    "robustness": "robustness.doing",
}


def doing(analysis: Analysis) -> str:
    """What is being worked on, in words."""
    stage = analysis.stage
    if analysis.prediction is None:
        return say("doing.face")
    if stage == "lime":
        lime = analysis.attributions.get("lime")
        done = int(lime.evidence["samples"]) if lime else 0
        return say("doing.lime", done=done, most=analysis.settings.samples)
    if stage in METHODS:
        method = METHODS[stage]
        return say("doing.slow", title=method.title) if method.gradients else method.title
    return say(STAGES.get(stage, "doing.maps"))
