"""Takes the README's picture of the page: ``python -m docs.screenshot`` while ``python app.py`` runs."""

import shutil
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
PATIENCE_MS = 600_000


def main(
    url: Annotated[str, typer.Argument(help="Address of the running page.")] = "http://127.0.0.1:7860",
    photo: Annotated[Path, typer.Option(help="Photo to analyse.")] = ROOT / "examples" / "hopper_eyes.jpg",
    out: Annotated[Path, typer.Option(help="PNG to write.")] = ROOT / "docs" / "screenshot.png",
) -> None:
    """Analyse one photo in a headless browser and save what the page shows."""
    browsers = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=next(browsers), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        page.set_input_files("#photo input[type=file]", photo)
        page.get_by_text("Done in").wait_for(timeout=PATIENCE_MS)
        page.locator("#attention img").scroll_into_view_if_needed()
        page.wait_for_timeout(1000)  # the last pictures fade in
        page.screenshot(path=out, full_page=True)
        browser.close()


if __name__ == "__main__":
    typer.run(main)
