"""Tests of a page with the files of a thesis in ``model/``, in a real browser and with a client program."""

from __future__ import annotations

import json
import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gradio_client import Client, handle_file

from tests.browser.visitor import STILL_MS, WAIT_UNTIL_STILL
from tests.conftest import START_SECONDS, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
ASTRONAUT = ROOT / "examples" / "astronaut.jpg"
TIMEOUT_MS = 300_000
THESIS, SHIPPED = "best_model_effatt.h5", "lite_attention"
WAIT_FOR_FILE = """\
    deadline = __import__("time").monotonic() + {seconds}
    while not os.path.exists({path!r}) and __import__("time").monotonic() < deadline:
        __import__("time").sleep(0.1)
"""
QUICK = ("likelier", 20, 100, 8, False, False)


@pytest.fixture(scope="module")
def import_may_begin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The import of ``early_thesis_url`` waits for this file, or it could end before a slow browser shows the page."""
    return tmp_path_factory.mktemp("import") / "begin"


@pytest.fixture(scope="module")
def early_thesis_url(tmp_path_factory: pytest.TempPathFactory, import_may_begin: Path) -> Iterator[str]:
    """Address of a page that has just started, in a checkout with the files of a thesis in ``model/``."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in ("explain", "model", "examples"):
        shutil.copytree(ROOT / name, checkout / name)
    shutil.copy(ROOT / "app.py", checkout)
    for name in ("best_model_effatt.h5", "label_transform.pkl"):
        shutil.copy(ROOT / "tests" / "data" / "legacy" / "keras2_softmax" / name, checkout / "model")
    importer = checkout / "model" / "legacy" / "apart.py"
    main_guard = '__name__ == "__main__":\n'
    wait = WAIT_FOR_FILE.format(seconds=START_SECONDS, path=str(import_may_begin))
    importer.write_text(importer.read_text("utf-8").replace(main_guard, main_guard + wait), "utf-8")
    with served(checkout, checkout / "log.txt", WHYFAKE_CACHE=str(checkout / "cache")) as url:
        yield url
        import_may_begin.touch()  # ends the wait if no test has created the file


@pytest.fixture(scope="module")
def thesis_page_url(early_thesis_url: str, import_may_begin: Path) -> str:
    """The same address, after the thesis's file is imported."""
    import_may_begin.touch()
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{early_thesis_url}/models", timeout=60) as answer:
            if any(model["name"].endswith(".h5") for model in json.load(answer)):
                return early_thesis_url
        time.sleep(0.5)
    pytest.fail(f"The file was not imported within {START_SECONDS} s.")


def test_page_works_during_the_import_and_offers_the_model_afterwards(
    browser: Browser, early_thesis_url: str, import_may_begin: Path
) -> None:
    page = browser.new_page()
    page.goto(f"{early_thesis_url}/?trust=0")  # without the example that the page opens with
    page.locator("#models-note progress").wait_for(state="attached", timeout=TIMEOUT_MS)
    assert THESIS in (page.locator("#models-note").text_content() or "")
    page.locator("#model input").first.wait_for(state="attached", timeout=TIMEOUT_MS)
    offered = page.evaluate("[...document.querySelectorAll('#model input')].map(choice => choice.value)")
    assert SHIPPED in offered and THESIS not in offered, "it must not be a choice during its import"
    import_may_begin.touch()
    page.locator("#model").get_by_role("radio", name=THESIS).wait_for(timeout=TIMEOUT_MS)
    assert (
        page.locator("#model").get_by_label(SHIPPED).is_checked()
        and not page.locator("#model").get_by_role("radio", name=THESIS).is_checked()
    )
    page.locator("#models-note progress").wait_for(state="detached", timeout=TIMEOUT_MS)
    page.close()


@pytest.fixture(scope="module")
def page(browser: Browser, thesis_page_url: str) -> Iterator[Page]:
    """The page after the analysis of the astronaut by the model that is chosen at the start."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    with page.expect_response(re.compile("/run/predict")):  # the link's settings
        page.goto(f"{thesis_page_url}/?trust=0&samples=100")  # trust takes longest, and is tested elsewhere
    page.wait_for_selector("#photo input[type=file]", state="attached")
    page.evaluate(WAIT_UNTIL_STILL, [STILL_MS, 3000])
    page.set_input_files("#photo input[type=file]", ASTRONAUT)
    page.get_by_text("Done in").wait_for(timeout=TIMEOUT_MS)
    yield page
    page.close()


def test_thesis_model_is_named_and_chosen_and_the_shipped_one_can_be_chosen(page: Page) -> None:
    assert page.locator("#model").get_by_role("radio").count() == 3
    assert page.locator("#model").get_by_label(THESIS).is_checked()
    assert "not known here" in page.locator("#verdict").text_content()
    assert "uncalibrated" in page.locator("#verdict").text_content()
    page.get_by_role("tab", name="Numbers").click()
    page.locator("#numbers").wait_for(timeout=TIMEOUT_MS)
    assert "Native grid 8 × 8" in page.locator("#numbers").text_content()

    page.locator("#model").get_by_label(SHIPPED).check()
    page.locator("#verdict").get_by_text("Calibrated on validation faces").wait_for(
        state="attached", timeout=TIMEOUT_MS
    )
    page.get_by_text("Done in").wait_for(timeout=TIMEOUT_MS)
    assert "of real faces fake" in page.locator("#scope").inner_text()
    assert "inside the changed region" in page.locator("#numbers").text_content()


def test_client_program_can_choose_the_model(thesis_page_url: str, tmp_path: Path) -> None:
    client = Client(thesis_page_url, verbose=False, download_files=str(tmp_path))
    names = {}
    for model in (THESIS, SHIPPED):
        report, *_ = client.predict(handle_file(ASTRONAUT), *QUICK, model, api_name="/analyze")
        names[model] = report["model"]["name"]
        assert report["prediction"]["calibrated"] is (model == SHIPPED)
    assert names == {THESIS: THESIS, SHIPPED: SHIPPED}
    client.close()
