"""What the page tells of models that are being imported or can't be used, and how a new one becomes a choice."""

from __future__ import annotations

import time
from collections.abc import Mapping
from html import escape

from explain.html import fragments
from explain.page.arrival import arrival
from explain.page.components.updates import Change, Updates
from explain.page.run import Page
from model.available import Importing, Models
from model.i18n.catalogue import say, speaking

CLOCK_S = 2.0  # between two looks at an import
FACTS = ("scope", "card", "model_pictures")  # parts that tell of the model that is chosen
CHOICE = ("models_note", "models_clock", "model")  # parts that an import changes


def notices(models: Models) -> str:
    """How far an import is, and why models can't be used, in the language spoken now; empty if there is nothing."""
    importing = models.importing
    progress = "" if importing is None else _progress(importing, models.first)
    return progress + "".join(fragments.notice(problem, "error") for problem in models.problems)


def _progress(importing: Importing, meanwhile: str) -> str:
    """The step of an import with a bar; it has no role of a status, or screen readers would speak every two seconds."""
    seconds = time.monotonic() - importing.since
    told = say("page.importing", step=importing.said, seconds=seconds, model=meanwhile)
    steps = importing.said.values
    share = f' value="{(steps["step"] - 0.5) / steps["of"]:.2f}"' if "step" in steps else ""
    bar = f'<progress{share} max="1"></progress>'
    return f'<div class="notice note progress"><label>{escape(told)} {bar}</label></div>'


def arrive(page: Page, query: Mapping[str, str], accepted: str) -> Updates:
    """What a new visitor finds: all of ``page_arrival.arrival``, the models of now, and the facts of the one chosen."""
    models = page.models
    changes = arrival(models, query, accepted)
    with speaking(changes["language"]):
        clock = Change(active=models.importing is not None)
        chosen = changes.get("model", models.first)
        facts = page.described(chosen) if chosen != page.at_start and models.is_open(chosen) else {}
        found = {"models_clock": clock, "models_note": notices(models), "model": _choices(models, value=chosen)}
        return {**changes, **facts, **found}


def look(page: Page, language: str) -> Updates:
    """What a visitor is told of an import while it goes on; once it has ended, what it made is one more choice."""
    models = page.models
    with speaking(language):
        if models.importing is not None:
            return {"models_note": notices(models)}
        ready = "" if models.first == page.at_start else fragments.notice(say("page.model_ready", model=models.first))
        note = ready + notices(models)
        return {"models_clock": Change(active=False), "models_note": note, "model": _choices(models)}


def _choices(models: Models, **others: str) -> Change:
    return Change(choices=choices(models), visible=len(models.names) > 1, **others)


def choices(models: Models) -> list[tuple[str, str]]:
    """What is shown of each model, its name with what it costs where that is known, and its name alone."""
    return [(_shown(name, models.lime_seconds(name)), name) for name in models.names]


def _shown(name: str, seconds: float | None) -> str:
    return name if seconds is None else say("page.model_slower", model=name, seconds=seconds)
