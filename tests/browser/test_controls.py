"""The page's controls in a real browser: settings, cancelling, one run after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FAKE = EXAMPLES / "hopper_face.jpg"
RUN_S = 400  # a run with thousands of samples on a busy machine
LATE_MS = 1000  # a late update of an earlier photo would arrive within this time
STOPPED_MS = 1500  # a run that was not stopped would draw several times within this time
LONG = "trust=0&superpixels=100&samples={}"
# Records every state of the page: on a busy machine several states come between two polls.
RECORD_LIME = """() => {
    window.seen = []
    new MutationObserver(() => {
        const status = document.querySelector("#status")
        const numbers = document.querySelector("#numbers")?.textContent ?? ""
        const isAboutLime = status?.textContent.includes("LIME")
        window.seen.push({
            done: !!status?.textContent.includes("Done"),
            samples: Number(numbers.match(/([\\d,]+) pictures/)?.[1].replace(",", "") ?? 0),
            picture: document.querySelector("#lime img")?.getAttribute("src") ?? "",
            bar: (isAboutLime && status.querySelector("progress")?.getAttribute("value")) || "",
        })
    }).observe(document, {subtree: true, childList: true, attributes: true, characterData: true})
}"""
STATUS_IS_VISIBLE = """() => {
    const { x, y } = document.querySelector("#status p").getBoundingClientRect()
    return Boolean(document.elementFromPoint(x + 5, y + 5)?.closest("#status"))
}"""


# Settings


def test_number_of_regions_shown_changes_the_picture_without_a_new_run(done: Visitor) -> None:
    done.set_number("shown", 8)
    done.wait_until(lambda: "8 of " in done.numbers(), "eight regions")
    done.settle()
    status, picture, heatmap = done.text("#status"), done.source("#lime img"), done.picture("#attention img")
    before = len(done.requests)
    done.set_number("shown", 2)
    done.wait_until(lambda: "2 of " in done.numbers(), "two regions")
    done.wait_until(lambda: done.source("#lime img") != picture, "another overlay")
    assert done.text("#status") == status
    np.testing.assert_array_equal(done.picture("#attention img"), heatmap)
    runs = [url for url in done.requests[before:] if "queue/join" in url]
    assert runs == [], "no run must be queued"
    done.screenshot("settings")


def test_slider_can_be_moved_by_keys(done: Visitor) -> None:
    done.set_number("shown", 4)
    done.wait_until(lambda: "4 of " in done.numbers(), "four regions")
    slider = done.find("#shown input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    done.wait_until(lambda: "5 of " in done.numbers(), "five regions")


def test_smoothing_redraws_only_the_heatmap(done: Visitor) -> None:
    native, overlay = done.picture("#attention img"), done.picture("#lime img")
    source = done.source("#attention img")
    done.open_settings()
    done.page.get_by_label("Smooth the attention map").check()
    done.wait_until(lambda: done.source("#attention img") != source, "another heatmap")
    assert not np.array_equal(done.picture("#attention img"), native)
    np.testing.assert_array_equal(done.picture("#lime img"), overlay)
    done.page.get_by_label("Smooth the attention map").uncheck()
    done.wait_until(lambda: np.array_equal(done.picture("#attention img"), native), "the earlier heatmap")


# The tests below change the settings and the photo of the kept page.


def test_arrow_keys_on_the_samples_slider_start_a_run(done: Visitor) -> None:
    with done.begins():
        done.set_number("samples", 200)
    done.wait_done()
    slider = done.find("#samples input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    done.wait_until(lambda: done.samples() == 300, "a map with one more step of samples")


def test_other_number_of_superpixels_starts_a_new_run(done: Visitor) -> None:
    before = done.superpixels()
    done.set_number("superpixels", 10)
    done.wait_until(lambda: 0 < done.superpixels() < before / 2, "a map of fewer superpixels")
    done.wait_done()


def test_empty_number_field_of_a_slider_is_not_an_error(done: Visitor) -> None:
    done.open_settings()
    field = done.find("#samples input[type=number]")
    field.fill("")
    field.press("Tab")
    done.settle(500)
    assert done.find(".toast-wrap .error, [data-testid=toast-body].error").count() == 0
    done.wait_done()
    assert done.samples() >= 100


def test_photo_can_be_pasted_anywhere_on_the_page(kept_visitor: Visitor) -> None:
    with kept_visitor.begins():
        kept_visitor.page.evaluate(
            """async name => {
                const blob = await (await fetch(name)).blob()
                const carried = new DataTransfer()
                carried.items.add(new File([blob], "pasted.jpg", {type: "image/jpeg"}))
                document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: carried, bubbles: true}))
            }""",
            kept_visitor.attribute("#example-astronaut img", "src"),
        )
    kept_visitor.wait_done()
    assert kept_visitor.find("#verdict .verdict").is_visible()


def test_only_the_last_of_two_photos_in_quick_succession_is_shown(kept_visitor: Visitor) -> None:
    kept_visitor.close_settings()
    for pause in (150, 400, 650):  # from a time before the first photo's verdict to one after it
        kept_visitor.page.get_by_role("button", name="Astronaut: untouched").click()
        kept_visitor.page.wait_for_timeout(pause)
        kept_visitor.page.get_by_role("button", name="A cat: no face").click()
        kept_visitor.wait_for_text("#notice", "so there is no score")
        kept_visitor.settle(LATE_MS)
        for part in ("#verdict .verdict", "#lime", "#attention"):
            assert not kept_visitor.find(part).is_visible(), f"{part} shows the earlier photo, after {pause} ms"
        assert kept_visitor.text("#status") == ""
        assert "so there is no score" in kept_visitor.text("#notice")


def test_keyboard_opens_and_closes_the_settings_and_the_focus_returns(kept_visitor: Visitor) -> None:
    kept_visitor.close_settings()
    kept_visitor.find("#settings-button").press("Enter")
    _wait_for_focus(kept_visitor, "#settings-drawer .toggle-button")
    kept_visitor.page.keyboard.press("Tab")
    assert kept_visitor.page.evaluate("document.activeElement.closest('#settings-drawer') !== null")
    kept_visitor.page.keyboard.press("Escape")
    _wait_for_focus(kept_visitor, "#settings-button")
    assert not kept_visitor.find("#samples").is_visible()


def _wait_for_focus(visitor: Visitor, selector: str) -> None:
    has_focus = f"document.activeElement?.matches({selector!r})"
    visitor.wait_until(lambda: visitor.page.evaluate(has_focus), f"the focus on {selector}", 10)


# Cancelling


@pytest.fixture(scope="module")
def stopped_visitor(kept_context: Callable[..., BrowserContext], page_url: str) -> Iterator[Visitor]:
    """A visitor who has cancelled a long run."""
    visitor = Visitor(kept_context(), page_url, LONG.format(5000))
    visitor.upload(FAKE)
    visitor.wait_until(visitor.samples, "the first map")
    visitor.screenshot("running")
    visitor.find("#cancel").click()
    visitor.wait_for_text("#status", "Stopped")
    yield visitor
    visitor.leave()


def test_cancel_stops_the_run_and_a_new_run_can_start(stopped_visitor: Visitor) -> None:
    stopped = stopped_visitor.samples()
    assert 0 < stopped < 5000
    assert f"{stopped:,}" in stopped_visitor.text("#status")
    assert not stopped_visitor.find("#cancel").is_visible()
    stopped_visitor.settle(STOPPED_MS)
    assert stopped_visitor.samples() == stopped
    assert "Stopped" in stopped_visitor.text("#status")
    assert stopped_visitor.is_seen("#lime img"), "the unfinished map must stay"
    stopped_visitor.screenshot("stopped")
    stopped_visitor.set_number("samples", 200)
    stopped_visitor.wait_done()
    assert stopped_visitor.samples() == 200


def test_new_run_replaces_the_earlier_one(stopped_visitor: Visitor) -> None:
    stopped_visitor.set_number("samples", 4900)
    stopped_visitor.wait_until(
        lambda: stopped_visitor.lime_bar() and stopped_visitor.samples() != 200, "the first map of a long run"
    )
    stopped_visitor.set_number("samples", 300)
    stopped_visitor.wait_done()
    assert stopped_visitor.samples() == 300
    stopped_visitor.settle(STOPPED_MS)
    assert stopped_visitor.samples() == 300, "the earlier run must not draw again"
    assert "Done" in stopped_visitor.text("#status")


def test_lime_map_is_updated_several_times_before_the_run_ends(stopped_visitor: Visitor) -> None:
    before = stopped_visitor.samples()
    stopped_visitor.page.evaluate(RECORD_LIME)
    with stopped_visitor.begins():
        stopped_visitor.set_number("samples", 800)
    stopped_visitor.wait_done(RUN_S)
    seen = stopped_visitor.page.evaluate("window.seen")
    samples = [state["samples"] for state in seen if not state["done"] and state["samples"] != before]
    bars = [float(state["bar"]) for state in seen if state["bar"]]
    assert samples == sorted(samples)
    assert len(set(samples)) >= 3
    assert len({state["picture"] for state in seen if state["samples"] in samples}) >= 3
    assert bars == sorted(bars)
    assert len(set(bars)) >= 3
    assert samples[0] < stopped_visitor.samples() == 800
    assert "not converged" in stopped_visitor.numbers()


def test_open_settings_on_a_phone_keep_progress_and_cancel_visible(stopped_visitor: Visitor) -> None:
    stopped_visitor.page.set_viewport_size({"width": 390, "height": 844})
    stopped_visitor.set_number("samples", 5000)
    stopped_visitor.wait_until(stopped_visitor.lime_bar, "the progress of a long run")
    stopped_visitor.find("#cancel").click()  # fails if something covers it
    stopped_visitor.wait_for_text("#status", "Stopped")
    stopped_visitor.wait_until(lambda: stopped_visitor.page.evaluate(STATUS_IS_VISIBLE), "the status above the drawer")
    stopped_visitor.close_settings()
    stopped_visitor.page.set_viewport_size({"width": 1440, "height": 900})


def test_two_visitors_do_not_disturb_each_other(stopped_visitor: Visitor, arrive: Callable[..., Visitor]) -> None:
    second_visitor, before = arrive(LONG.format(600), own_context=True), stopped_visitor.samples()
    stopped_visitor.set_number("samples", 5000)
    second_visitor.upload(EXAMPLES / "astronaut.jpg")
    stopped_visitor.wait_until(
        lambda: stopped_visitor.lime_bar() and stopped_visitor.samples() != before, "the first visitor's map"
    )
    second_visitor.wait_until(second_visitor.samples, "the second visitor's map")
    stopped_visitor.find("#cancel").click()
    stopped_visitor.wait_for_text("#status", "Stopped")
    second_visitor.wait_done(RUN_S)
    assert second_visitor.samples() == 600
    assert stopped_visitor.samples() < 5000
