"""Tests of a visitor who has to wait, changes something during a run, or leaves."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from explain.page.components.updates import Updates, visible
from explain.page.models import model_pictures
from explain.page.photo import FACE_ONLY_TABS
from explain.page.run import Page
from explain.service.service import STEPS_AT_ONCE
from model.errors import ArtifactError
from model.i18n.catalogue import Message, use_language
from tests.explain.page.run.visits import CONTROL_VALUES, EXAMPLES, VISITOR, final_state, until

Waiting = tuple[threading.Event, Iterator[Updates], Updates]


@pytest.fixture
def waiting(page: Page) -> Iterator[Waiting]:
    """An event that ends the runs of others, a run that waits for them, and what it shows while it waits."""
    end, queue = threading.Event(), page.service.queue

    def long() -> Iterator[None]:
        end.wait(10)
        yield

    for _ in range(STEPS_AT_ONCE + 2):  # one more than can run, so that one waits
        threading.Thread(target=lambda: list(queue.each(long())), daemon=True).start()
    while not queue.ahead():
        time.sleep(0.01)
    steps = page.show(CONTROL_VALUES, VISITOR)
    yield end, steps, next(steps)
    end.set()


@pytest.mark.slow
def test_waiting_visitor_sees_how_many_photos_come_first(page: Page, waiting: Waiting) -> None:
    end, steps, shown = waiting
    assert "1 photo comes before yours" in shown["status"]
    assert shown["cancel"] == visible(True)
    assert shown["lime_picture"] is None and shown["lime_title"] == "", "it would name the last photo's class"
    end.set()
    assert "Waiting" not in next(steps)["status"], "its turn has begun"
    page.runs.stop(VISITOR)
    assert list(steps)[-1]["cancel"] == visible(False)


def test_run_that_is_cancelled_while_it_waits_leaves_the_queue(page: Page, waiting: Waiting) -> None:
    _, steps, shown = waiting
    page.runs.stop(VISITOR)
    shown = final_state(steps, shown)
    assert "Waiting" not in shown["status"] and shown["cancel"] == visible(False) and shown["seen"] is None
    assert page.service.queue.running + page.service.queue.waiting == STEPS_AT_ONCE + 2, "it must leave the queue"


@pytest.mark.slow
def test_run_follows_controls_that_are_changed_during_it(page: Page) -> None:
    steps = page.show(CONTROL_VALUES, VISITOR)
    shown = until(steps, "lime_text")
    assert re.search(r"\b8 of \d+ superpixels", shown["numbers"])
    page.update_controls(VISITOR, CONTROL_VALUES | {"language": "tr", "shown": 3, "slide_map": "attention"})
    shown = final_state(steps, shown)
    assert re.search(r"\b3 tanesi", shown["numbers"]) and "saniyede tamamlandı" in shown["status"]
    assert shown["slide_map"]["value"] == "attention" and "shown=3" in shown["link"] and "lang=tr" in shown["link"]


@pytest.mark.slow
def test_next_run_begins_with_the_values_of_the_controls(page: Page) -> None:
    page.update_controls(VISITOR, CONTROL_VALUES | {"language": "tr", "shown": 3})
    shown = final_state(page.show(CONTROL_VALUES, VISITOR), {})
    assert re.search(r"\b8 of \d+ superpixels", shown["numbers"]) and "lang=en" in shown["link"]


@pytest.mark.slow
def test_stopped_run_still_looks_stopped_in_another_language(page: Page) -> None:
    steps = page.show(CONTROL_VALUES, VISITOR)
    shown = until(steps, "lime_text")
    page.runs.stop(VISITOR)
    shown = final_state(steps, shown)
    assert "<progress" not in shown["status"] and not shown["cancel"]["visible"]
    again = page.change_language(CONTROL_VALUES | {"language": "tr", "seen": shown["seen"]}, VISITOR)
    assert "<progress" not in again["status"] and not again["cancel"]["visible"] and "seen" not in again
    assert "süperpiksel" in again["numbers"] and "düz çizgi" in again["lime_text"]


@pytest.mark.slow
def test_current_run_still_looks_unfinished_in_another_language(page: Page) -> None:
    steps = page.show(CONTROL_VALUES, VISITOR)
    seen = until(steps, "lime_text")["seen"]
    again = page.change_language(CONTROL_VALUES | {"language": "tr", "seen": seen}, VISITOR)
    assert again["cancel"]["visible"] and "<progress" in again["status"]
    page.runs.stop(VISITOR)
    final_state(steps, {})


# Failures, photos without a face, and the end of a visit


def test_model_that_cannot_be_opened_is_reported_and_other_texts_are_translated(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        raise ArtifactError(Message("page.another_photo"))

    monkeypatch.setattr(page.models, "get", broken)
    monkeypatch.setattr(page.models, "is_open", lambda name: True)
    found = page.change_language(CONTROL_VALUES | {"language": "tr"}, VISITOR)
    assert "notice" in found["scope"] and found["card"] == found["model_pictures"] == ""
    assert found["placeholder"] and model_pictures(page, CONTROL_VALUES) == {"model_pictures": ""}
    assert list(page.describe(CONTROL_VALUES))[-1]["model_pictures"] == ""


@pytest.mark.slow
def test_tabs_about_a_face_are_hidden_until_the_whole_picture_is_judged(page: Page) -> None:
    """With ``visible=False`` Gradio would still show the title of a tab."""
    controls = CONTROL_VALUES | {"photo": str(EXAMPLES / "cat.jpg")}
    shown = final_state(page.show(controls, VISITOR), {})
    assert all(shown[name] == {"visible": "hidden"} for name in FACE_ONLY_TABS)
    assert shown["placeholder"] == visible(True) and shown["more_tabs"]["selected"] == "origin"
    steps = page.show(controls | {"seen": shown["seen"], "whole": True}, VISITOR)
    again = until(steps, "verdict")
    assert again["placeholder"] == visible(False) and all(again[name] == visible(True) for name in FACE_ONLY_TABS)
    page.runs.stop(VISITOR)
    final_state(steps, {})


def test_page_says_what_to_do_after_a_file_that_is_not_a_photo(page: Page, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("Not a photo.")
    shown = final_state(page.show(CONTROL_VALUES | {"photo": str(tmp_path / "text.jpg")}, VISITOR), {})
    assert shown["placeholder"] == visible(True) and "error" in shown["notice"]["value"]


def test_refusal_follows_the_language_until_the_next_photo(page: Page, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("Not a photo.")
    bad = CONTROL_VALUES | {"photo": str(tmp_path / "text.jpg")}
    refused = final_state(page.show(bad, VISITOR), {})["refused"]
    again = page.change_language(bad | {"language": "tr", "refused": refused}, VISITOR)
    with use_language("tr"):
        assert str(refused) in again["notice"]["value"] and "okunabilir" in str(refused)
    assert next(page.show(CONTROL_VALUES | {"refused": refused}, VISITOR))["refused"] is None


def test_status_says_that_a_run_was_stopped_before_it_had_a_result(page: Page) -> None:
    steps = page.show(CONTROL_VALUES, VISITOR)
    next(steps)
    page.runs.stop(VISITOR)
    assert "before there was a result" in final_state(steps, {})["status"]


def test_choices_of_an_earlier_example_are_removed_for_a_visitors_photo(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes((EXAMPLES / "hopper_face.jpg").read_bytes() + b"end")
    steps = page.show(CONTROL_VALUES | {"photo": str(photo), "slide_map": "original"}, VISITOR)
    assert [name for _, name in next(steps)["slide_map"]["choices"]] == ["attention", "lime"]
    page.runs.stop(VISITOR)
    final_state(steps, {})


def test_visitor_who_left_is_forgotten(page: Page) -> None:
    page.update_controls(VISITOR, CONTROL_VALUES | {"language": "tr"})
    assert page.language_of(VISITOR, "en") == "tr"
    page.forget(VISITOR)
    assert page.language_of(VISITOR, "en") == "en"
