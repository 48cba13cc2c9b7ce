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

    from tests.browser.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FAKE = EXAMPLES / "hopper_face.jpg"
RUN_S = 400  # a run with thousands of samples on a busy machine
DESKTOP = {"width": 1440, "height": 900}


# First screen


def test_first_screen_shows_heading_examples_and_scope(visitor: Visitor) -> None:
    page = visitor.page
    assert page.get_by_role("heading", level=1).inner_text() == "WhyFake"
    assert "An aid, not a judgement" in page.locator(".scope").inner_text()
    for name in ("Astronaut: untouched", "A cat: no face"):
        button = page.get_by_role("button", name=name)
        box = button.bounding_box()
        assert box and box["y"] + box["height"] < DESKTOP["height"], "must be there without scrolling"
    assert page.title() == "WhyFake"
    visitor.shoot("first")


def test_nothing_is_judged_before_a_photo_is_there(visitor: Visitor) -> None:
    assert "Drop a photo" in visitor.text(".placeholder")
    for part in ("#verdict .verdict", "#lime", "#attention", "#found", "#notice", "#cancel"):
        assert not visitor.text(part)
        assert not visitor.find(part).is_visible()


# From a photo to a verdict with its reasons


def test_photo_gets_probabilities_overlay_and_heatmap(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.page.wait_for_selector("#verdict .verdict")
    assert re.search(r"P\(Fake\) is \d\.\d\d", visitor.text("#verdict"))
    percents = [int(number) for number in re.findall(r"(\d+)%", visitor.text("#probabilities"))]
    assert len(percents) == 2
    assert 99 <= sum(percents) <= 101
    visitor.wait_done()
    for picture in ("#lime img", "#attention img", "#found img"):
        visitor.wait_until(lambda picture=picture: visitor.is_seen(picture), f"{picture} on the page")
    assert visitor.picture("#lime img").shape == visitor.picture("#attention img").shape == (640, 640, 3)
    assert not visitor.find("#cancel").is_visible()
    assert not visitor.text(".placeholder")
    visitor.shoot("done")


def test_probabilities_and_verdict_say_the_same(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.page.wait_for_selector("#verdict .verdict")
    said = re.search(r"P\(Fake\) is (\d\.\d\d)", visitor.text("#verdict"))
    shown = re.search(r"Fake\D*(\d+)%", visitor.text("#probabilities"))
    assert said and shown
    assert abs(100 * float(said[1]) - int(shown[1])) <= 1


def test_title_names_the_class_that_is_explained(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    named = re.search(r"Why (Fake|Real)", visitor.text("#lime-title"))
    assert named
    other = {"Fake": "Real", "Real": "Fake"}[named[1]]
    visitor.open_settings()
    visitor.page.get_by_role("radio", name=other).check()
    heading = visitor.page.get_by_role("heading", name=f"Why {other}")
    visitor.wait_until(heading.is_visible, f"the heading Why {other}")
    visitor.wait_done()
    assert f"speaks for {other}" in visitor.text("#lime-text")


def test_lime_grows_before_it_is_done(arrive: Callable[..., Visitor]) -> None:
    visitor = arrive("trust=0&superpixels=150&samples=1000")  # too many to converge within the budget
    visitor.upload(FAKE)
    samples: list[int] = []
    pictures: set[str] = set()
    bars: list[float] = []

    def look() -> bool:
        done = "Done" in visitor.text("#status")
        if not done and (value := visitor.samples()):
            samples.append(value)
            pictures.add(visitor.source("#lime img"))
        if bar := visitor.lime_bar():
            bars.append(float(bar))
        return done

    visitor.wait_until(look, "Done", RUN_S)
    assert samples == sorted(samples)
    assert len(set(samples)) >= 3
    assert len(pictures) >= 3
    assert bars == sorted(bars)
    assert len(set(bars)) >= 3
    assert samples[0] < visitor.samples() == 1000
    assert "not converged" in visitor.text("#lime-text")


def test_planted_region_of_an_example_is_announced(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_for_text("#notice", "We made this fake")


def test_further_maps_come_when_asked_for(visitor: Visitor) -> None:
    visitor.open_settings()
    for name in ("Occlusion", "Grad-CAM"):
        visitor.page.get_by_label(name, exact=True).check()
    visitor.upload(FAKE)
    visitor.wait_done(RUN_S)
    for name in ("occlusion", "gradcam"):
        visitor.wait_until(lambda name=name: visitor.is_seen(f"#{name} img"), f"the map {name}")
        assert "speaks for" in visitor.text(f"#{name}-text")
    assert not visitor.find("#rise").is_visible()
    visitor.shoot("further_maps")


# Trust


def test_trust_stands_beside_every_map(arrive: Callable[..., Visitor]) -> None:
    visitor = arrive("superpixels=10&samples=100")
    visitor.upload(FAKE)
    visitor.wait_done(RUN_S)
    sizes = set()
    for name in ("lime", "attention"):
        sentence = visitor.find(f"#{name}-text .trust")
        assert sentence.count() == 1
        assert "random orders" in sentence.inner_text()
        assert "repeated with" in sentence.inner_text()
        sizes.add(sentence.evaluate("sentence => getComputedStyle(sentence).fontSize"))
    assert len(sizes) == 1, "good news and bad are told in the same size"
    visitor.page.get_by_role("button", name="Can I trust these maps").click()
    visitor.wait_until(lambda: visitor.is_seen("#trust-numbers img.curves"), "the curves")
    assert "µ-fidelity" in visitor.text("#trust-numbers")
    assert "Do the maps agree" in visitor.text("#trust-numbers")
    visitor.shoot("trust")


def test_a_region_is_read_by_pointing_at_it(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    for name, said in (
        ("lime", r"\(region \d+\): [+−]\d\.\d{3} for Fake \(95 % interval"),
        ("attention", r"Row \d+, column \d+"),
    ):
        picture = visitor.find(f"#{name} img").first

        def read(picture: Locator = picture, name: str = name, said: str = said) -> bool:
            box = picture.bounding_box()  # a picture that comes in only now may take another size
            assert box
            for step in range(2):
                visitor.page.mouse.move(box["x"] + box["width"] / 2 + step, box["y"] + box["height"] / 2)
            return bool(re.search(said, visitor.text(f"#{name}-readout")))

        picture.scroll_into_view_if_needed()

        visitor.wait_until(read, f"what {name} says of its middle")


def test_regions_stand_in_a_table_too(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    visitor.page.get_by_text("All regions in a table").click()
    rows = visitor.find("#lime-table tbody tr")
    assert rows.count() == visitor.superpixels()


def test_a_map_can_be_slid_over_the_face(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    visitor.page.get_by_role("tab", name="Slide over the face").click()
    visitor.wait_until(lambda: visitor.find("#slide-picture img").count() >= 2, "two pictures")
    before = [visitor.find("#slide-picture img").nth(row).get_attribute("src") for row in range(2)]
    visitor.find("#slide-map").get_by_label("Attention mask").check()
    visitor.wait_until(
        lambda: [visitor.find("#slide-picture img").nth(row).get_attribute("src") for row in range(2)] != before,
        "another map",
    )
    visitor.shoot("slide")


# Robustness


def test_robustness_of_the_verdict_is_plotted(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    assert "JPEG" in visitor.text("#robustness")
    visitor.wait_until(lambda: visitor.is_seen("#robustness img.curves"), "the plot")
    assert visitor.attribute("#robustness img.curves", "alt")


# What if


def test_a_click_on_a_patch_hides_it_and_the_probability_moves(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    visitor.wait_until(lambda: visitor.is_seen("#lime img"), "the overlay")
    assert "Click a patch" in visitor.text("#what-if-text")
    untouched = visitor.picture("#what-if-picture img")
    picture = visitor.find("#lime img").first
    box = picture.bounding_box()
    assert box
    middle = {"x": box["width"] / 2, "y": box["height"] / 2}
    picture.click(position=middle)
    visitor.wait_for_text("#what-if-text", "The network has really computed this")
    assert re.search(r"P\(\w+\) (from \d\.\d\d to|at) \d\.\d\d", visitor.text("#what-if-text"))
    visitor.wait_until(lambda: not np.array_equal(visitor.picture("#what-if-picture img"), untouched), "a hidden patch")
    picture.click(position=middle)
    visitor.wait_for_text("#what-if-text", "Click a patch")


def test_the_strongest_patches_and_the_smallest_flip_can_be_hidden(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    field = visitor.find("#top input[type=number]")
    field.fill("3")
    field.press("Tab")
    visitor.wait_for_text("#what-if-text", "lowers P(Fake)")
    visitor.find("#smallest").click()
    flipped = r"from (\d\.\d\d) to (0\.[0-4]\d|0\.50)"
    said = visitor.wait_until(lambda: re.search(flipped, visitor.text("#what-if-text")), "a verdict turned")
    assert float(said[1]) > 0.5
    visitor.shoot("what_if")
    visitor.find("#show-all").click()
    visitor.wait_for_text("#what-if-text", "Click a patch")


def test_regions_can_be_hidden_by_name(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    field = visitor.find("#regions input")
    field.click()
    field.press("ArrowDown")
    field.press("Enter")
    visitor.wait_for_text("#what-if-text", "The network has really computed this")
    visitor.find("#show-all").click()
    visitor.wait_for_text("#what-if-text", "Click a patch")
    assert visitor.find("#regions .token").count() == 0
