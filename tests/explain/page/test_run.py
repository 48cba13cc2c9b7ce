"""What the page shows when a visitor changes something while a run goes on, has stopped, or can't begin."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from explain.page import what_if
from explain.page.components.controls import AT_FIRST
from explain.page.components.updates import Updates, visible
from explain.page.downloads import download
from explain.page.run import Page, slide
from explain.service.service import BUSY_VISITORS
from model.available import MODEL_FOLDER, FoundModel, Models
from model.errors import ArtifactError
from model.i18n.catalogue import Said, speaking
from model.paths import SHIPPED

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
VISITOR = "visitor"
ASKED: dict[str, Any] = {
    **AT_FIRST,
    **{"language": "en", "model": "lite_attention", "photo": str(EXAMPLES / "hopper_face.jpg"), "trust": False},
    **{"samples": 200, "superpixels": 20, "face": 0, "whole": False, "seen": None, "hidden": [], "regions": []},
    **{"top": 0, "slide_map": "lime", "many_progress": None},
}


@pytest.fixture
def page() -> Page:
    return Page(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))


def until(steps: Iterator[Updates], name: str) -> Updates:
    """What is shown once a part has something to say."""
    shown: Updates = {}
    for step in steps:
        shown |= step
        if step.get(name):
            return shown
    raise AssertionError(f"the run ended without {name}")


def rest(steps: Iterator[Updates], shown: Updates) -> Updates:
    for step in steps:
        shown |= step
    return shown


Waiting = tuple[list[Iterator[int]], Iterator[Updates], Updates]


@pytest.fixture
def waiting(page: Page) -> Waiting:
    """All places, a run that waits for one, and what it shows meanwhile."""
    places = [page.doors.turns.each(iter([1, 2])) for _ in range(BUSY_VISITORS)]
    for place in places:
        next(place)
    steps = page.show(ASKED, VISITOR)
    return places, steps, next(steps) | next(steps)


def test_visitor_who_has_to_wait_is_told(page: Page, waiting: Waiting) -> None:
    places, steps, shown = waiting
    assert "Waiting for a free place (being analysed: 4, waiting before you: 0)" in shown["status"]
    assert shown["cancel"] == visible(True)
    list(places[0])
    assert "Waiting" not in next(steps)["status"], "its turn has come"
    page.runs.stop(VISITOR)
    assert list(steps)[-1]["cancel"] == visible(False)


def test_visitor_who_stops_waiting_is_told_that_the_run_was_stopped(page: Page, waiting: Waiting) -> None:
    _, steps, shown = waiting
    page.runs.stop(VISITOR)
    shown = rest(steps, shown)
    assert "Waiting" not in shown["status"] and shown["cancel"] == visible(False) and shown["seen"] is None
    assert page.doors.turns.waiting == 0


@pytest.mark.slow
def test_run_follows_what_was_changed_meanwhile(page: Page) -> None:
    steps = page.show(ASKED, VISITOR)
    shown = until(steps, "lime_text")
    assert "The 8 strongest" in shown["lime_text"]
    page.wish(VISITOR, ASKED | {"language": "tr", "shown": 3, "slide_map": "attention"})
    shown = rest(steps, shown)
    assert "en güçlü 3 tanesi" in shown["lime_text"] and "saniyede tamamlandı" in shown["status"]
    assert shown["slide_map"]["value"] == "attention" and "shown=3" in shown["link"] and "lang=tr" in shown["link"]


@pytest.mark.slow
def test_next_run_begins_with_what_the_controls_hold(page: Page) -> None:
    page.wish(VISITOR, ASKED | {"language": "tr", "shown": 3})
    shown = rest(page.show(ASKED, VISITOR), {})
    assert "The 8 strongest" in shown["lime_text"] and "lang=en" in shown["link"]


@pytest.mark.slow
def test_stopped_run_is_translated_as_a_stopped_one(page: Page) -> None:
    steps = page.show(ASKED, VISITOR)
    shown = until(steps, "lime_text")
    page.runs.stop(VISITOR)
    shown = rest(steps, shown)
    assert "<progress" not in shown["status"] and not shown["cancel"]["visible"]
    again = page.translate(ASKED | {"language": "tr", "seen": shown["seen"]}, VISITOR)
    assert "<progress" not in again["status"] and not again["cancel"]["visible"] and "seen" not in again
    assert "süperpiksel" in again["lime_text"]


@pytest.mark.slow
def test_running_one_is_translated_as_a_running_one(page: Page) -> None:
    steps = page.show(ASKED, VISITOR)
    seen = until(steps, "lime_text")["seen"]
    again = page.translate(ASKED | {"language": "tr", "seen": seen}, VISITOR)
    assert again["cancel"]["visible"] and "<progress" in again["status"]
    page.runs.stop(VISITOR)
    rest(steps, {})


@pytest.fixture(scope="module")
def finished() -> tuple[Page, Updates]:
    """A page after a complete run, and all that it shows."""
    page = Page(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))
    return page, rest(page.show(ASKED, VISITOR), {})


@pytest.mark.slow
def test_what_is_hidden_stays_hidden_in_another_language(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    asked = ASKED | {"language": "tr", "seen": shown["seen"]}
    again = page.translate(asked | {"hidden": [2, 0]}, VISITOR)
    with speaking("tr"):
        hidden = what_if.hide_named(asked | {"regions": [2, 0]})
    assert again["hidden"] == hidden["hidden"] and again["what_if_text"] == hidden["what_if_text"]
    assert page.translate(asked, VISITOR)["hidden"] == []


@pytest.mark.slow
def test_drawing_anew_reaches_slide_and_link_and_leaves_the_analysis_alone(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    asked = ASKED | {"seen": shown["seen"], "shown": 2, "smooth": True, "slide_map": "attention"}
    found = page.redraw(asked)
    assert "seen" not in found and "shown=2" in found["link"] and "smooth=1" in found["link"]
    assert (found["attention_picture"] != shown["attention_picture"]).any()
    assert (found["slide_picture"][1] == found["attention_picture"]).all()
    before = slide(shown["seen"], ASKED | {"slide_map": "attention"})["slide_picture"]
    assert (before[1] == shown["attention_picture"]).all()


@pytest.mark.slow
def test_report_of_another_photo_takes_the_last_file_away(finished: tuple[Page, Updates]) -> None:
    page, shown = finished
    card = page.models.get("lite_attention").card
    asked = ASKED | {"seen": shown["seen"], "photo": str(EXAMPLES / "astronaut.jpg")}
    (step,) = download(asked, card, "html")
    assert step["ready"] is None and step["notice"]["visible"]


@pytest.mark.slow
@pytest.mark.parametrize("smooth", [False, True])
def test_report_tells_whether_its_mask_is_smoothed(finished: tuple[Page, Updates], smooth: bool) -> None:
    page, shown = finished
    made = download(ASKED | {"seen": shown["seen"], "smooth": smooth}, page.models.get("lite_attention").card, "zip")
    with zipfile.ZipFile(next(made)["ready"]) as archive:
        data = json.loads(archive.read(next(name for name in archive.namelist() if name.endswith("report.json"))))
    assert data["settings"]["smooth_attention"] is smooth
    made.close()


def test_model_that_cannot_be_opened_is_told_and_all_else_translated(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        raise ArtifactError(Said("page.another_photo"))

    monkeypatch.setattr(page.models, "get", broken)
    monkeypatch.setattr(page.models, "is_open", lambda name: True)
    found = page.translate(ASKED | {"language": "tr"}, VISITOR)
    assert "notice" in found["scope"] and found["card"] == found["model_pictures"] == ""
    assert found["placeholder"] and page.model_pictures(ASKED) == {"model_pictures": ""}
    assert list(page.describe(ASKED))[-1]["model_pictures"] == ""


def test_visitor_who_left_is_forgotten(page: Page) -> None:
    page.wish(VISITOR, ASKED | {"language": "tr"})
    assert page.spoken(VISITOR, "en") == "tr"
    page.forget(VISITOR)
    assert page.spoken(VISITOR, "en") == "en"
