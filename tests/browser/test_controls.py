"""The page's controls in a real browser: settings, cancelling, one run after another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FAKE = EXAMPLES / "hopper_face.jpg"
RUN_S = 400  # a run with thousands of samples on a busy machine
STOPPED_MS = 1500  # a run that was not stopped would draw several times in it


# Settings


def test_regions_shown_changes_the_picture_without_a_new_run(done: Visitor) -> None:
    done.set_number("shown", 8)
    done.wait_until(lambda: "The 8 strongest" in done.numbers(), "eight regions")
    done.settle()
    status, picture, heatmap = done.text("#status"), done.source("#lime img"), done.picture("#attention img")
    before = len(done.requests)
    done.set_number("shown", 2)
    done.wait_until(lambda: "The 2 strongest" in done.numbers(), "two regions")
    done.wait_until(lambda: done.source("#lime img") != picture, "another overlay")
    assert done.text("#status") == status
    np.testing.assert_array_equal(done.picture("#attention img"), heatmap)
    runs = [url for url in done.requests[before:] if "queue/join" in url]
    assert runs == [], "a run was queued"
    done.shoot("settings")


def test_slider_itself_can_be_moved_by_keys(done: Visitor) -> None:
    done.set_number("shown", 4)
    done.wait_until(lambda: "The 4 strongest" in done.numbers(), "four regions")
    slider = done.find("#shown input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    done.wait_until(lambda: "The 5 strongest" in done.numbers(), "five regions")


def test_smoothing_redraws_the_heatmap_alone(done: Visitor) -> None:
    native, overlay = done.picture("#attention img"), done.picture("#lime img")
    source = done.source("#attention img")
    done.open_settings()
    done.page.get_by_label("Smooth the attention map").check()
    done.wait_until(lambda: done.source("#attention img") != source, "another heatmap")
    assert not np.array_equal(done.picture("#attention img"), native)
    np.testing.assert_array_equal(done.picture("#lime img"), overlay)
    done.page.get_by_label("Smooth the attention map").uncheck()
    done.wait_until(lambda: np.array_equal(done.picture("#attention img"), native), "the heatmap of before")


def test_superpixels_start_a_new_run(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    before = visitor.superpixels()
    visitor.set_number("superpixels", 10)
    visitor.wait_until(lambda: 0 < visitor.superpixels() < before / 2, "a map of fewer superpixels")
    visitor.wait_done()


def test_a_slider_left_empty_is_no_error(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    visitor.open_settings()
    field = visitor.find("#samples input[type=number]")
    field.fill("")
    field.press("Tab")
    visitor.settle(500)
    assert visitor.find(".toast-wrap .error, [data-testid=toast-body].error").count() == 0
    visitor.wait_done()
    assert visitor.samples() >= 100


# Cancelling


def test_cancel_stops_and_the_page_can_run_again(arrive: Callable[..., Visitor]) -> None:
    visitor = arrive("trust=0&superpixels=150&samples=5000")
    visitor.upload(FAKE)
    visitor.wait_until(visitor.samples, "the first map")
    visitor.shoot("running")
    visitor.find("#cancel").click()
    visitor.wait_for_text("#status", "Stopped")
    stopped = visitor.samples()
    assert 0 < stopped < 5000
    assert f"{stopped:,}" in visitor.text("#status")
    assert not visitor.find("#cancel").is_visible()
    visitor.settle(STOPPED_MS)
    assert visitor.samples() == stopped
    assert "Stopped" in visitor.text("#status")
    assert visitor.is_seen("#lime img"), "what was shown stays"
    visitor.shoot("stopped")
    visitor.set_number("samples", 200)
    visitor.wait_done()
    assert visitor.samples() == 200


def test_a_newer_run_takes_the_place_of_the_one_before(arrive: Callable[..., Visitor]) -> None:
    visitor = arrive("trust=0&superpixels=150&samples=5000")
    visitor.upload(FAKE)
    visitor.wait_until(visitor.samples, "the first map")
    visitor.set_number("samples", 300)
    visitor.wait_done()
    assert visitor.samples() == 300
    visitor.settle(STOPPED_MS)
    assert visitor.samples() == 300, "the run before must not come back"
    assert "Done" in visitor.text("#status")


def test_only_the_last_of_two_photos_in_a_row_is_shown(visitor: Visitor) -> None:
    for pause in (200, 300, 400, 500, 600, 800):  # from before the first photo's verdict until after it
        visitor.page.get_by_role("button", name="Astronaut: untouched").click()
        visitor.page.wait_for_timeout(pause)
        visitor.page.get_by_role("button", name="A cat: no face").click()
        visitor.wait_for_text("#notice", "so there is no score")
        visitor.settle(STOPPED_MS)
        for part in ("#verdict .verdict", "#lime", "#attention"):
            assert not visitor.find(part).is_visible(), f"{part} of the photo before, after {pause} ms"
        assert visitor.text("#status") == ""
        assert "so there is no score" in visitor.text("#notice")


def test_two_visitors_do_not_disturb_each_other(arrive: Callable[..., Visitor]) -> None:
    one, two = (arrive(f"trust=0&superpixels=150&samples={samples}") for samples in (5000, 1200))
    one.upload(FAKE)
    two.upload(EXAMPLES / "astronaut.jpg")
    one.wait_until(one.samples, "the first visitor's map")
    two.wait_until(two.samples, "the second visitor's map")
    one.find("#cancel").click()
    one.wait_for_text("#status", "Stopped")
    two.wait_done(RUN_S)
    assert two.samples() == 1200
    assert one.samples() < 5000


def test_a_photo_is_pasted_anywhere_on_the_page(visitor: Visitor) -> None:
    visitor.page.evaluate(
        """async name => {
            const blob = await (await fetch(name)).blob()
            const carried = new DataTransfer()
            carried.items.add(new File([blob], "pasted.jpg", {type: "image/jpeg"}))
            document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: carried, bubbles: true}))
        }""",
        visitor.attribute("#example-astronaut img", "src"),
    )
    visitor.wait_done()
    assert visitor.find("#verdict .verdict").is_visible()
