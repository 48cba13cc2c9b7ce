"""Takes the pictures of the README and docs/page.md: ``python -m docs.screenshot`` starts the page and stops it.

With ``--tour FOLDER`` it takes one of every part of the page, on a desktop and on a phone, light and dark, in every
language: look at them after a change of the page.
"""

import shutil
from itertools import product
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.load import server
from model.cli import run
from model.i18n.catalogue import languages, translate, use_language
from model.paths import EXAMPLES, ROOT

DOCS = ROOT / "docs"
PHOTO = EXAMPLES / "hopper_eyes.jpg"
PATIENCE_MS = 600_000
SCREENS = (("desktop", 1440, 900), ("phone", 390, 844))
OPENED = "hopper_face"
RESULT_TABS = (
    "page.details",
    "page.trust",
    "page.origin",
    "what_if_page.heading",
    "page.robustness",
    "page.numbers",
    "page.report",
)
OPEN_ALL = "document.querySelectorAll('#more details').forEach(part => { part.open = true })"


def opened(browser: Browser, url: str, width: int, height: int, scheme: str = "light") -> Page:
    """A new tab of this size with the loaded page."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    page.wait_for_selector("#photo input[type=file]", state="attached")
    page.wait_for_timeout(1500)
    return page


def shoot(page: Page, name: str, out: Path, whole: bool = True) -> None:
    """Save the whole page or its first screen, after every picture has loaded."""
    for picture in page.locator("img:visible").all():
        picture.scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(1200)
    page.screenshot(path=out / f"{name}.png", full_page=whole)
    print(f"written: {out / name}.png")


def documents(browser: Browser, url: str, out: Path) -> None:
    """What the page opens with, a table of many photos, and a photo on a phone in Turkish."""
    page = opened(browser, url, 1440, 1100)
    wait_done(page)  # the example that the page opens with
    shoot(page, "screenshot", out, whole=False)
    judge_examples(page)
    shoot(page, "many", out)
    page = opened(browser, f"{url}/?lang=tr&trust=0", 390, 844, "dark")
    page.set_input_files("#photo input[type=file]", PHOTO)
    wait_done(page)
    shoot(page, "phone", out)


def wait_done(page: Page) -> None:
    """Wait for the end of an analysis."""
    page.locator("#ranked button").first.wait_for()
    page.locator("#cancel").wait_for(state="hidden")


def judge_examples(page: Page) -> None:
    """Open the tab for many photos and judge the examples there."""
    open_tab(page, "page.many")
    page.set_input_files("#many-files input[type=file]", sorted(EXAMPLES.glob("*.jpg")))
    page.locator("#many-csv").wait_for()


def open_tab(page: Page, key: str) -> None:
    """Open a tab by its name; one that has no room on a phone is in the menu beside the others."""
    tab = page.get_by_role("tab", name=translate(key), exact=True)
    if not tab.is_visible():
        for menu in page.locator(".overflow-menu > button:visible").all():  # the page's tabs, those of a result
            menu.click()
            tab = page.locator(".overflow-dropdown button:visible", has_text=translate(key))
            if tab.count():
                break
    tab.click()
    page.wait_for_timeout(500)


def tour(browser: Browser, url: str, out: Path) -> None:
    """Every part of the page on a desktop and on a phone, in light and dark, in every language."""
    for language, (size, width, height), scheme in product(languages(), SCREENS, ("light", "dark")):
        name = f"{language}_{size}_{scheme}"
        with use_language(language):
            page = opened(browser, f"{url}/?lang={language}&example={OPENED}", width, height, scheme)
            wait_done(page)
            shoot(page, f"{name}_first", out, whole=False)
            for tab in RESULT_TABS:
                open_tab(page, f"{tab}")
                if tab == "page.trust":
                    page.locator("#trust-table summary").first.wait_for()
                if tab == "page.robustness":
                    page.locator("#robustness-curves .charts").first.wait_for()
                page.evaluate(OPEN_ALL)
                shoot(page, f"{name}_{tab.removesuffix('.heading').rpartition('.')[2]}", out)
            page.locator("#settings-button").click()
            page.wait_for_timeout(800)
            shoot(page, f"{name}_settings", out, whole=False)
            page.locator("#settings-drawer .toggle-button").click()
            judge_examples(page)
            shoot(page, f"{name}_many", out)
            open_tab(page, "page.model_tab")
            page.locator("#model-pictures .charts").first.wait_for()
            shoot(page, f"{name}_model", out)
            page.close()


def main(
    out: Annotated[Path, typer.Option(help="Folder for the pictures of the documents.")] = DOCS,
    everything: Annotated[Path | None, typer.Option("--tour", help="Only take a tour, into this folder.")] = None,
) -> None:
    """Take the pictures of the documents, or one of every part of the page on every screen."""
    browsers = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    with server() as (url, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=next(browsers), args=["--no-sandbox", "--disable-gpu"])
        if everything is None:
            documents(browser, url, out)
        else:
            everything.mkdir(parents=True, exist_ok=True)
            tour(browser, url, everything)
        browser.close()


if __name__ == "__main__":
    run(main)
