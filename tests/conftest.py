"""Fixtures for several folders: the model, a running server and photos; order and times of the tests."""

from __future__ import annotations

import gc
import itertools
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from xdist.scheduler import LoadScopeScheduling

from model.detector.detector import Detector
from tests.support.bad_photos import MAKERS, BadPhoto, astronaut_image
from tests.support.worlds import QuickDetector

START_SECONDS = 300  # time limit, long enough for a busy machine and for the import of a model
STARTED = time.monotonic()
SLOWEST_FILES = 20  # number of files in the summary
# Tests of each folder share a server and a browser, or imported networks.
TOGETHER = ("tests/browser/", "tests/explain/interfaces/live/", "tests/model/legacy/folder/")
CORES = (
    os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
)  # before they are divided among the workers


@contextmanager
def on_every_core() -> Iterator[None]:
    """Let processes that are started in this block use all cores: a browser and a network on one core are too slow."""
    own = os.sched_getaffinity(0) if CORES else set()
    if CORES:
        os.sched_setaffinity(0, CORES)
    try:
        yield
    finally:
        if CORES:
            os.sched_setaffinity(0, own)


def unit_of(nodeid: str) -> str:
    """The unit that one worker runs: a file, or all files of a folder with shared slow fixtures."""
    path = nodeid.split("::")[0]
    return next((folder for folder in TOGETHER if path.startswith(folder)), path)


class TogetherScheduling(LoadScopeScheduling):
    """Gives each worker a unit at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> TogetherScheduling:
    return TogetherScheduling(config, log)


def pytest_configure() -> None:
    """Give each test process its own cores, because networks on shared cores wait for each other.

    Imported modules stay in memory until the end, so garbage collection skips them.
    """
    gc.disable()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker and hasattr(os, "sched_setaffinity"):
        cores, workers = sorted(os.sched_getaffinity(0)), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        os.sched_setaffinity(0, cores[int(worker) :: workers] or cores)


@pytest.hookimpl(trylast=True)  # after tests are deselected by ``-m``
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest units first: if a long one began last, one worker would run alone at the end."""
    weights: Counter[str] = Counter()
    for item in items:
        is_slow, in_browser = (item.get_closest_marker(name) is not None for name in ("slow", "browser"))
        weights[unit_of(item.nodeid)] += 0.02 + is_slow + 3 * in_browser  # approximate seconds
    items.sort(key=lambda item: -weights[unit_of(item.nodeid)])


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the seconds of the slowest files, and the budget TEST_BUDGET. It never fails."""
    seconds: Counter[str] = Counter()
    for report in itertools.chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.split("::")[0]] += report.duration
    terminalreporter.section("seconds by file")
    for name, value in seconds.most_common(SLOWEST_FILES):
        terminalreporter.line(f"{value:7.1f} {name}")
    terminalreporter.line(f"{sum(seconds.values()):7.1f} in {len(seconds)} files, by all workers")
    budget = os.environ.get("TEST_BUDGET")
    allowed = f" of the {budget} s that CONTRIBUTING.md allows on two cores" if budget else ""
    terminalreporter.line(f"{time.monotonic() - STARTED:7.1f} from start to end{allowed}")


@pytest.fixture(scope="session")
def detector() -> Detector:
    """The shipped model."""
    return Detector()


@pytest.fixture(scope="session")
def quick_detector() -> QuickDetector:
    """A fast detector for tests that need no real network."""
    return QuickDetector()


# The page


@contextmanager
def served(root: Path, log: Path, *options: str, program: str = "app.py", **variables: str) -> Iterator[str]:
    """Address of the page that a program of a checkout serves in this block, with further options and variables."""
    port = free_port()
    environment = os.environ | {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(log.parent / "uploads"),
        **variables,
    }
    # Started from another folder, as users may do.
    with started(root / program, log, port, environment, "--port", str(port), *options, cwd=log.parent) as url:
        yield url


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def started(
    program: Path, log: Path, port: int, environment: dict[str, str], *arguments: str, cwd: Path
) -> Iterator[str]:
    """Address of the page that a program serves in this block, with only this environment."""
    url = f"http://127.0.0.1:{port}"
    with log.open("w") as output:
        command = [sys.executable, str(program), *arguments]
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
            pytest.fail(f"The page ended with code {server.returncode}:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"There was no page within {START_SECONDS} s:\n{log.read_text()}")


# Photos


@pytest.fixture(scope="session")
def bad_photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BadPhoto]:
    """Every kind of file that the page must accept or refuse in one clear sentence, by name."""
    folder = tmp_path_factory.mktemp("photos")
    return {name: make(folder) for name, make in MAKERS.items()}


@pytest.fixture(params=list(MAKERS))
def bad_photo(request: pytest.FixtureRequest, bad_photos: dict[str, BadPhoto]) -> BadPhoto:
    """Each of ``bad_photos`` in turn."""
    return bad_photos[request.param]


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """The astronaut's photo, ``(512, 512, 3) uint8`` RGB: one face."""
    return np.array(astronaut_image())
