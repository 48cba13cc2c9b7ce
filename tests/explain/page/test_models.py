"""Tests of what the page tells of an import: its step while it goes on, one more choice when it has ended."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from explain.page.components.controls import AT_FIRST
from explain.page.components.extended import SteppedBlocks
from explain.page.models import arrive, choices, describe_named, import_state, notices
from explain.page.run import Page
from explain.regions.hiding import AUTO
from model.available import MODEL_FOLDER, FoundModel, Importing, Models
from model.i18n.catalogue import Message, use_language
from model.paths import SHIPPED

ONE, LATE = "lite_attention", "thesis.h5"
STEP = Message("legacy.step.network", file=LATE, step=2, of=3)


@pytest.fixture
def page() -> Page:
    """A page that was built with the shipped model."""
    return Page(Models([FoundModel(ONE, SHIPPED, MODEL_FOLDER)]))


def importing(page: Page) -> None:
    """Let a file be imported for a minute by now."""
    page.models.importing = Importing(LATE, STEP, time.monotonic() - 60)


def ready(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the file be imported; its answers are those of the shipped model."""
    names = property(lambda models: [LATE, ONE])
    monkeypatch.setattr(Models, "names", names)
    monkeypatch.setattr(Models, "is_open", lambda models, name: True)
    card = page.models.get(ONE).card
    monkeypatch.setattr(Models, "get", lambda models, name: SimpleNamespace(card=card, name=name, patch_grid=None))
    monkeypatch.setattr("explain.page.arrival.opening_example", lambda detector: None)
    page.models.first = LATE


def test_nothing_is_told_where_nothing_is_imported(page: Page) -> None:
    assert notices(page.models) == ""
    found = arrive(page, {}, "")
    assert found["models_clock"] == {"active": False} and found["models_note"] == ""
    assert found["model"] == {"choices": [(ONE, ONE)], "value": ONE, "visible": False}
    assert "scope" not in found, "the page was built with the facts of this model"


def test_import_is_told_with_its_step_and_time_in_the_visitors_language(page: Page) -> None:
    importing(page)
    for language in ("en", "tr"):
        with use_language(language):
            step = str(STEP)
        found = arrive(page, {"lang": language}, "")
        assert found["models_clock"] == {"active": True}
        for updates in (found, import_state(page, language)):
            assert step in updates["models_note"] and ONE in updates["models_note"]
            assert re.search(r" 6\d s", updates["models_note"]), "a slow machine may have waited some seconds more"
            assert '<progress value="0.50" max="1">' in updates["models_note"]
    assert set(import_state(page, "en")) == {"models_note"}, "the clock goes on, and the choice stays"


def test_link_to_a_model_that_is_not_open_yet_shows_its_facts_once_it_is() -> None:
    page = Page(Models([FoundModel(name, SHIPPED, MODEL_FOLDER) for name in (ONE, "another")]))
    assert "scope" not in arrive(page, {"model": "another"}, "")
    controls = AT_FIRST | {"language": "en", "model": "another"}
    *_, described = describe_named(page, controls)
    assert described["scope"] and described["card"]
    assert list(describe_named(page, controls | {"model": ONE})) == [{}], "the page was built with these"


def test_facts_of_a_linked_model_do_not_wait_for_the_end_of_its_run(shipped_page: SteppedBlocks) -> None:
    events = shipped_page.config["dependencies"]
    (arrived,) = (event for event in events if any(kind == "load" for _, kind in event["targets"]))
    named = {part["props"].get("elem_id"): part["id"] for part in shipped_page.config["components"]}
    beside = [event["outputs"] for event in events if event["trigger_after"] == arrived["id"]]
    assert len(beside) == 2 and any({named["scope"], named["verdict"]} <= set(outputs) for outputs in beside)
    assert any(named["scope"] in outputs and named["verdict"] not in outputs for outputs in beside)


def test_link_to_a_way_to_hide_that_the_model_refuses_gets_the_default_one(page: Page) -> None:
    page.models.get(ONE)
    assert arrive(page, {"hide": "tokens"}, "")["hide"]["value"] == AUTO
    assert arrive(page, {"hide": "blur"}, "")["hide"]["value"] == "blur"


def test_link_to_the_model_that_is_imported_opens_with_what_there_is(page: Page) -> None:
    importing(page)
    found = arrive(page, {"model": LATE, "shown": "5"}, "")
    assert found["model"]["value"] == ONE and found["shown"] == 5 and "notice" not in found
    page.models.importing = None
    assert "notice" in arrive(page, {"model": LATE}, "")


def test_ready_model_is_one_more_choice_for_who_is_there_and_the_first_for_who_comes(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing(page)
    ready(page, monkeypatch)
    page.models.importing = None
    seen = import_state(page, "en")
    assert seen["models_clock"] == {"active": False}
    assert seen["model"] == {"choices": [(LATE, LATE), (ONE, ONE)], "visible": True}, "what was chosen stays chosen"
    assert LATE in seen["models_note"]
    found: dict[str, Any] = arrive(page, {}, "")
    assert found["model"] == {"choices": [(LATE, LATE), (ONE, ONE)], "value": LATE, "visible": True}
    assert found["models_clock"] == {"active": False} and found["models_note"] == ""
    assert {"scope", "card", "model_pictures"} <= found.keys()
    assert arrive(page, {"model": ONE}, "")["model"]["value"] == ONE


def test_import_that_failed_is_told_to_everybody(page: Page) -> None:
    problems = cast(Any, page.models)._problems
    problems.append(Message("legacy.import_broke_off", file="<b>thesis.h5"))
    for updates in (import_state(page, "en"), arrive(page, {}, "")):
        assert 'role="alert"' in updates["models_note"] and "&lt;b&gt;thesis.h5" in updates["models_note"]
        assert updates["models_clock"] == {"active": False}


def test_model_is_shown_with_its_cost_where_that_is_known(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Models, "lime_seconds", lambda models, name: 23.4)
    ((shown, name),) = choices(page.models)
    assert name == ONE and ONE in shown and "23" in shown
