"""The page as a server, a real browser, and visitors of the page in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.visitor import TIMEOUT_S, Visitor
from tests.conftest import on_every_core, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGS = (  # Chromium must not need a display, a graphics card or the network
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
)
DESKTOP = {"width": 1440, "height": 900}
QUICK = "trust=0&samples=100"  # trust takes longer than everything else
FAKE = ROOT / "examples" / "hopper_face.jpg"

Contexts = Callable[..., "BrowserContext"]


@pytest.fixture(scope="package")
def server_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log file of the page's server."""
    return tmp_path_factory.mktemp("server") / "log.txt"


@pytest.fixture(scope="package")
def page_url(server_log: Path) -> Iterator[str]:
    """Address of the page with a fast stand-in network; visitors may upload models.

    The server stops after the tests of this folder: even an unused server needs 3% of a processor's time.
    """
    with served(ROOT, server_log, "--model-upload", program="tests/browser/quick_app.py") as url:
        yield url


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A real headless Chromium; without one the tests fail, unless WHYFAKE_NO_BROWSER=1 skips them.

    It is closed after the tests of this folder: Playwright keeps an event loop running in the thread of the tests, so
    tests of other folders could not run their own event loop there.
    """
    if os.environ.get("WHYFAKE_NO_BROWSER") == "1":
        pytest.skip("WHYFAKE_NO_BROWSER=1 leaves the browser tests out.")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.fail(
            f"No browser was found: none of {', '.join(BROWSERS)} is on the PATH. Install one (make browser), or "
            "leave these tests out with WHYFAKE_NO_BROWSER=1."
        )
    from playwright.sync_api import sync_playwright

    starting = sync_playwright()
    with on_every_core():
        playwright = starting.start()
        chromium = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_ARGS))
    yield chromium
    chromium.close()
    playwright.stop()


@pytest.fixture(scope="package")
def kept_context(browser: Browser) -> Iterator[Contexts]:
    """A browser context for each set of options, kept so that the page's scripts are fetched and compiled once."""
    contexts: dict[str, BrowserContext] = {}

    def kept(**options: Any) -> BrowserContext:
        name = repr(sorted(options.items()))
        if name not in contexts:
            contexts[name] = new_context(browser, **options)
        return contexts[name]

    yield kept
    for context in contexts.values():
        context.close()


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    context = browser.new_context(**{"viewport": DESKTOP} | options)
    context.set_default_timeout(TIMEOUT_S * 1000)
    return context


@pytest.fixture
def arrive(browser: Browser, kept_context: Contexts, page_url: str) -> Iterator[Callable[..., Visitor]]:
    """Open the page with a link as a new visitor; ``Visitor.leave`` checks at the end that there were no errors.

    The first visitor of a test uses a kept context; further visitors, and those with ``own_context``, get a new one.
    """
    visitors: list[Visitor] = []
    contexts: list[BrowserContext] = []

    def arrive(query: str = QUICK, own_context: bool = False, **options: Any) -> Visitor:
        if own_context or visitors:
            contexts.append(new_context(browser))
        visitors.append(Visitor(contexts[-1] if contexts else kept_context(), page_url, query, **options))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.leave()
    for context in contexts:
        context.close()


@pytest.fixture
def visitor(arrive: Callable[..., Visitor]) -> Visitor:
    """A visitor with a desktop window and the settings ``QUICK``."""
    return arrive()


@pytest.fixture(scope="module")
def kept_visitor(kept_context: Contexts, page_url: str) -> Iterator[Visitor]:
    """A visitor like ``visitor``, for several tests of a file: a new page takes seconds."""
    visitor = Visitor(kept_context(), page_url, QUICK)
    yield visitor
    visitor.leave()


@pytest.fixture(scope="module")
def done(kept_visitor: Visitor) -> Visitor:
    """A visitor with the finished analysis of ``FAKE``, which is made once for all tests of a file.

    A test must restore the analysis, the language and the open tab.
    """
    kept_visitor.upload(FAKE)
    kept_visitor.wait_done()
    return kept_visitor
