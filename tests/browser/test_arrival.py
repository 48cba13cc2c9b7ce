"""What a visitor meets first: the page in their own language that does not jump, and what it says without a camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import FAKE, QUICK, new_context
from tests.browser.visitor import PATIENCE_S, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE = {"width": 390, "height": 844}
WATCHED = """
    window.seen = new Set()
    window.shifted = 0
    window.moved = new Set()
    new PerformanceObserver(list => {
        for (const one of list.getEntries().filter(one => !one.hadRecentInput)) {
            window.shifted += one.value
            for (const {node} of one.sources) window.moved.add(node?.id)
        }
    }).observe({type: "layout-shift", buffered: true})
    const look = () => {
        for (const line of document.body?.innerText.split("\\n") ?? []) window.seen.add(line.trim())
        requestAnimationFrame(look)
    }
    look()
"""


@pytest.mark.parametrize("size", [None, PHONE], ids=["desktop", "phone"])
def test_page_comes_in_the_visitors_language_and_does_not_jump(
    browser: Browser, page_url: str, size: dict[str, int] | None
) -> None:
    context = new_context(browser, locale="tr-TR", **({"viewport": size} if size else {}))
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.add_init_script(WATCHED)
    page.goto(page_url)
    page.wait_for_selector("#ranked button")  # of the example that the page opens with
    page.wait_for_timeout(500)
    seen = set(page.evaluate("[...window.seen]"))
    assert {"Tek fotoğraf", "Ayarlar"} <= seen
    assert not {"One photo", "Many photos", "Settings", "Language", "Try:"} & seen
    assert page.evaluate("document.documentElement.lang") == "tr"
    assert page.evaluate("window.shifted") <= 0.1
    assert not {"maps", "right"} & set(page.evaluate("[...window.moved]")), "their places are kept from the beginning"
    if size:
        _check_tabs_on_a_phone(page)
    context.close()


def _check_tabs_on_a_phone(page: Page) -> None:
    """Tabs that a late font makes narrow enough come back from Gradio's menu, and no example's name is cut."""
    shown = "document.querySelectorAll('#tabs > .tab-wrapper [role=tab]').length"
    wide = page.add_style_tag(content="#tabs > .tab-wrapper button { letter-spacing: 5px !important }")
    page.evaluate("document.fonts.dispatchEvent(new Event('loadingdone'))")
    page.wait_for_function(f"{shown} < 4")
    wide.evaluate("style => style.remove()")
    page.evaluate("document.fonts.dispatchEvent(new Event('loadingdone'))")
    page.wait_for_function(f"{shown} === 4", timeout=5000)
    cut = "[...document.querySelectorAll('.example')].filter(one => one.scrollWidth > one.clientWidth)"
    assert page.evaluate(f"{cut}.map(one => one.innerText)") == []


def test_who_has_no_camera_is_told_in_their_language(arrive: Callable[..., Visitor]) -> None:
    visitor = arrive("lang=tr&trust=0")
    # Gradio asks for the progress of an upload that it never began, at any time after the click, and would get 404.
    visitor.page.route("**/upload_progress?upload_id=", lambda route: route.fulfill(content_type="text/event-stream"))
    visitor.find("#photo .source-selection button").nth(1).click()
    visitor.wait_for_text("#no-camera", "Kamera kullanılamıyor")
    visitor.find("#photo .source-selection button").first.click()
    visitor.wait_until(lambda: not visitor.find("#no-camera").count(), "the sentence goes with the next try")


A_CAMERA = """
    navigator.mediaDevices.enumerateDevices = async () => [{kind: "videoinput", deviceId: "one", label: "one"}]
    navigator.mediaDevices.getUserMedia = async () => Object.assign(document.createElement("canvas"),
        {width: 640, height: 480}).captureStream()
"""


def test_camera_shows_enough_to_aim_and_leaves_the_other_ways_in_free(
    kept_context: Callable[..., BrowserContext], page_url: str
) -> None:
    page = kept_context().new_page()
    page.add_init_script(f"if (navigator.mediaDevices) {{ {A_CAMERA} }}")
    page.goto(f"{page_url}/?{QUICK}")
    ways_in = page.locator("#photo .source-selection button")
    ways_in.nth(1).click()
    ways_in.first.click()  # fails where the place for the camera covers it
    ways_in.nth(1).click()
    page.locator("#photo video ~ div button").click()
    page.locator("#photo .photo-capture").wait_for()
    assert page.locator("#photo video").bounding_box()["height"] >= 200  # type: ignore[index]
    ways_in.first.click()
    page.locator("#photo button.upload-container").wait_for()
    page.close()


@pytest.fixture(scope="module")
def turk(kept_context: Callable[..., BrowserContext], page_url: str) -> Iterator[Visitor]:
    """A visitor from Turkey, for all that follows."""
    visitor = Visitor(kept_context(locale="tr-TR"), page_url, QUICK)
    yield visitor
    visitor.leave()


NO_PHOTO = "okunabilir bir JPEG"  # a part of what is said of a file that is none


def test_dropped_file_that_is_no_photo_is_told_in_the_visitors_language(turk: Visitor) -> None:
    turk.wait_for_text(".placeholder", "Yüz içeren bir fotoğraf")
    turk.page.evaluate(
        """() => {
            const files = new DataTransfer()
            files.items.add(new File(["hello"], "notes.pdf", {type: "application/pdf"}))
            const place = document.querySelector("#photo input[type=file]").closest("button")
            for (const kind of ["dragenter", "dragover", "drop"])
                place.dispatchEvent(new DragEvent(kind, {dataTransfer: files, bubbles: true, cancelable: true}))
        }"""
    )
    turk.wait_for_text("#notice", NO_PHOTO)
    assert not turk.find(".toast-body").count()


def test_turkish_visitor_gets_a_verdict_in_turkish(turk: Visitor) -> None:
    turk.upload(FAKE)
    turk.wait_until(lambda: turk.is_seen("#lime img"), "the overlay")
    turk.wait_for_text("#verdict", "Sahte %")
    assert turk.text("#lime-title").startswith("Neden")
    turk.wait_until(lambda: NO_PHOTO not in turk.text("#notice"), "no word on the file before")
    turk.shoot("turkish")


def test_file_that_is_no_photo_is_told_in_the_visitors_language(turk: Visitor) -> None:
    text = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}
    turk.page.set_input_files("#photo input[type=file]", text)
    turk.wait_for_text("#notice", NO_PHOTO)
    assert not turk.find(".toast-body").count()
