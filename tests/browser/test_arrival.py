"""Tests of the first view of the page: its language, layout shifts, the camera, and files that are not photos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import FAKE, QUICK, new_context
from tests.browser.visitor import TIMEOUT_S, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE = {"width": 390, "height": 844}
RECORD_TEXTS_AND_SHIFTS = """
    window.seen = new Set()
    window.shifted = 0
    window.moved = new Set()
    new PerformanceObserver(list => {
        for (const entry of list.getEntries().filter(entry => !entry.hadRecentInput)) {
            window.shifted += entry.value
            for (const {node} of entry.sources) window.moved.add(node?.id)
        }
    }).observe({type: "layout-shift", buffered: true})
    const look = () => {
        for (const line of document.body?.innerText.split("\\n") ?? []) window.seen.add(line.trim())
        requestAnimationFrame(look)
    }
    look()
"""


@pytest.mark.parametrize("size", [None, PHONE], ids=["desktop", "phone"])
def test_page_opens_in_the_visitors_language_without_layout_shifts(
    browser: Browser, page_url: str, size: dict[str, int] | None
) -> None:
    context = new_context(browser, locale="tr-TR", **({"viewport": size} if size else {}))
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_S * 1000)
    page.add_init_script(RECORD_TEXTS_AND_SHIFTS)
    page.goto(page_url)
    page.wait_for_selector("#ranked button")  # of the example that the page opens with
    page.wait_for_timeout(500)
    seen = set(page.evaluate("[...window.seen]"))
    assert {"Tek fotoğraf", "Ayarlar"} <= seen
    assert not {"One photo", "Many photos", "Settings", "Language", "Try:"} & seen
    assert page.evaluate("document.documentElement.lang") == "tr"
    assert page.evaluate("window.shifted") <= 0.1
    assert not {"maps", "right"} & set(page.evaluate("[...window.moved]")), (
        "their space must be reserved from the beginning"
    )
    if size:
        _check_tabs_on_a_phone(page)
    context.close()


def _check_tabs_on_a_phone(page: Page) -> None:
    """Tabs return from Gradio's menu when a font that loads late makes them narrow enough; no example's name is cut."""
    shown = "document.querySelectorAll('#tabs > .tab-wrapper [role=tab]').length"
    wide_style = page.add_style_tag(content="#tabs > .tab-wrapper button { letter-spacing: 5px !important }")
    page.evaluate("document.fonts.dispatchEvent(new Event('loadingdone'))")
    page.wait_for_function(f"{shown} < 4")
    wide_style.evaluate("style => style.remove()")
    page.evaluate("document.fonts.dispatchEvent(new Event('loadingdone'))")
    page.wait_for_function(f"{shown} === 4", timeout=5000)
    cut = "[...document.querySelectorAll('.example')].filter(name => name.scrollWidth > name.clientWidth)"
    assert page.evaluate(f"{cut}.map(name => name.innerText)") == []


def test_missing_camera_is_reported_in_the_visitors_language(arrive: Callable[..., Visitor]) -> None:
    visitor = arrive("lang=tr&trust=0")
    # After the click, Gradio requests the progress of an upload that it never began, and would get 404.
    visitor.page.route("**/upload_progress?upload_id=", lambda route: route.fulfill(content_type="text/event-stream"))
    visitor.find("#photo .source-selection button").nth(1).click()
    visitor.wait_for_text("#no-camera", "Kamera kullanılamıyor")
    visitor.find("#photo .source-selection button").first.click()
    visitor.wait_until(
        lambda: not visitor.find("#no-camera").count(), "no sentence about the camera after the next choice"
    )


FAKE_CAMERA = """
    navigator.mediaDevices.enumerateDevices = async () => [{kind: "videoinput", deviceId: "one", label: "one"}]
    navigator.mediaDevices.getUserMedia = async () => Object.assign(document.createElement("canvas"),
        {width: 640, height: 480}).captureStream()
"""


def test_camera_is_large_enough_and_does_not_cover_the_other_sources(
    kept_context: Callable[..., BrowserContext], page_url: str
) -> None:
    page = kept_context().new_page()
    page.add_init_script(f"if (navigator.mediaDevices) {{ {FAKE_CAMERA} }}")
    page.goto(f"{page_url}/?{QUICK}")
    sources = page.locator("#photo .source-selection button")
    sources.nth(1).click()
    sources.first.click()  # fails if the camera's area covers it
    sources.nth(1).click()
    page.locator("#photo video ~ div button").click()
    page.locator("#photo .photo-capture").wait_for()
    assert page.locator("#photo video").bounding_box()["height"] >= 200  # type: ignore[index]
    sources.first.click()
    page.locator("#photo button.upload-container").wait_for()
    page.close()


@pytest.fixture(scope="module")
def turkish_visitor(kept_context: Callable[..., BrowserContext], page_url: str) -> Iterator[Visitor]:
    """A visitor with a Turkish browser, for all tests below."""
    visitor = Visitor(kept_context(locale="tr-TR"), page_url, QUICK)
    yield visitor
    visitor.leave()


NO_PHOTO = "okunabilir bir JPEG"  # a part of the notice about a file that is not a photo


def test_dropped_file_that_is_not_a_photo_is_refused_in_the_visitors_language(turkish_visitor: Visitor) -> None:
    turkish_visitor.wait_for_text(".placeholder", "Yüz içeren bir fotoğraf")
    turkish_visitor.page.evaluate(
        """() => {
            const files = new DataTransfer()
            files.items.add(new File(["hello"], "notes.pdf", {type: "application/pdf"}))
            const place = document.querySelector("#photo input[type=file]").closest("button")
            for (const kind of ["dragenter", "dragover", "drop"])
                place.dispatchEvent(new DragEvent(kind, {dataTransfer: files, bubbles: true, cancelable: true}))
        }"""
    )
    turkish_visitor.wait_for_text("#notice", NO_PHOTO)
    assert not turkish_visitor.find(".toast-body").count()


def test_turkish_visitor_gets_a_verdict_in_turkish(turkish_visitor: Visitor) -> None:
    turkish_visitor.upload(FAKE)
    turkish_visitor.wait_until(lambda: turkish_visitor.is_seen("#lime img"), "the overlay")
    turkish_visitor.wait_for_text("#verdict", "Sahte %")
    assert turkish_visitor.text("#lime-title").startswith("Neden")
    turkish_visitor.wait_until(
        lambda: NO_PHOTO not in turkish_visitor.text("#notice"), "no notice about the earlier file"
    )
    turkish_visitor.screenshot("turkish")


def test_chosen_file_that_is_not_a_photo_is_refused_in_the_visitors_language(turkish_visitor: Visitor) -> None:
    text = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}
    turkish_visitor.page.set_input_files("#photo input[type=file]", text)
    turkish_visitor.wait_for_text("#notice", NO_PHOTO)
    assert not turkish_visitor.find(".toast-body").count()
