"""Tests of the text line that ``page.js`` writes below a map, on a page with one map."""

from __future__ import annotations

import itertools
import json
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from explain.html import regions
from explain.html.rendering import macros
from tests.browser.visitor import ROOT, TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCRIPT = ROOT / "explain" / "page" / "assets" / "page.js"
HINT = "Point at a region."
PAGE = f"""<div id="partition_shap" class="map-picture"><img style="width: 200px; height: 200px" src="%s"></div>
<div id="partition_shap-readout"><p class="readout">{HINT}</p></div><div id="pointed-at"></div>"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page with one map that has one region."""
    page = browser.new_page()
    page.set_default_timeout(TIMEOUT_S * 1000)
    page.set_content(PAGE % regions._label_picture(np.zeros((4, 4), int)))
    page.add_script_tag(content=SCRIPT.read_text("utf-8"))
    set_region_text(page, "first photo")
    yield page
    page.close()


def set_region_text(page: Page, line: str) -> None:
    """Replace the data of the regions, as Gradio does."""
    map_data = {"labels": regions._label_picture(np.zeros((4, 4), int)), "lines": [line]}
    data = macros("regions").pointed_at(json.dumps({"partition_shap": map_data}))
    page.evaluate("data => { document.querySelector('#pointed-at').innerHTML = data }", str(data))


def point_until(page: Page, text: str) -> None:
    """Move the pointer over the map until the text is shown: the first move only loads the picture of the regions."""
    shown_text = "document.querySelector('#partition_shap-readout p').textContent"
    deadline = time.monotonic() + TIMEOUT_S
    for step in itertools.count():
        page.mouse.move(60 + step % 9, 60)
        if page.evaluate(shown_text) == text:
            return
        if time.monotonic() > deadline:
            break
        page.wait_for_timeout(20)
    pytest.fail(f"the text is {page.evaluate(shown_text)!r} instead of {text!r}")


def wait_for_hint(page: Page) -> None:
    page.wait_for_function("hint => document.querySelector('.readout').textContent === hint", arg=HINT)


@pytest.mark.parametrize("line", [None, "second photo"])
def test_text_of_the_earlier_photo_is_removed(page: Page, line: str | None) -> None:
    point_until(page, "first photo")
    assert page.locator("img").get_attribute("title") == "first photo"
    if line is None:
        page.evaluate("document.querySelector('#pointed-at').innerHTML = ''")
    else:
        set_region_text(page, line)
    wait_for_hint(page)
    assert page.locator("img").get_attribute("title") is None
    set_region_text(page, "third photo")
    point_until(page, "third photo")


def test_hint_in_another_language_is_kept(page: Page) -> None:
    point_until(page, "first photo")
    translated = '<p class="readout">Bir bölge</p>'
    page.evaluate("text => { document.querySelector('#partition_shap-readout').innerHTML = text }", translated)
    set_region_text(page, "second photo")
    page.wait_for_function("!document.querySelector('img').title")
    assert page.locator(".readout").inner_text() == "Bir bölge"
