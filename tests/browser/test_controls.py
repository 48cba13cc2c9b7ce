"""The page's controls in a real browser: settings, cancelling, one run after another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.browser.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FAKE = EXAMPLES / "hopper_face.jpg"
RUN_S = 400  # a run with thousands of samples on a busy machine


# Settings


def test_regions_shown_changes_the_picture_without_a_new_run(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    assert "The 8 strongest" in visitor.text("#lime-text")
    status, picture, heatmap = visitor.text("#status"), visitor.source("#lime img"), visitor.picture("#attention img")
    before = len(visitor.requests)
    visitor.set_number("shown", 2)
    visitor.wait_for_text("#lime-text", "The 2 strongest")
    visitor.wait_until(lambda: visitor.source("#lime img") != picture, "another overlay")
    assert visitor.text("#status") == status
    np.testing.assert_array_equal(visitor.picture("#attention img"), heatmap)
    runs = [url for url in visitor.requests[before:] if "queue/join" in url]
    assert runs == [], "a run was queued"
    visitor.shoot("settings")


def test_slider_itself_can_be_moved_by_keys(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    visitor.open_settings()
    slider = visitor.find("#shown input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    visitor.wait_for_text("#lime-text", "The 9 strongest")


def test_smoothing_redraws_the_heatmap_alone(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    native, overlay = visitor.picture("#attention img"), visitor.picture("#lime img")
    source = visitor.source("#attention img")
    visitor.open_settings()
    visitor.page.get_by_label("Smooth the attention map").check()
    visitor.wait_until(lambda: visitor.source("#attention img") != source, "another heatmap")
    assert not np.array_equal(visitor.picture("#attention img"), native)
    np.testing.assert_array_equal(visitor.picture("#lime img"), overlay)


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
    visitor.page.wait_for_timeout(1500)
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
    visitor.page.wait_for_timeout(4000)
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
    visitor.page.wait_for_timeout(3000)
    assert visitor.samples() == 300, "the run before must not come back"
    assert "Done" in visitor.text("#status")


def test_only_the_last_of_two_photos_in_a_row_is_shown(visitor: Visitor) -> None:
    for pause in (200, 300, 400, 500, 600, 800):  # from before the first photo's verdict until after it
        visitor.page.get_by_role("button", name="Astronaut: untouched").click()
        visitor.page.wait_for_timeout(pause)
        visitor.page.get_by_role("button", name="A cat: no face").click()
        visitor.wait_for_text("#notice", "so there is no score")
        visitor.page.wait_for_timeout(2500)
        for part in ("#verdict .verdict", "#lime", "#attention"):
            assert not visitor.find(part).is_visible(), f"{part} of the photo before, after {pause} ms"
        assert visitor.text("#status") == ""
        assert "so there is no score" in visitor.text("#notice")


def test_two_visitors_do_not_disturb_each_other(arrive: Callable[..., Visitor]) -> None:
    one, two = (arrive("trust=0&superpixels=150&samples=1200") for _ in range(2))
    one.upload(FAKE)
    two.upload(EXAMPLES / "astronaut.jpg")
    one.wait_until(one.samples, "the first visitor's map")
    two.wait_until(two.samples, "the second visitor's map")
    one.find("#cancel").click()
    one.wait_for_text("#status", "Stopped")
    two.wait_done(RUN_S)
    assert two.samples() == 1200
    assert one.samples() < 1200


def test_taking_the_photo_away_clears_the_page(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    visitor.remove_photo()
    visitor.wait_for_text(".placeholder", "Drop a photo")
    for part in ("#verdict .verdict", "#lime", "#found", "#notice"):
        visitor.wait_until(lambda part=part: not visitor.find(part).is_visible(), f"{part} gone")
