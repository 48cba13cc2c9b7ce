"""The page in a real browser, used as a visitor uses it; ``tests/screenshots/`` shows what it looked like."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from explain.draw import CHOSEN, display_scale
from model.faces import find_faces
from model.photo import open_photo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

    from tests.conftest import BadPhoto

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
FAKE, CAT = EXAMPLES / "hopper_face.jpg", EXAMPLES / "cat.jpg"
SCREENSHOTS = ROOT / "tests" / "screenshots"
PATIENCE_S = 60  # other work may keep the machine busy
RUN_S = 240  # a run with thousands of samples on such a machine
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


class Visitor:
    """One tab of a visitor, with all that it asked the network for and complained about."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page: Page = context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self._listen(message.type, message.text))
        self.page.on("response", lambda response: self._check(response.status, response.url))
        self.page.goto(url)
        self.page.wait_for_selector("#photo input[type=file]", state="attached")

    def without_trust(self) -> None:
        """Leave the measuring of trust out, which takes longer than all the rest, and close the settings again."""
        self.open_settings()
        self.find("#trust input").uncheck()
        self.page.get_by_role("button", name="Settings").click()
        self.find("#samples").wait_for(state="hidden")

    def _listen(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def _check(self, status: int, url: str) -> None:
        if status >= 400:
            self.complaints.append(f"{status} {url}")

    def hosts(self) -> set[str | None]:
        """Where requests went, those for data inside the page left out."""
        parts = map(urlsplit, self.requests)
        return {part.hostname for part in parts if part.scheme not in ("data", "blob")}

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def text(self, selector: str) -> str:
        """The visible text of a part of the page; empty where it is not shown."""
        return self.page.evaluate(
            """selector => {
                const part = document.querySelector(selector)
                return part?.getClientRects().length ? part.innerText : ""
            }""",
            selector,
        )

    def attribute(self, selector: str, name: str) -> str:
        """An attribute of a part of the page; empty where there is no such part."""
        find = "([selector, name]) => document.querySelector(selector)?.getAttribute(name) ?? ''"
        return self.page.evaluate(find, [selector, name])

    def upload(self, path: Path) -> None:
        self.page.set_input_files("#photo input[type=file]", path)

    def remove_photo(self) -> None:
        """Take the photo off the page, so that there is room for another."""
        self.find("#photo").get_by_label("Remove Image").or_(self.find("#photo").get_by_label("Clear")).first.click()
        self.page.wait_for_selector("#photo input[type=file]", state="attached")

    def open_settings(self) -> None:
        """Open the settings; what is typed while Gradio still sets them up would be lost."""
        if not self.find("#samples").is_visible():
            self.page.get_by_role("button", name="Settings").click()
            self.page.wait_for_timeout(1000)

    def set_number(self, name: str, value: int) -> None:
        """Type a value into a slider's number field and leave it."""
        self.open_settings()
        field = self.find(f"#{name} input[type=number]")
        field.fill(str(value))
        field.press("Tab")
        assert field.input_value() == str(value)

    def wait_until(self, happens: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
        """Wait for a condition of our own; fails with what the page shows instead."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = happens()
            if found:
                return found
            self.page.wait_for_timeout(50)
        pytest.fail(f"{what}: not within {seconds} s; the page says {self.text('body')[:800]!r}")

    def wait_for_text(self, selector: str, text: str, seconds: float = PATIENCE_S) -> None:
        self.wait_until(lambda: text in self.text(selector), f"{text!r} in {selector}", seconds)

    def wait_done(self, seconds: float = PATIENCE_S) -> None:
        self.wait_for_text("#status", "Done", seconds)

    def samples(self) -> int:
        """How many samples LIME's caption speaks of; 0 before there is one."""
        found = re.search(r"([\d,]+) pictures with regions hidden", self.text("#lime-text"))
        return int(found[1].replace(",", "")) if found else 0

    def superpixels(self) -> int:
        """How many superpixels LIME's caption speaks of; 0 before there is one."""
        found = re.search(r"of (\d+) superpixels", self.text("#lime-text"))
        return int(found[1]) if found else 0

    def source(self, selector: str) -> str:
        """Address of a picture; empty where there is none yet."""
        return self.attribute(selector, "src")

    def picture(self, selector: str) -> NDArray[np.uint8]:
        """Pixels of a picture on the page."""
        self.find(selector).first.scroll_into_view_if_needed()
        body = self.page.request.get(self.source(selector)).body()
        return np.array(Image.open(BytesIO(body)).convert("RGB"))

    def is_seen(self, selector: str) -> bool:
        """Whether a picture has really been decoded and takes up room on the page."""
        picture = self.find(selector).first
        picture.scroll_into_view_if_needed()
        return bool(picture.evaluate("image => image.complete && image.naturalWidth > 0 && image.clientWidth > 100"))

    def shoot(self, name: str) -> None:
        """Keep what the whole page looks like, every picture loaded."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.wait_for_timeout(600)
        self.page.evaluate("window.scrollTo(0, 0)")
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.fixture
def arrive(browser: Browser, page_url: str) -> Iterator[Callable[..., Visitor]]:
    """Opens the page as a new visitor; what the browser complained about fails the test in the end."""
    visitors: list[tuple[Visitor, BrowserContext]] = []

    def arrive(**options: Any) -> Visitor:
        context = browser.new_context(**{"viewport": DESKTOP} | options)
        context.set_default_timeout(PATIENCE_S * 1000)
        visitors.append((Visitor(context, page_url), context))
        return visitors[-1][0]

    yield arrive
    complaints = []
    for visitor, context in visitors:
        complaints += visitor.complaints
        context.close()
    assert complaints == []


@pytest.fixture
def visitor(arrive: Callable[..., Visitor]) -> Visitor:
    """A visitor at a desk who does not wait for trust to be measured."""
    visitor = arrive()
    visitor.without_trust()
    return visitor


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
    named = re.search(r"Why (Fake|Real)", visitor.page.get_by_role("heading", level=3).first.inner_text())
    assert named
    other = {"Fake": "Real", "Real": "Fake"}[named[1]]
    visitor.open_settings()
    visitor.page.get_by_role("radio", name=other).check()
    heading = visitor.page.get_by_role("heading", name=f"Why {other}")
    visitor.wait_until(heading.is_visible, f"the heading Why {other}")
    visitor.wait_done()
    assert f"speaks for {other}" in visitor.text("#lime-text")


def test_lime_grows_before_it_is_done(visitor: Visitor) -> None:
    visitor.set_number("superpixels", 150)  # too many to converge within the budget
    visitor.set_number("samples", 2000)
    visitor.upload(FAKE)
    samples: list[int] = []
    pictures: set[str] = set()
    bars: list[float] = []

    def look() -> bool:
        done = "Done" in visitor.text("#status")
        if not done and (value := visitor.samples()):
            samples.append(value)
            pictures.add(visitor.source("#lime img"))
        if not done and (bar := visitor.attribute("#status progress", "value")):
            bars.append(float(bar))
        return done

    visitor.wait_until(look, "Done", RUN_S)
    assert samples == sorted(samples)
    assert len(set(samples)) >= 3
    assert len(pictures) >= 3
    assert bars == sorted(bars)
    assert len(set(bars)) >= 3
    assert samples[0] < visitor.samples() == 2000
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
    visitor = arrive()
    visitor.set_number("superpixels", 15)
    visitor.set_number("samples", 300)
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


def test_cancel_stops_and_the_page_can_run_again(visitor: Visitor) -> None:
    visitor.set_number("superpixels", 150)
    visitor.set_number("samples", 5000)
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


def test_a_newer_run_takes_the_place_of_the_one_before(visitor: Visitor) -> None:
    visitor.set_number("superpixels", 150)
    visitor.set_number("samples", 5000)
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
    one, two = arrive(), arrive()
    for each in (one, two):
        each.without_trust()
        each.set_number("superpixels", 150)
        each.set_number("samples", 2500)
    one.upload(FAKE)
    two.upload(EXAMPLES / "astronaut.jpg")
    one.wait_until(one.samples, "the first visitor's map")
    two.wait_until(two.samples, "the second visitor's map")
    one.find("#cancel").click()
    one.wait_for_text("#status", "Stopped")
    two.wait_done(RUN_S)
    assert two.samples() == 2500
    assert one.samples() < 2500


def test_taking_the_photo_away_clears_the_page(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    visitor.remove_photo()
    visitor.wait_for_text(".placeholder", "Drop a photo")
    for part in ("#verdict .verdict", "#lime", "#found", "#notice"):
        visitor.wait_until(lambda part=part: not visitor.find(part).is_visible(), f"{part} gone")


# What cannot be used


@pytest.mark.parametrize(
    ("name", "sentence"), [("text", "not a readable JPEG"), ("truncated", "damaged or cut off"), ("empty", "empty")]
)
def test_bad_file_gets_one_clear_sentence(
    visitor: Visitor, bad_photos: dict[str, BadPhoto], name: str, sentence: str
) -> None:
    visitor.upload(bad_photos[name].path)
    notice = visitor.find("#notice .notice.error")
    notice.wait_for()
    assert sentence in notice.inner_text()
    assert notice.get_attribute("role") == "alert"
    assert visitor.find("[role=alert]").count() == 1
    for part in ("#verdict .verdict", "#lime", "#found", "#cancel"):
        assert not visitor.find(part).is_visible()
    assert "Looking" not in visitor.text("#status")
    visitor.shoot(f"bad_{name}")


def test_a_good_photo_after_a_bad_one_is_analysed(visitor: Visitor, bad_photos: dict[str, BadPhoto]) -> None:
    visitor.upload(bad_photos["text"].path)
    visitor.find("#notice .notice.error").wait_for()
    visitor.page.get_by_role("button", name="Astronaut: untouched").click()
    visitor.page.wait_for_selector("#verdict .verdict")
    visitor.wait_done()
    assert not visitor.find("#notice .notice.error").is_visible()


def test_a_bad_photo_after_an_example_gets_its_sentence_too(visitor: Visitor, bad_photos: dict[str, BadPhoto]) -> None:
    visitor.set_number("samples", 100)
    visitor.page.get_by_role("button", name="Astronaut: untouched").click()
    visitor.wait_done()
    visitor.remove_photo()
    visitor.upload(bad_photos["text"].path)
    visitor.wait_for_text("#notice .notice.error", "not a readable JPEG")


def test_animation_is_announced_as_its_first_frame(visitor: Visitor, bad_photos: dict[str, BadPhoto]) -> None:
    visitor.upload(bad_photos["gif"].path)
    visitor.wait_for_text("#notice", "only its first frame")
    visitor.page.wait_for_selector("#verdict .verdict")


# Faces


def test_another_of_forty_faces_can_be_clicked(visitor: Visitor, bad_photos: dict[str, BadPhoto]) -> None:
    visitor.set_number("samples", 100)
    path = bad_photos["forty faces"].path
    visitor.upload(path)
    visitor.wait_for_text("#notice", "faces were found")
    told = re.search(r"(\d+) faces", visitor.text("#notice"))
    assert told and int(told[1]) >= 30
    visitor.wait_done()
    visitor.wait_until(lambda: visitor.is_seen("#found img"), "the picture with the boxes")
    before, overlay = visitor.source("#found img"), visitor.picture("#lime img")
    visitor.shoot("forty")

    photo = open_photo(path).pixels
    x, y, w, h = (value * display_scale(photo) for value in find_faces(photo)[int(told[1]) - 1].box)
    boxes = visitor.picture("#found img")
    assert not _is_chosen(boxes, x, y, w, h)
    image = visitor.find("#found img").first
    width, height = image.evaluate("image => [image.clientWidth, image.clientHeight]")
    scale = min(width / boxes.shape[1], height / boxes.shape[0])  # the picture may be letter-boxed in its frame
    left, top = (width - boxes.shape[1] * scale) / 2, (height - boxes.shape[0] * scale) / 2
    image.click(position={"x": left + (x + w / 2) * scale, "y": top + (y + h / 2) * scale})
    visitor.wait_until(lambda: visitor.source("#found img") not in ("", before), "boxes with another face chosen")
    visitor.wait_done()
    assert _is_chosen(visitor.picture("#found img"), x, y, w, h)
    assert not np.array_equal(visitor.picture("#lime img"), overlay)
    assert visitor.find("#verdict .verdict").is_visible()


def _is_chosen(boxes: NDArray[np.uint8], x: float, y: float, w: float, h: float) -> bool:
    """Whether the box of a face is drawn in the colour of the chosen one; JPEG blurs it a little."""
    right = boxes[round(y + h * 0.3) : round(y + h * 0.7), round(x + w) - 3 : round(x + w) + 4].astype(int)
    return float((np.abs(right - np.array(CHOSEN)).max(axis=2) < 40).any(axis=1).mean()) > 0.8


def test_cat_gets_no_score_until_asked_for(visitor: Visitor) -> None:
    visitor.set_number("samples", 100)
    visitor.upload(CAT)
    visitor.wait_for_text("#notice", "No face was found")
    whole = visitor.page.get_by_role("button", name="Analyse the whole picture")
    whole.wait_for()
    visitor.page.wait_for_timeout(1000)
    for part in ("#verdict .verdict", "#probabilities", "#lime", "#attention"):
        assert not visitor.find(part).is_visible()
    visitor.shoot("cat")
    whole.click()
    visitor.page.wait_for_selector("#verdict .verdict")
    visitor.wait_done()
    visitor.wait_for_text("#notice", "as you asked")
    visitor.wait_until(lambda: visitor.is_seen("#lime img"), "the overlay")
    visitor.shoot("cat_whole")


def test_whole_picture_is_asked_for_anew_with_each_photo(visitor: Visitor) -> None:
    visitor.set_number("samples", 100)
    visitor.upload(CAT)
    visitor.page.get_by_role("button", name="Analyse the whole picture").click()
    visitor.wait_done()
    cat = visitor.source("#found img")
    visitor.page.get_by_role("button", name="Astronaut: untouched").click()
    visitor.wait_until(lambda: visitor.source("#found img") not in ("", cat), "the astronaut's box")
    visitor.wait_done()
    visitor.page.get_by_role("button", name="A cat: no face").click()
    visitor.wait_for_text("#notice", "so there is no score")
    visitor.page.wait_for_timeout(1000)
    assert not visitor.find("#verdict .verdict").is_visible()


def test_example_is_analysed_by_one_click(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Admiral: eyes changed").click()
    visitor.page.wait_for_selector("#verdict .verdict")
    visitor.wait_done()
    assert "We made this fake" in visitor.text("#notice")
    visitor.wait_until(lambda: visitor.is_seen("#lime img"), "the overlay")


# On every screen


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_page_fits_its_window(arrive: Callable[..., Visitor], scheme: str, size: dict[str, int]) -> None:
    visitor = arrive(viewport=size, color_scheme=scheme)
    name = f"{'phone' if size is PHONE else 'desktop'}_{scheme}"
    assert visitor.overflow() <= 0
    visitor.shoot(f"{name}_first")
    visitor.without_trust()
    visitor.set_number("samples", 200)
    assert visitor.overflow() <= 0
    visitor.upload(FAKE)
    visitor.wait_done()
    assert visitor.overflow() <= 0
    for picture in ("#lime img", "#attention img", "#found img"):
        visitor.wait_until(lambda picture=picture: visitor.is_seen(picture), f"{picture} on the page")
    for accordion in ("How to read this", "The model card"):
        visitor.page.get_by_role("button", name=accordion).click()
    visitor.page.wait_for_timeout(500)
    visitor.shoot(name)
    assert visitor.overflow() <= 0


def _brightness(visitor: Visitor) -> float:
    """Of the page's background, 0..255."""
    colour = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return float(np.mean([int(value) for value in re.findall(r"\d+", colour)[:3]]))


def test_dark_mode_is_dark_and_light_mode_light(arrive: Callable[..., Visitor]) -> None:
    assert _brightness(arrive(color_scheme="dark")) < 60
    assert _brightness(arrive(color_scheme="light")) > 230


def test_controls_have_names_for_screen_readers(visitor: Visitor) -> None:
    visitor.upload(FAKE)
    visitor.wait_done()
    visitor.open_settings()
    nameless = visitor.page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=file]), select, textarea')]
            .filter(e => e.offsetParent && !e.querySelector('img'))  // Gradio wraps each picture in a button
            .filter(e => !(e.innerText?.trim() || e.ariaLabel || e.title || e.labels?.length))
            .map(e => e.outerHTML.slice(0, 200))"""
    )
    assert nameless == []


# Privacy


def test_nothing_is_asked_of_another_host(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Astronaut: mouth changed").click()
    visitor.wait_done()
    visitor.set_number("shown", 3)
    visitor.wait_for_text("#lime-text", "The 3 strongest")
    for accordion in ("How to read this", "The model card"):
        visitor.page.get_by_role("button", name=accordion).click()
    visitor.page.wait_for_timeout(1000)
    assert len(visitor.requests) > 20
    assert visitor.hosts() == {"127.0.0.1"}


def test_arrow_keys_on_the_samples_slider_start_a_run(visitor: Visitor) -> None:
    visitor.set_number("samples", 200)
    visitor.upload(FAKE)
    visitor.wait_done()
    slider = visitor.find("#samples input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    visitor.wait_until(lambda: visitor.samples() == 300, "a map from one step more samples")
