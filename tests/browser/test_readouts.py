"""The lines of text below the maps, by ``page.js`` on a page with one map."""

from __future__ import annotations

import itertools
import json
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from explain.html import regions
from explain.html.rendering import macros
from tests.browser.visitor import PATIENCE_S, ROOT

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
    """A page with one map, and with data of its only region."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.set_content(PAGE % regions._label_picture(np.zeros((4, 4), int)))
    page.add_script_tag(content=SCRIPT.read_text("utf-8"))
    describe(page, "first photo")
    yield page
    page.close()


def describe(page: Page, line: str) -> None:
    """New data for the pointer, as Gradio replaces them."""
    map_data = {"labels": regions._label_picture(np.zeros((4, 4), int)), "lines": [line]}
    data = macros("regions").pointed_at(json.dumps({"partition_shap": map_data}))
    page.evaluate("data => { document.querySelector('#pointed-at').innerHTML = data }", str(data))


def point(page: Page, said: str) -> None:
    """Move over the map until its region is read: the first move only loads the picture of the regions."""
    place = "document.querySelector('#partition_shap-readout p').textContent"
    deadline = time.monotonic() + PATIENCE_S
    for step in itertools.count():
        page.mouse.move(60 + step % 9, 60)
        if page.evaluate(place) == said:
            return
        if time.monotonic() > deadline:
            break
        page.wait_for_timeout(20)
    pytest.fail(f"{said!r} is not read but {page.evaluate(place)!r}")


def wait_for_hint(page: Page) -> None:
    page.wait_for_function("hint => document.querySelector('.readout').textContent === hint", arg=HINT)


@pytest.mark.parametrize("line", [None, "second photo"])
def test_a_line_of_the_photo_before_is_taken_back(page: Page, line: str | None) -> None:
    point(page, "first photo")
    assert page.locator("img").get_attribute("title") == "first photo"
    if line is None:
        page.evaluate("document.querySelector('#pointed-at').innerHTML = ''")
    else:
        describe(page, line)
    wait_for_hint(page)
    assert page.locator("img").get_attribute("title") is None
    describe(page, "third photo")
    point(page, "third photo")


def test_a_hint_in_another_language_stays(page: Page) -> None:
    point(page, "first photo")
    translated = '<p class="readout">Bir bölge</p>'
    page.evaluate("text => { document.querySelector('#partition_shap-readout').innerHTML = text }", translated)
    describe(page, "second photo")
    page.wait_for_function("!document.querySelector('img').title")
    assert page.locator(".readout").inner_text() == "Bir bölge"
