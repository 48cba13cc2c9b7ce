"""Measures the cost of the page in a Space: ``python -m docs.footprint PYTHON`` with a fresh environment's Python."""

import shutil
import statistics
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from urllib.error import URLError
from urllib.request import urlopen

import typer
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from docs.space import RUNS, make_tree, space_environment
from explain.maps.registry import METHODS

PORT = 7861
PATIENCE_SECONDS = 300
VISITS = 5
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MEGABYTE = 1e6


def main(
    python: Annotated[Path, typer.Argument(help="Python of an environment with only requirements.txt.")],
) -> None:
    """Make the tree, start the page in it like Spaces, and print seconds, memory (Linux) and sizes."""
    with TemporaryDirectory() as folder:
        tree, home = Path(folder) / "tree", Path(folder) / "home"
        home.mkdir()
        make_tree(tree, RUNS)
        # Not resolved, because Python recognises its environment by the link.
        command = [str(python.absolute()), "app.py"]
        for label in ("first start", "second start"):
            started = time.perf_counter()
            server = subprocess.Popen(command, cwd=tree, env=space_environment(home, PORT), stdout=subprocess.DEVNULL)
            try:
                _wait_for_page(server)
                typer.echo(f"{label} to first page: {time.perf_counter() - started:.1f} s")
                _visit()
                _ask(_photo(tree / "examples" / "astronaut.jpg", Path(folder)), server.pid)
            finally:
                server.kill()
                server.wait()
        typer.echo(f"tree: {_size(tree):.0f} MB")
    typer.echo(f"environment: {_size(python.absolute().parents[1]):.0f} MB")


def _wait_for_page(server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urlopen(f"http://127.0.0.1:{PORT}", timeout=5).close()
            return
        except (URLError, TimeoutError):
            time.sleep(0.05)
    raise typer.BadParameter("app.py did not serve the page; start it by hand and read its output.")


def _visit() -> None:
    """Open the page several times in a headless browser, each time with an empty cache."""
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        painted = [_first_paint(browser.new_context().new_page()) for _ in range(VISITS)]
        browser.close()
    typer.echo(
        f"  first paint: {statistics.median(painted):.2f} s, at the most {max(painted):.2f} s of {VISITS} visits"
    )


def _first_paint(page: Page) -> float:
    """Seconds from asking for the page to its first text or picture."""
    page.goto(f"http://127.0.0.1:{PORT}")
    page.get_by_role("heading", level=1).wait_for()
    entry = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    return float(page.evaluate(entry)) / 1000


def _photo(example: Path, folder: Path) -> Path:
    """A copy in another format: the examples themselves are answered from finished results."""
    copy = folder / "photo.png"
    with Image.open(example) as picture:
        picture.save(copy)
    return copy


def _ask(photo: Path, pid: int) -> None:
    """Send a photo twice, then once with a map that needs TensorFlow."""
    client = Client(f"http://127.0.0.1:{PORT}", verbose=False)
    typer.echo(f"  memory after the visits: {_memory(pid):.0f} MB")
    by_gradients = next(method for method in METHODS.values() if method.needs_gradients)
    requests = (("photo", []), ("photo again", []), (f"photo with {by_gradients.title}", [by_gradients.name]))
    for label, further in requests:
        started, verdict = time.perf_counter(), None
        for report, *_ in client.submit(handle_file(photo), further=further, api_name="/analyze"):
            if verdict is None and report["prediction"] is not None:
                verdict = time.perf_counter() - started
        seconds = time.perf_counter() - started
        typer.echo(f"  {label}: verdict in {verdict:.1f} s, complete in {seconds:.1f} s; memory {_memory(pid):.0f} MB")
    client.close()


def _memory(pid: int) -> float:
    """Resident memory of a process in MB, on Linux."""
    (line,) = (row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / MEGABYTE


def _size(folder: Path) -> float:
    """MB of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MEGABYTE


if __name__ == "__main__":
    typer.run(main)
