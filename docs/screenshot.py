"""Takes the pictures of the README and docs/page.md: ``python -m docs.screenshot`` opens the page and ends it."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parent.parent
DOCS, EXAMPLES = ROOT / "docs", ROOT / "examples"
PHOTO = EXAMPLES / "hopper_eyes.jpg"
PATIENCE_MS = 600_000
START_S = 120


@contextmanager
def served() -> Iterator[str]:
    """Address of the page, which is open meanwhile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port), "--no-learn-examples"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_S
    try:
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except (urllib.error.URLError, TimeoutError):
                if server.poll() is not None or time.monotonic() > deadline:
                    sys.exit("Error: app.py did not start; run it by itself to see why.")
                time.sleep(0.3)
        yield url
    finally:
        server.terminate()
        server.wait()


def opened(browser: Browser, url: str, width: int, height: int, scheme: str = "light") -> Page:
    """A new tab of that size, in which the page is ready."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    page.wait_for_selector("#photo input[type=file]", state="attached")
    page.wait_for_timeout(1500)
    return page


def shoot(page: Page, name: str, out: Path) -> None:
    """Save the whole page, after every picture on it was scrolled to and has faded in."""
    for picture in page.locator("img:visible").all():
        picture.scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(1200)
    page.screenshot(path=out / f"{name}.png", full_page=True)
    print(f"written: {out / name}.png")


def main(out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = DOCS) -> None:
    """Analyse an example with trust, many photos, and one on a phone in Turkish; save what the page shows."""
    browsers = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=next(browsers), args=["--no-sandbox", "--disable-gpu"])
        page = opened(browser, url, 1440, 900)
        page.set_input_files("#photo input[type=file]", PHOTO)
        page.get_by_text("Done in").wait_for()
        shoot(page, "screenshot", out)
        page.get_by_role("tab", name="Many photos").click()
        page.set_input_files("#many-files input[type=file]", sorted(EXAMPLES.glob("*.jpg")))
        page.locator("#many-csv").wait_for()
        shoot(page, "many", out)
        page = opened(browser, f"{url}/?lang=tr&trust=0", 390, 844, "dark")
        page.set_input_files("#photo input[type=file]", PHOTO)
        page.locator("#report-html").wait_for()
        shoot(page, "phone", out)
        browser.close()


if __name__ == "__main__":
    typer.run(main)
