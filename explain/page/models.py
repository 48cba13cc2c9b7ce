"""Shows the import of a model and unusable models on the page, and adds a new model to the choices."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from explain.html import fragments
from explain.html.model_card import model_charts
from explain.html.rendering import macros
from explain.page.arrival import arrival
from explain.page.components.hiding import hide_choices
from explain.page.components.parts import text
from explain.page.components.updates import Change, Controls, Updates
from explain.page.detectors.second import NONE
from explain.page.run import Page
from explain.regions.hiding import AUTO
from model.available import Importing, Models
from model.errors import UserError
from model.i18n.catalogue import translate, use_language

CLOCK_S = 2.0  # between two checks of an import
FACTS = ("scope", "card", "model_pictures", "hide")  # components that depend on the chosen model
CHOICE = ("models_note", "models_clock", "model", "second")  # components that an import changes


def notices(models: Models) -> Markup:
    """The progress of an import and the errors of unusable models, in the current language; empty if there are none."""
    importing = models.importing
    progress = [] if importing is None else [_progress(importing, models.first)]
    return Markup().join([*progress, *(fragments.notice(problem, "error") for problem in models.problems)])


def _progress(importing: Importing, meanwhile: str) -> Markup:
    """The step of an import with a bar."""
    seconds = time.monotonic() - importing.since
    sentence = translate("page.importing", step=importing.step, seconds=seconds, model=meanwhile)
    steps = importing.step.values
    share = (steps["step"] - 0.5) / steps["of"] if "step" in steps else None
    return macros("fragments").importing(sentence, share)


def arrive(page: Page, query: Mapping[str, str], accepted: str) -> Updates:
    """The page for a new visitor: see ``arrival``, with the current models and the facts of the chosen one."""
    models = page.models
    changes = arrival(models, query, accepted)
    with use_language(changes["language"]):
        clock = Change(active=models.importing is not None)
        chosen = changes.get("model", models.first)
        facts: Updates = {}
        if models.is_open(chosen) and chosen != page.at_start:
            facts = page.described(chosen, hide=changes.get("hide", AUTO))
        elif models.is_open(chosen) and "hide" in changes:
            facts = {"hide": hide_choices(models.get(chosen), changes["hide"])}
        updates = {"models_clock": clock, "models_note": notices(models), **both_choices(page, "", chosen)}
        updates["second"]["value"] = changes.get("second", NONE)
        return {**changes, **facts, **updates}


def describe_named(page: Page, controls: Controls, visitor: str = "") -> Iterator[Updates]:
    """The facts of the model that a link has named; the page is built with those of the model that it starts with."""
    if controls["model"] == page.at_start:
        yield {}
    else:
        yield from page.describe(controls, visitor)


def model_pictures(page: Page, controls: Controls, visitor: str = "") -> Updates:
    """The pictures of a model's figures; empty if the model can't be opened."""
    with use_language(controls["language"]):
        try:
            return {"model_pictures": model_charts(page.detector(controls["model"], visitor).card)}
        except UserError:
            return {"model_pictures": ""}


def import_state(page: Page, language: str, visitor: str = "") -> Updates:
    """The progress of an import; once it has ended, the new model is one more choice."""
    models = page.models
    with use_language(language):
        if models.importing is not None:
            return {"models_note": notices(models)}
        ready = fragments.notice(translate("page.model_ready", model=models.first))
        note = notices(models) if models.first == page.at_start else ready + notices(models)
        return {"models_clock": Change(active=False), "models_note": note, **both_choices(page, visitor)}


def both_choices(page: Page, visitor: str, chosen: str | None = None) -> Updates:
    """The choices of a first and of a second model for a visitor; ``chosen`` becomes the first one, if given."""
    own = page.own.names(visitor)
    found = choices(page.models, own)
    first = Change(choices=found, visible=len(found) > 1, **({} if chosen is None else {"value": chosen}))
    return {"model": first, "second": Change(**second_choices(page.models, own))}


def second_choices(models: Models, own: Sequence[str] = ()) -> dict[str, Any]:
    """The choices of a second model, the first of which is none; they are hidden if there is only one model."""
    found = choices(models, own)
    return {"choices": [(text("second.none_chosen"), NONE), *found], "visible": len(found) > 1}


def choices(models: Models, own: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Label and name of each model; the label has the model's LIME time if that is known.

    Args:
        models: the server's.
        own: names of those that the visitor has brought.
    """
    found = [(text(partial(_shown, name, models.lime_seconds(name))), name) for name in models.names]
    return [*found, *((text(partial(translate, "own.choice", model=name)), name) for name in own)]


def _shown(name: str, seconds: float | None) -> str:
    return name if seconds is None else translate("page.model_slower", model=name, seconds=seconds)
