"""Tests of the import of a model: the page shows the current step, and a new choice after the end."""

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

SHIPPED_NAME, IMPORTED = "lite_attention", "thesis.h5"
STEP = Message("legacy.step.network", file=IMPORTED, step=2, of=3)


@pytest.fixture
def page() -> Page:
    """A page that was built with the shipped model."""
    return Page(Models([FoundModel(SHIPPED_NAME, SHIPPED, MODEL_FOLDER)]))


def start_import(page: Page) -> None:
    """Simulate an import that began a minute ago."""
    page.models.importing = Importing(IMPORTED, STEP, time.monotonic() - 60)


def finish_import(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate the end of the import; the imported model answers like the shipped one."""
    names = property(lambda models: [IMPORTED, SHIPPED_NAME])
    monkeypatch.setattr(Models, "names", names)
    monkeypatch.setattr(Models, "is_open", lambda models, name: True)
    card = page.models.get(SHIPPED_NAME).card
    monkeypatch.setattr(Models, "get", lambda models, name: SimpleNamespace(card=card, name=name, patch_grid=None))
    monkeypatch.setattr("explain.page.arrival.opening_example", lambda detector: None)
    page.models.first = IMPORTED


def test_page_without_an_import_has_no_note_about_it(page: Page) -> None:
    assert notices(page.models) == ""
    found = arrive(page, {}, "")
    assert found["models_clock"] == {"active": False} and found["models_note"] == ""
    assert found["model"] == {"choices": [(SHIPPED_NAME, SHIPPED_NAME)], "value": SHIPPED_NAME, "visible": False}
    assert "scope" not in found, "the page was built with the facts of this model"


def test_import_is_shown_with_step_and_time_in_the_visitors_language(page: Page) -> None:
    start_import(page)
    for language in ("en", "tr"):
        with use_language(language):
            step = str(STEP)
        found = arrive(page, {"lang": language}, "")
        assert found["models_clock"] == {"active": True}
        for updates in (found, import_state(page, language)):
            assert step in updates["models_note"] and SHIPPED_NAME in updates["models_note"]
            assert re.search(r" 6\d s", updates["models_note"]), "a slow machine may need some seconds more"
            assert '<progress value="0.50" max="1">' in updates["models_note"]
    assert set(import_state(page, "en")) == {"models_note"}, "the clock and the choice must not change"


def test_link_to_a_model_that_is_not_open_yet_shows_its_facts_when_it_is() -> None:
    page = Page(Models([FoundModel(name, SHIPPED, MODEL_FOLDER) for name in (SHIPPED_NAME, "another")]))
    assert "scope" not in arrive(page, {"model": "another"}, "")
    controls = AT_FIRST | {"language": "en", "model": "another"}
    *_, described = describe_named(page, controls)
    assert described["scope"] and described["card"]
    assert list(describe_named(page, controls | {"model": SHIPPED_NAME})) == [{}], "the page was built with these facts"


def test_facts_of_a_linked_model_do_not_wait_for_the_end_of_its_run(shipped_page: SteppedBlocks) -> None:
    events = shipped_page.config["dependencies"]
    (arrived,) = (event for event in events if any(kind == "load" for _, kind in event["targets"]))
    named = {part["props"].get("elem_id"): part["id"] for part in shipped_page.config["components"]}
    outputs_after_arrival = [event["outputs"] for event in events if event["trigger_after"] == arrived["id"]]
    assert len(outputs_after_arrival) == 2
    assert any({named["scope"], named["verdict"]} <= set(outputs) for outputs in outputs_after_arrival)
    assert any(named["scope"] in outputs and named["verdict"] not in outputs for outputs in outputs_after_arrival)


def test_link_with_a_way_to_hide_that_the_model_does_not_support_gets_the_default(page: Page) -> None:
    page.models.get(SHIPPED_NAME)
    assert arrive(page, {"hide": "tokens"}, "")["hide"]["value"] == AUTO
    assert arrive(page, {"hide": "blur"}, "")["hide"]["value"] == "blur"


def test_link_to_a_model_during_its_import_opens_with_an_available_model(page: Page) -> None:
    start_import(page)
    found = arrive(page, {"model": IMPORTED, "shown": "5"}, "")
    assert found["model"]["value"] == SHIPPED_NAME and found["shown"] == 5 and "notice" not in found
    page.models.importing = None
    assert "notice" in arrive(page, {"model": IMPORTED}, "")


def test_imported_model_is_a_new_choice_on_open_pages_and_preselected_on_new_pages(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_import(page)
    finish_import(page, monkeypatch)
    page.models.importing = None
    seen = import_state(page, "en")
    assert seen["models_clock"] == {"active": False}
    both = [(IMPORTED, IMPORTED), (SHIPPED_NAME, SHIPPED_NAME)]
    assert seen["model"] == {"choices": both, "visible": True}, "the chosen model must stay chosen"
    assert IMPORTED in seen["models_note"]
    found: dict[str, Any] = arrive(page, {}, "")
    assert found["model"] == {"choices": both, "value": IMPORTED, "visible": True}
    assert found["models_clock"] == {"active": False} and found["models_note"] == ""
    assert {"scope", "card", "model_pictures"} <= found.keys()
    assert arrive(page, {"model": SHIPPED_NAME}, "")["model"]["value"] == SHIPPED_NAME


def test_failed_import_is_shown_to_every_visitor(page: Page) -> None:
    problems = cast(Any, page.models)._problems
    problems.append(Message("legacy.import_broke_off", file="<b>thesis.h5"))
    for updates in (import_state(page, "en"), arrive(page, {}, "")):
        assert 'role="alert"' in updates["models_note"] and "&lt;b&gt;thesis.h5" in updates["models_note"]
        assert updates["models_clock"] == {"active": False}


def test_model_is_shown_with_its_seconds_if_they_are_known(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Models, "lime_seconds", lambda models, name: 23.4)
    ((shown, name),) = choices(page.models)
    assert name == SHIPPED_NAME and SHIPPED_NAME in shown and "23" in shown
