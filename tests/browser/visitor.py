"""A visitor's tab in a real browser; with WHYFAKE_SCREENSHOTS=1 it saves screenshots in ``tests/screenshots/``."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page, ViewportSize

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "tests" / "screenshots"
TIMEOUT_S = 180  # other test files run in parallel, and other work may keep the machine busy
NUMBERS_TAB = 5  # its position among the tabs below a result
POLL_MS = 40
STILL_MS = 150  # a page without changes for this time has drawn its answer
WAIT_UNTIL_STILL = """([still, most]) => new Promise(done => {
    const end = () => { observer.disconnect(); clearTimeout(last); done() }
    const observer = new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(end, still) })
    let timer = setTimeout(end, still)
    const last = setTimeout(end, most)
    observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true})
})"""
# It waits for animations: the contrast of colours counts only after the change to another scheme.
AXE = """options => Promise.allSettled(document.getAnimations()
    .filter(animation => animation.playState === 'running' && animation.effect.getComputedTiming().endTime < Infinity)
    .map(animation => animation.finished)
).then(() => axe.run(options)).then(results => results.violations)"""
# Records that "Done" is not on the page, so that an earlier result is not mistaken for the next one.
# textContent: innerText would make the browser lay out the page at every change.
BEGUN = """() => {
    const look = () => {
        window.begun ||= !document.querySelector("#status")?.textContent.includes("Done")
        if (window.begun) observer.disconnect()
    }
    const observer = new MutationObserver(look)
    observer.observe(document, {subtree: true, childList: true, characterData: true})
    window.begun = false
    look()
}"""


class Visitor:
    """A tab of a visitor, with its network requests and the errors that the browser reports."""

    def __init__(
        self,
        context: BrowserContext,
        url: str,
        query: str,
        viewport: ViewportSize | None = None,
        scheme: Literal["light", "dark"] | None = None,
    ) -> None:
        self.page: Page = context.new_page()
        if viewport:
            self.page.set_viewport_size(viewport)
        if scheme:
            self.page.emulate_media(color_scheme=scheme)
        self.url = url
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self._on_console(message.type, message.text))
        self.page.on("response", lambda response: self._on_response(response.status, response.url))
        self.follow(query)

    def follow(self, query: str) -> None:
        """Open the page with the query of a link."""
        with self.page.expect_response(re.compile("/run/predict")):  # the link's settings
            self.page.goto(f"{self.url}/?{query}")
        self.page.wait_for_selector("#photo input[type=file]", state="attached")
        self.settle()

    def _on_console(self, kind: str, text: str) -> None:
        if kind == "error":
            self.errors.append(text)

    def _on_response(self, status: int, url: str) -> None:
        if status >= 400:
            self.errors.append(f"{status} {url}")

    def leave(self) -> None:
        """Close the page; fail if the browser reported errors or the page sent requests to another host."""
        self.page.close()
        assert not self.errors, self.errors
        parts = map(urlsplit, self.requests)
        hosts = {part.hostname for part in parts if part.scheme not in ("data", "blob")}
        assert len(self.requests) > 20 and hosts == {urlsplit(self.url).hostname}, hosts

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def ids(self) -> set[str]:
        """The ids of all components of the page, including those that are not shown yet."""
        address = urlsplit(self.page.url)
        components = self.page.request.get(f"{address.scheme}://{address.netloc}/config").json()["components"]
        return {component["props"].get("elem_id") for component in components} - {None}

    def settle(self, still_ms: int = STILL_MS, most_ms: int = 3000) -> None:
        """Wait until nothing on the page has changed for ``still_ms``, but at most ``most_ms``."""
        self.page.evaluate(WAIT_UNTIL_STILL, [still_ms, most_ms])

    def text(self, selector: str) -> str:
        """The visible text of a part of the page; empty if it is not shown."""
        return self.page.evaluate(
            """selector => {
                const part = document.querySelector(selector)
                return part?.getClientRects().length ? part.innerText : ""
            }""",
            selector,
        )

    def attribute(self, selector: str, name: str) -> str:
        """An attribute of a part of the page; empty if there is no such part."""
        find = "([selector, name]) => document.querySelector(selector)?.getAttribute(name) ?? ''"
        return self.page.evaluate(find, [selector, name])

    def lime_bar(self) -> str:
        """The value of the progress bar, read in one step; empty if the status is not about LIME."""
        return self.page.evaluate(
            """() => {
                const status = document.querySelector("#status")
                const bar = status?.innerText.includes("LIME") ? status.querySelector("progress") : null
                return bar?.getAttribute("value") ?? ""
            }"""
        )

    @contextmanager
    def begins(self) -> Iterator[None]:
        """Start a run inside this context; its end waits until the run has begun."""
        self.page.evaluate(BEGUN)
        yield
        self.page.wait_for_function("window.begun")

    def upload(self, path: Path) -> None:
        """Choose a photo, which may replace an earlier one."""
        with self.begins():
            self.page.set_input_files("#photo input[type=file]", path)

    def choose(self, example: str) -> None:
        """Click an example photo by its name."""
        with self.begins():
            self.page.get_by_role("button", name=example).click()

    def open_tab(self, name: str) -> None:
        """Open a tab by its name, one of the page or one below a result."""
        self.page.get_by_role("tab", name=name, exact=True).click()
        self.settle()

    def numbers(self) -> str:
        """The text of the tab with all numbers; Gradio makes a tab's content when it is first opened."""
        tab = self.find("#more-tabs [role=tab]").nth(NUMBERS_TAB)
        if not self.find("#numbers").count() and tab.is_visible():
            tab.click()
        return self.page.evaluate("document.querySelector('#numbers')?.textContent ?? ''")

    def open_settings(self, name: str = "Settings") -> None:
        """Open the settings and wait until Gradio has set them up: earlier input would be lost."""
        if not self.find("#samples").is_visible():
            self.page.get_by_role("button", name=name).click()
            self.page.wait_for_selector("#samples input[type=number]")
            self.settle()

    def close_settings(self) -> None:
        """Close the drawer if it is open: it covers a part of the page."""
        if self.find("#samples").is_visible():
            self.find("#settings-drawer .toggle-button").click()
        self.wait_until(lambda: not self.find("#samples").is_visible(), "a closed drawer")
        self.settle()

    def set_number(self, name: str, value: int) -> None:
        """Type a value into a slider's number field and leave it."""
        self.open_settings()
        field = self.find(f"#{name} input[type=number]")
        field.fill(str(value))
        field.press("Tab")
        assert field.input_value() == str(value)

    def wait_until(self, condition: Callable[[], Any], what: str, seconds: float = TIMEOUT_S) -> Any:
        """Wait until ``condition`` returns a true value; a failure quotes the text of the page."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            self.page.wait_for_timeout(POLL_MS)
        pytest.fail(f"{what}: not within {seconds} s; the page says {self.text('body')[:800]!r}")

    def wait_for_text(self, selector: str, text: str, seconds: float = TIMEOUT_S) -> str:
        """The text of the element once it contains ``text``; read again, the element may be redrawn and empty."""

        def matching_text() -> str:
            found = self.text(selector)
            return found if text in found else ""

        return str(self.wait_until(matching_text, f"{text!r} in {selector}", seconds))

    def wait_done(self, seconds: float = TIMEOUT_S) -> None:
        self.wait_for_text("#status", "Done", seconds)

    def samples(self) -> int:
        """How many samples LIME used; 0 before there is a map."""
        found = re.search(r"([\d,]+) pictures", self.numbers())
        return int(found[1].replace(",", "")) if found else 0

    def superpixels(self) -> int:
        """How many superpixels LIME's caption names; 0 before there is a caption."""
        found = re.search(r"of (\d+) superpixels", self.numbers())
        return int(found[1]) if found else 0

    def text_share(self, name: str) -> str:
        """The share of a class in the verdict, in per cent; empty before there is a verdict."""
        found = re.search(rf"{name}\s+(\d+)%", self.text("#verdict"))
        return found[1] if found else ""

    def watch_shifts(self) -> None:
        """Add up layout shifts from now on (https://web.dev/articles/cls), except those after the visitor's input."""
        self.page.evaluate(
            """() => {
                window.shifted = 0
                new PerformanceObserver(list => {
                    for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.shifted += shift.value
                }).observe({type: "layout-shift"})
            }"""
        )

    def shifts(self) -> float:
        """The sum of the shifts since ``watch_shifts``."""
        return float(self.page.evaluate("window.shifted"))

    def source(self, selector: str) -> str:
        """Address of a picture; empty before there is one."""
        return self.attribute(selector, "src")

    def picture(self, selector: str) -> NDArray[np.uint8]:
        """Pixels of a picture on the page."""
        self.find(selector).first.scroll_into_view_if_needed()
        body = self.page.request.get(self.source(selector)).body()
        return np.array(Image.open(BytesIO(body)).convert("RGB"))

    def is_seen(self, selector: str) -> bool:
        """Whether a picture is decoded and has a visible size on the page."""
        picture = self.find(selector).first
        picture.scroll_into_view_if_needed()
        return bool(picture.evaluate("image => image.complete && image.naturalWidth > 0 && image.clientWidth > 100"))

    def screenshot(self, name: str) -> None:
        """Save a screenshot of the whole page with WHYFAKE_SCREENSHOTS=1; it takes a second."""
        self.settle()
        if os.environ.get("WHYFAKE_SCREENSHOTS") != "1":
            return
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.evaluate("window.scrollTo(0, 0)")
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def axe_violations(self, scheme: str = "light") -> list[str]:
        """Serious and critical violations found by axe-core, each with its first element; in dark only of colours."""
        options: dict[str, object] = {"resultTypes": ["violations"]}
        if scheme == "dark":
            options["runOnly"] = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
        if not self.page.evaluate("'axe' in window"):  # half a megabyte of script, once for each page
            self.page.evaluate(Axe().axe_script)
        violations = self.page.evaluate(AXE, options)
        return [
            f"{violation['id']}: {violation['nodes'][0]['html'][:200]} ({len(violation['nodes'])} elements)"
            for violation in violations
            if violation["impact"] in ("serious", "critical")
        ]

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
