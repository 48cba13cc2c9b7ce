"""What several tests share: the model, the page as a server, a real browser, and photos gone wrong."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from model.detector.detector import Detector

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
ASTRONAUT = ROOT / "examples" / "astronaut.jpg"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (  # nothing that would look for a display, a graphics card or the network
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
)
START_SECONDS = 300  # patience with a machine that does other work, and with an import of a model
HEAD = (140, 20, 300, 180)  # the astronaut's head in her photo: left, top, right, bottom
GRID = (8, 5)  # heads across and down in the picture of forty faces
TILE = 128  # pixels a side of each head there


CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()  # before any are given away


@contextmanager
def on_every_core() -> Iterator[None]:
    """What is started meanwhile may use all cores: a browser beside a network on a single one would starve."""
    own = os.sched_getaffinity(0) if CORES else set()
    if CORES:
        os.sched_setaffinity(0, CORES)
    try:
        yield
    finally:
        if CORES:
            os.sched_setaffinity(0, own)


def pytest_configure() -> None:
    """Give each of the processes that tests run in cores of its own: networks on shared cores wait for each other."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker and hasattr(os, "sched_setaffinity"):
        cores, workers = sorted(os.sched_getaffinity(0)), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        os.sched_setaffinity(0, cores[int(worker) :: workers] or cores)


@pytest.fixture(scope="session")
def detector() -> Detector:
    """The model that we ship."""
    return Detector()


class QuickDetector(Detector):
    """The shipped model's card around a network that takes no time: unevenness is fake, in some places more so.

    For tests of what is done with a network's answers, whatever they are.
    """

    def _run(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Probabilities ``(N, 2)`` in the order of the card's labels, and an attention mask ``(N, 16, 16)``."""
        cells = crops[..., 1].reshape(len(crops), 16, crops.shape[1] // 16, 16, -1)
        uneven = cells.std((2, 4)) / 255 * np.random.default_rng(0).uniform(0, 2, (16, 16))
        fake = 1 / (1 + np.exp(100 * (0.07 - uneven.mean((1, 2)))))
        by_label = {"Fake": fake, "Real": 1 - fake}
        return np.stack([by_label[label] for label in self.card.labels], axis=1), uneven.clip(0, 1).astype(np.float32)


@pytest.fixture(scope="session")
def quick_detector() -> QuickDetector:
    """A detector for tests that must not wait for a network."""
    return QuickDetector()


# The page


@pytest.fixture(scope="session")
def server_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page's server has printed."""
    return tmp_path_factory.mktemp("server") / "log.txt"


@pytest.fixture(scope="session")
def page_url(server_log: Path) -> Iterator[str]:
    """Address of the page, started by the command that the README gives."""
    with served(ROOT, server_log) as url:
        yield url


@pytest.fixture(scope="session")
def early_thesis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the page of a checkout into whose ``model/`` somebody dropped the files of a thesis, at its start."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in ("explain", "model", "examples"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", checkout)
    for name in ("best_model_effatt.h5", "label_transform.pkl"):
        shutil.copy(ROOT / "tests" / "data" / "legacy" / "keras2_softmax" / name, checkout / "model")
    with served(checkout, checkout / "log.txt", WHYFAKE_CACHE=str(checkout / "cache")) as url:
        yield url


@pytest.fixture(scope="session")
def thesis_page_url(early_thesis_url: str) -> str:
    """The same address once the thesis's file is imported."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{early_thesis_url}/models", timeout=60) as answer:
            if any(model["name"].endswith(".h5") for model in json.load(answer)):
                return early_thesis_url
        time.sleep(0.5)
    pytest.fail(f"The file was not imported within {START_SECONDS} s.")


@contextmanager
def served(root: Path, log: Path, *options: str, **variables: str) -> Iterator[str]:
    """Address of the page that ``app.py`` of a checkout serves meanwhile, with further options and variables."""
    port = free_port()
    environment = os.environ | {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(log.parent / "uploads"),
        **variables,
    }
    # Learning the examples would take the machine from the tests for minutes. Started from elsewhere, as people do.
    arguments = ("--port", str(port), "--no-learn-examples", *options)
    with started(root, log, port, environment, *arguments, cwd=log.parent) as url:
        yield url


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def started(root: Path, log: Path, port: int, environment: dict[str, str], *arguments: str, cwd: Path) -> Iterator[str]:
    """Address of the page that ``app.py`` of a checkout serves meanwhile, with this environment and no other."""
    url = f"http://127.0.0.1:{port}"
    with log.open("w") as output:
        command = [sys.executable, str(root / "app.py"), *arguments]
        server = subprocess.Popen(command, cwd=cwd, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_until_it_answers(url, server, log)
        yield url
    finally:
        server.kill()
        server.wait()


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.fail(f"app.py ended with code {server.returncode}:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"app.py gave no page within {START_SECONDS} s:\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real headless Chromium; without one the tests fail, unless WHYFAKE_NO_BROWSER=1 leaves them out."""
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
        chromium = playwright.chromium.launch(executable_path=executable, args=list(QUIET))
    yield chromium
    chromium.close()
    playwright.stop()


# Photos gone wrong


@dataclass(frozen=True)
class BadPhoto:
    """A file that someone may well hand in.

    Attributes:
        path: the file.
        refusal: words of the sentence that refuses it; None where it is analysed all the same.
        notes: what the answer must say of it.
        faces: the fewest faces that must be found.
    """

    path: Path
    refusal: str | None = None
    notes: tuple[str, ...] = ()
    faces: int = 1


@cache
def _astronaut() -> Image.Image:
    with Image.open(ASTRONAUT) as image:
        return image.convert("RGB")


def _frames() -> list[Image.Image]:
    return [_astronaut().resize((256, 256)), Image.new("RGB", (256, 256), "white")]


def _save(folder: Path, name: str, image: Image.Image, **options: object) -> Path:
    image.save(folder / name, **options)
    return folder / name


def _write(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _bomb() -> bytes:
    """A PNG of 20,000 x 20,000 grey pixels, two bits each, in about 100 kB: 1.2 GB once decoded to RGB."""
    side = 20_000
    packer = zlib.compressobj(9)
    row = bytes(1 + side // 4)
    packed = b"".join([packer.compress(row * 100) for _ in range(side // 100)] + [packer.flush()])
    header = _png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 2, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _png_chunk(b"IDAT", packed) + _png_chunk(b"IEND", b"")


def _bomb_photo(folder: Path) -> BadPhoto:
    data = _bomb()
    assert 80_000 < len(data) < 120_000
    return BadPhoto(_write(folder, "huge.png", data), "more than the 50,000,000 pixels allowed")


def _sixteen_bit(folder: Path) -> BadPhoto:
    grey = np.asarray(_astronaut().convert("L"), np.uint16) * 257
    return BadPhoto(_save(folder, "16bit.png", Image.fromarray(grey)))


def _transparent(folder: Path) -> BadPhoto:
    image = _astronaut().copy()
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 400, 512, 512))
    image.putalpha(alpha)
    return BadPhoto(_save(folder, "alpha.png", image), notes=("Transparent parts were filled with white.",))


def _turned(folder: Path) -> BadPhoto:
    """The astronaut lying on her side in the file, upright by its EXIF tag: 512 wide, 400 high when shown."""
    lying = _astronaut().crop((0, 0, 512, 400)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # turn clockwise by a quarter to show
    return BadPhoto(_save(folder, "turned.jpg", lying, exif=exif, quality=95))


def _forty_faces(folder: Path) -> BadPhoto:
    head = _astronaut().crop(HEAD).resize((TILE, TILE), Image.Resampling.BICUBIC)
    crowd = Image.new("RGB", (GRID[0] * TILE, GRID[1] * TILE))
    for column in range(GRID[0]):
        for row in range(GRID[1]):
            crowd.paste(head, (column * TILE, row * TILE))
    return BadPhoto(_save(folder, "forty.jpg", crowd, quality=95), faces=30)


FIRST_FRAME = ("This file is animated; only its first frame was analysed.",)
MAKERS: dict[str, Callable[[Path], BadPhoto]] = {
    "empty": lambda to: BadPhoto(_write(to, "empty.jpg", b""), "empty (0 bytes)"),
    "text": lambda to: BadPhoto(_write(to, "text.jpg", b"Not a photo. " * 50), "not a readable JPEG"),
    "truncated": lambda to: BadPhoto(_write(to, "cut.jpg", ASTRONAUT.read_bytes()[:30_000]), "damaged or cut off"),
    "huge": _bomb_photo,
    "gif": lambda to: BadPhoto(
        _save(to, "moving.gif", _frames()[0], save_all=True, append_images=_frames()[1:]), notes=FIRST_FRAME
    ),
    "webp": lambda to: BadPhoto(
        _save(to, "moving.webp", _frames()[0], save_all=True, append_images=_frames()[1:]), notes=FIRST_FRAME
    ),
    "cmyk": lambda to: BadPhoto(_save(to, "cmyk.jpg", _astronaut().convert("CMYK"), quality=95)),
    "16-bit": _sixteen_bit,
    "palette": lambda to: BadPhoto(_save(to, "palette.png", _astronaut().convert("P"))),
    "alpha": _transparent,
    "grey": lambda to: BadPhoto(_save(to, "grey.jpg", _astronaut().convert("L"), quality=95)),
    "turned": _turned,
    "1x1": lambda to: BadPhoto(_save(to, "dot.png", Image.new("RGB", (1, 1))), "too few to hold a face"),
    "no face": lambda to: BadPhoto(_write(to, "cat.jpg", (ROOT / "examples/cat.jpg").read_bytes()), faces=0),
    "forty faces": _forty_faces,
}


@pytest.fixture(scope="session")
def bad_photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BadPhoto]:
    """Every kind of file that the page must take or refuse in one clear sentence, by name."""
    folder = tmp_path_factory.mktemp("photos")
    return {name: make(folder) for name, make in MAKERS.items()}


@pytest.fixture(params=list(MAKERS))
def bad_photo(request: pytest.FixtureRequest, bad_photos: dict[str, BadPhoto]) -> BadPhoto:
    """Each of ``bad_photos`` in turn."""
    return bad_photos[request.param]


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """The astronaut's photo, ``(512, 512, 3) uint8`` RGB: one face."""
    return np.array(_astronaut())
