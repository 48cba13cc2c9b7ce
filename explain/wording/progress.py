"""The current step of an analysis as a sentence."""

from explain.maps.registry import METHODS
from explain.result import Analysis
from model.i18n.catalogue import translate

STAGES = {  # key of each stage's sentence, except for methods
    "what_if": "doing.what_if",
    "flip": "doing.flip",
    "trust": "doing.trust",
    "robustness": "robustness.doing",
}


def doing(analysis: Analysis) -> str:
    """The current step as a sentence."""
    stage = analysis.stage
    if analysis.prediction is None:
        return translate("doing.face")
    if stage not in METHODS:
        return translate(STAGES.get(stage, "doing.maps"))
    method = METHODS[stage]
    if method.fitted:
        found = analysis.attributions.get(stage)
        done = int(found.evidence["samples"]) if found else 0
        return translate(f"method.{stage}.doing", done=done, most=analysis.settings.samples)
    return translate("doing.slow", title=method.title) if method.needs_gradients else method.title
