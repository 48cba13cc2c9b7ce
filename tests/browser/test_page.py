"""The page in a real browser: from the first screen to a verdict with its reasons, as a visitor uses it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FAKE = EXAMPLES / "hopper_face.jpg"
RUN_S = 400  # a run with thousands of samples on a busy machine
DESKTOP = {"width": 1440, "height": 900}
IS_IN_WINDOW = """selector => {
    const box = document.querySelector(selector)?.getBoundingClientRect()
    return !!box && box.height > 0 && box.top >= 0 && box.bottom <= innerHeight
}"""
# A touch comes without earlier pointer moves, unlike the click of a mouse.
TOUCH = """image => {
    const box = image.getBoundingClientRect()
    const place = {clientX: box.left + box.width / 3, clientY: box.top + box.height / 5}
    image.dispatchEvent(new PointerEvent("pointerdown", {bubbles: true, pointerType: "touch", ...place}))
}"""


# First screen


def test_first_screen_shows_heading_examples_and_scope_and_no_verdict(kept_visitor: Visitor) -> None:
    visitor, page = kept_visitor, kept_visitor.page
    assert page.get_by_role("heading", level=1).inner_text() == "WhyFake"
    assert "An aid, not a judgement" in page.locator(".scope").inner_text()
    for name in ("Astronaut: untouched", "A cat: no face"):
        button = page.get_by_role("button", name=name)
        box = button.bounding_box()
        assert box and box["y"] + box["height"] < DESKTOP["height"], "must be visible without scrolling"
    assert page.title() == "WhyFake"
    visitor.screenshot("first")
    assert "Drop a photo" in visitor.text(".placeholder")
    parts = ("#verdict .verdict", "#lime", "#attention", "#found", "#notice", "#cancel")
    assert {part.split()[0].lstrip("#") for part in parts} <= visitor.ids(), (
        "the components that are shown later have these ids"
    )
    for part in parts:
        assert not visitor.text(part)
        assert not visitor.find(part).is_visible()


# From a photo to a verdict with its reasons


def test_photo_gets_probabilities_overlay_and_heatmap(done: Visitor) -> None:
    real, fake = (int(done.text_share(name)) for name in ("Real", "Fake"))
    assert 99 <= real + fake <= 101
    assert re.search(r"(Mostly|No small region|No region)", done.text("#reason"))
    for picture in ("#lime img", "#attention img", "#found img"):
        done.wait_until(lambda picture=picture: done.is_seen(picture), f"{picture} on the page")
    assert done.picture("#lime img").shape == done.picture("#attention img").shape == (640, 640, 3)
    assert not done.find("#cancel").is_visible()
    assert not done.text(".placeholder")
    done.screenshot("done")


def test_photo_is_shown_in_one_picture_with_its_faces(done: Visitor) -> None:
    assert done.find("#photo img").count() == 0, "the upload area must be free for the next photo"
    assert done.is_seen("#found img")
    label, picture, area = (
        done.find(f"#found{part}").bounding_box() for part in (" [data-testid=block-label]", " img", "")
    )
    assert label and picture and area
    assert picture["y"] >= label["y"] + label["height"], "the label would cover the number of a face"
    assert picture["y"] + picture["height"] <= area["y"] + area["height"]


def test_planted_region_of_an_example_is_announced(done: Visitor) -> None:
    done.wait_for_text("#notice", "We made this fake")


# Trust


def test_every_map_has_a_sentence_about_its_trust(arrive: Callable[..., Visitor]) -> None:
    visitor = arrive("superpixels=10&samples=100")
    visitor.upload(FAKE)
    visitor.wait_done(RUN_S)
    assert visitor.find(".trust").count() == 0, "trust takes seconds and was not requested"
    lime = visitor.source("#lime img")
    visitor.open_tab("Trust")
    visitor.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    visitor.wait_until(lambda: visitor.page.evaluate(IS_IN_WINDOW, "#status progress"), "progress beside the tab")
    assert visitor.page.evaluate(IS_IN_WINDOW, "#cancel")
    visitor.wait_until(lambda: visitor.find("#trust-table tbody tr").count() == 2, "a row for each map")
    visitor.wait_done(RUN_S)
    assert visitor.source("#lime img") == lime, "no map must be computed again"
    sizes = set()
    for name in ("lime", "attention"):
        sentence = visitor.find(f"#{name}-text .trust")
        assert sentence.count() == 1
        assert "better than chance" in sentence.inner_text()
        sizes.add(sentence.evaluate("sentence => getComputedStyle(sentence).fontSize"))
    assert len(sizes) == 1, "good and bad results must have the same font size"
    visitor.page.get_by_text("Curves of LIME superpixels").click()
    visitor.wait_until(lambda: visitor.find("#trust-table details[open] .charts figure").count() == 2, "the curves")
    assert "µ-fidelity" in visitor.numbers() and "Do the maps agree" in visitor.numbers()
    visitor.screenshot("trust")


def test_pointer_on_a_region_shows_its_text(done: Visitor) -> None:
    for name, pattern in (
        ("lime", r"\(region \d+\): [+−]\d\.\d{3} for Fake \(95% interval"),
        ("attention", r"Row \d+, column \d+"),
    ):
        picture = done.find(f"#{name} img").first

        def is_shown(picture: Locator = picture, name: str = name, pattern: str = pattern) -> bool:
            box = picture.bounding_box()  # its size may change when a picture loads late
            assert box
            for step in range(2):
                done.page.mouse.move(box["x"] + box["width"] / 2 + step, box["y"] + box["height"] / 2)
            return bool(re.search(pattern, done.text(f"#{name}-readout")))

        picture.scroll_into_view_if_needed()

        done.wait_until(is_shown, f"the text of the region in the middle of {name}")
        text_of_pointer = done.text(f"#{name}-readout")
        picture.evaluate(TOUCH)
        assert re.search(pattern, done.text(f"#{name}-readout")) and done.text(f"#{name}-readout") != text_of_pointer


def test_all_regions_are_in_a_table(done: Visitor) -> None:
    done.open_tab("Numbers")
    done.page.get_by_text("All regions in a table").click()
    rows = done.find("#numbers details tbody tr")
    assert rows.count() == done.superpixels()


def test_slider_over_the_face_shows_the_chosen_map(done: Visitor) -> None:
    done.open_tab("Details")
    done.wait_until(lambda: done.find("#slide-picture img").count() >= 2, "two pictures")
    before = [done.find("#slide-picture img").nth(row).get_attribute("src") for row in range(2)]
    done.find("#slide-map").get_by_label("Attention mask").check()
    done.wait_until(
        lambda: [done.find("#slide-picture img").nth(row).get_attribute("src") for row in range(2)] != before,
        "another map",
    )
    done.screenshot("slide")
    done.find("#slide-map").get_by_label("LIME superpixels").check()


# Robustness


def test_robustness_of_the_verdict_is_plotted(done: Visitor) -> None:
    assert done.find("#robustness-curves figure").count() == 0, "robustness may take long and was not requested"
    done.open_tab("Robustness")
    done.wait_for_text("#robustness-curves", "JPEG", RUN_S)
    chart = done.find("#robustness-curves .charts figure > svg").first
    chart.wait_for()
    assert "JPEG" in str(chart.get_attribute("aria-label"))


# What if


def test_click_on_a_region_hides_it_and_changes_the_probability(done: Visitor) -> None:
    done.wait_until(lambda: done.is_seen("#lime img"), "the overlay")
    assert "Click a region" in done.text("#what-if-text")
    untouched = done.picture("#lime img")
    picture = done.find("#lime img").first
    box = picture.bounding_box()
    assert box
    middle = {"x": box["width"] / 2, "y": box["height"] / 2}
    picture.click(position=middle)
    done.wait_for_text("#what-if-text", "the model would")
    assert picture.bounding_box() == box, "the picture must not move, or the next click would hit another region"
    assert re.search(r"Fake (falls|rises|stays)( from \d+%)? (to|at) \d+%", done.text("#what-if-text"))
    done.wait_until(lambda: not np.array_equal(done.picture("#lime img"), untouched), "a hidden region")
    picture.click(position=middle)
    done.wait_for_text("#what-if-text", "Click a region")
    done.wait_until(lambda: np.array_equal(done.picture("#lime img"), untouched), "the region again")


def test_region_can_be_hidden_by_keys_in_the_ranked_list(visitor: Visitor) -> None:
    visitor.upload(FAKE)  # a new page, where the pointer has not been on the picture yet
    visitor.wait_done()
    row = visitor.find("#ranked button").first
    row.focus()
    visitor.wait_until(lambda: visitor.find("#lime canvas.outline").count() == 1, "the region outlined on the picture")
    row.press("Enter")
    visitor.wait_for_text("#what-if-text", "the model would")
    visitor.find("#show-all").click()
    visitor.wait_for_text("#what-if-text", "Click a region")
    assert not visitor.find("#show-all").is_visible()


def test_strongest_regions_and_the_smallest_flip_can_be_hidden(done: Visitor) -> None:
    done.open_tab("What if …")
    field = done.find("#top input[type=number]")
    field.fill("3")
    field.press("Tab")
    done.wait_for_text("#what-if-text", "Fake falls")
    done.find("#smallest").click()
    flipped = r"from (\d+)% to ([0-4]?\d|50)%"
    match = done.wait_until(lambda: re.search(flipped, done.text("#what-if-text")), "a flipped verdict")
    assert int(match[1]) > 50
    done.screenshot("what_if")
    done.find("#show-all").click()
    done.wait_for_text("#what-if-text", "Click a region")


def test_regions_can_be_hidden_by_name(done: Visitor) -> None:
    done.open_tab("What if …")
    field = done.find("#regions input")
    field.click()
    field.press("ArrowDown")
    field.press("Enter")
    done.wait_for_text("#what-if-text", "the model would")
    done.find("#show-all").click()
    done.wait_for_text("#what-if-text", "Click a region")
    assert done.find("#regions .token").count() == 0


# The tests below change the settings of the kept page.


def test_title_names_the_explained_class(done: Visitor) -> None:
    match = re.search(r"Why (Fake|Real)", done.text("#lime-title"))
    assert match
    other_class = {"Fake": "Real", "Real": "Fake"}[match[1]]
    done.open_settings()
    with done.begins():
        done.page.get_by_role("radio", name=other_class).check()
    heading = done.page.get_by_role("heading", name=f"Why {other_class}")
    done.wait_until(heading.is_visible, f"the heading Why {other_class}")
    done.wait_done()
    assert f"speaks for {other_class}" in done.text("#lime-text")
    done.close_settings()


def test_further_maps_are_computed_on_request(done: Visitor) -> None:
    done.open_tab("Details")
    lime = done.source("#lime img")
    done.open_settings()
    for name in ("Occlusion", "Grad-CAM"):  # the second one is ticked while the first one runs
        done.page.get_by_label(name, exact=True).check()
    for name in ("occlusion", "gradcam"):
        done.wait_until(lambda name=name: done.is_seen(f"#{name} img"), f"the map {name}")
        done.wait_for_text(f"#{name}-text", "speaks for")
    assert not done.find("#rise").is_visible()
    assert done.source("#lime img") == lime, "the first map must not be computed again"
    done.screenshot("further_maps")
