"""What the page shows when a visitor has to wait, changes something while a run goes on, or leaves."""

from __future__ import annotations

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
from tests.explain.page.run.visits import CONTROL_VALUES, EXAMPLES, VISITOR, rest, until

Waiting = tuple[threading.Event, Iterator[Updates], Updates]


@pytest.fixture
def waiting(page: Page) -> Iterator[Waiting]:
    """What ends the others' verdicts, a run that waits for its own, and what it shows meanwhile."""
    end, queue = threading.Event(), page.service.queue

    def long() -> Iterator[None]:
        end.wait(10)
        yield

    for _ in range(STEPS_AT_ONCE + 2):  # one more than may run is one that waits
        threading.Thread(target=lambda: list(queue.each(long())), daemon=True).start()
    while not queue.ahead():
        time.sleep(0.01)
    steps = page.show(CONTROL_VALUES, VISITOR)
    yield end, steps, next(steps)
    end.set()


def test_visitor_who_has_to_wait_is_told(page: Page, waiting: Waiting) -> None:
    end, steps, shown = waiting
    assert "1 photo comes before yours" in shown["status"]
    assert shown["cancel"] == visible(True)
    assert shown["lime_picture"] is None and shown["lime_title"] == "", "a heading would name the last photo's class"
    end.set()
    assert "Waiting" not in next(steps)["status"], "its turn has come"
    page.runs.stop(VISITOR)
    assert list(steps)[-1]["cancel"] == visible(False)


def test_visitor_who_stops_waiting_is_told_that_the_run_was_stopped(page: Page, waiting: Waiting) -> None:
    _, steps, shown = waiting
    page.runs.stop(VISITOR)
    shown = rest(steps, shown)
    assert "Waiting" not in shown["status"] and shown["cancel"] == visible(False) and shown["seen"] is None
    assert page.service.queue.running + page.service.queue.waiting == STEPS_AT_ONCE + 2, "it is not among them"


@pytest.mark.slow
def test_run_follows_what_was_changed_meanwhile(page: Page) -> None:
    steps = page.show(CONTROL_VALUES, VISITOR)
    shown = until(steps, "lime_text")
    assert "The 8 strongest" in shown["numbers"]
    page.update_controls(VISITOR, CONTROL_VALUES | {"language": "tr", "shown": 3, "slide_map": "attention"})
    shown = rest(steps, shown)
    assert "en güçlü 3 tanesi" in shown["numbers"] and "saniyede tamamlandı" in shown["status"]
    assert shown["slide_map"]["value"] == "attention" and "shown=3" in shown["link"] and "lang=tr" in shown["link"]


@pytest.mark.slow
def test_next_run_begins_with_what_the_controls_hold(page: Page) -> None:
    page.update_controls(VISITOR, CONTROL_VALUES | {"language": "tr", "shown": 3})
    shown = rest(page.show(CONTROL_VALUES, VISITOR), {})
    assert "The 8 strongest" in shown["numbers"] and "lang=en" in shown["link"]


@pytest.mark.slow
def test_stopped_run_is_translated_as_a_stopped_one(page: Page) -> None:
    steps = page.show(CONTROL_VALUES, VISITOR)
    shown = until(steps, "lime_text")
    page.runs.stop(VISITOR)
    shown = rest(steps, shown)
    assert "<progress" not in shown["status"] and not shown["cancel"]["visible"]
    again = page.change_language(CONTROL_VALUES | {"language": "tr", "seen": shown["seen"]}, VISITOR)
    assert "<progress" not in again["status"] and not again["cancel"]["visible"] and "seen" not in again
    assert "süperpiksel" in again["numbers"] and "düz çizgi" in again["lime_text"]


@pytest.mark.slow
def test_running_one_is_translated_as_a_running_one(page: Page) -> None:
    steps = page.show(CONTROL_VALUES, VISITOR)
    seen = until(steps, "lime_text")["seen"]
    again = page.change_language(CONTROL_VALUES | {"language": "tr", "seen": seen}, VISITOR)
    assert again["cancel"]["visible"] and "<progress" in again["status"]
    page.runs.stop(VISITOR)
    rest(steps, {})


# What is asked for later


def test_model_that_cannot_be_opened_is_told_and_all_else_translated(
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


def test_without_a_face_only_the_file_is_spoken_of_until_the_whole_picture_is_judged(page: Page) -> None:
    """Gradio goes on showing the title of a tab that is not ``visible``."""
    controls = CONTROL_VALUES | {"photo": str(EXAMPLES / "cat.jpg")}
    shown = rest(page.show(controls, VISITOR), {})
    assert all(shown[name] == {"visible": "hidden"} for name in FACE_ONLY_TABS)
    assert shown["placeholder"] == visible(True) and shown["more_tabs"]["selected"] == "origin"
    steps = page.show(controls | {"seen": shown["seen"], "whole": True}, VISITOR)
    again = until(steps, "verdict")
    assert again["placeholder"] == visible(False) and all(again[name] == visible(True) for name in FACE_ONLY_TABS)
    page.runs.stop(VISITOR)
    rest(steps, {})


def test_after_a_file_that_is_no_photo_the_page_says_what_to_do_next(page: Page, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("Not a photo.")
    shown = rest(page.show(CONTROL_VALUES | {"photo": str(tmp_path / "text.jpg")}, VISITOR), {})
    assert shown["placeholder"] == visible(True) and "error" in shown["notice"]["value"]


def test_what_was_refused_follows_the_language_until_the_next_photo(page: Page, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("Not a photo.")
    bad = CONTROL_VALUES | {"photo": str(tmp_path / "text.jpg")}
    refused = rest(page.show(bad, VISITOR), {})["refused"]
    again = page.change_language(bad | {"language": "tr", "refused": refused}, VISITOR)
    with use_language("tr"):
        assert str(refused) in again["notice"]["value"] and "okunabilir" in str(refused)
    assert next(page.show(CONTROL_VALUES | {"refused": refused}, VISITOR))["refused"] is None


def test_run_that_was_stopped_before_its_verdict_speaks_of_no_results(page: Page) -> None:
    steps = page.show(CONTROL_VALUES, VISITOR)
    next(steps)
    page.runs.stop(VISITOR)
    assert "before there was a result" in rest(steps, {})["status"]


def test_photo_of_a_visitor_has_no_choice_of_the_example_before_it(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes((EXAMPLES / "hopper_face.jpg").read_bytes() + b"end")
    steps = page.show(CONTROL_VALUES | {"photo": str(photo), "slide_map": "original"}, VISITOR)
    assert [name for _, name in next(steps)["slide_map"]["choices"]] == ["attention", "lime"]
    page.runs.stop(VISITOR)
    rest(steps, {})


def test_visitor_who_left_is_forgotten(page: Page) -> None:
    page.update_controls(VISITOR, CONTROL_VALUES | {"language": "tr"})
    assert page.language_of(VISITOR, "en") == "tr"
    page.forget(VISITOR)
    assert page.language_of(VISITOR, "en") == "en"
