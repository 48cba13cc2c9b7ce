"""The drawer with the settings of a run."""

from __future__ import annotations

import gradio as gr

from explain.maps.registry import METHODS
from explain.page.components.controls import AT_FIRST, LIMITS
from explain.page.components.extended import ChangingRadio
from explain.page.components.hiding import hide_choices
from explain.page.components.parts import Parts, text
from explain.page.detectors.second import NONE
from explain.page.models import second_choices
from explain.page.sections.common import labels
from explain.page.sections.more import FURTHER
from explain.regions.superpixels import METHODS as SEGMENTATIONS
from explain.settings import LIKELIER, TARGETS
from explain.wording.what_if import joined
from model.available import Models
from model.detector.detector import Detector
from model.i18n.catalogue import translate


def settings_drawer(parts: Parts, models: Models, detector: Detector) -> None:
    """The controls of the settings, each with a line of help; ``detector`` is the model that the page starts with."""
    with gr.Sidebar(text("page.settings"), open=False, position="right", elem_id="settings-drawer") as parts["drawer"]:
        shown = second_choices(models)
        parts["second"] = ChangingRadio(**shown, value=NONE, **labels("settings.second"), elem_id="second-model")
        parts["target"] = gr.Radio(
            [(text("settings.likelier"), LIKELIER), *((text(f"class.{name}"), name) for name in TARGETS)],
            value=AT_FIRST["target"],
            **labels("settings.target"),
            elem_id="target",
        )
        for name, step in (("superpixels", 5), ("samples", 100), ("shown", 1)):
            value, words = AT_FIRST[name], labels(f"settings.{name}")
            parts[name] = gr.Slider(*LIMITS[name], value, step=step, **words, elem_id=name)
        parts["smooth"] = gr.Checkbox(AT_FIRST["smooth"], **labels("settings.smooth"), elem_id="smooth")
        parts["further"] = gr.CheckboxGroup(
            [(text(f"method.{name}.title"), name) for name in FURTHER],
            value=AT_FIRST["further"],
            label=text("settings.further"),
            info=text(_further_help),
            elem_id="further",
        )
        for name in ("trust", "robustness"):
            parts[name] = gr.Checkbox(AT_FIRST[name], **labels(f"settings.{name}"), elem_id=name)
        cuts = [(text(f"segmentation.{name}"), name) for name in SEGMENTATIONS]
        cut = {"choices": cuts, "value": AT_FIRST["segmentation"]}
        for name, offered in (("segmentation", cut), ("hide", hide_choices(detector))):
            parts[name] = ChangingRadio(**offered, **labels(f"settings.{name}"), elem_id=name)


def _further_help() -> str:
    maps = [method.title for method in METHODS.values() if method.needs_gradients]
    return translate("settings.further_help", maps=joined(maps))
