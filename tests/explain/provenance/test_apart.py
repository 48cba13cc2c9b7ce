"""Tests of reading a file's origin in a separate process: a failure costs one sentence, and no verdict."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from explain.analysis import analyze
from explain.provenance import apart
from explain.provenance.apart import PATIENCE, UNREAD, findings_apart
from explain.provenance.findings import findings
from explain.settings import Settings
from model import apart as processes
from model.apart import WATCH, Processes
from tests.explain.provenance.files import exif, png, saved, shrunk_astronaut, xmp
from tests.support.worlds import QuickDetector

ROOT = Path(__file__).parents[3]
ASTRONAUT = ROOT / "examples" / "astronaut.jpg"
# Code that the process runs before its first request.
STUCK = "import time; time.sleep(600)"
CRASH = "import os; os.abort()"


@pytest.fixture
def run_first(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the code that a new process runs first."""
    popen, current = subprocess.Popen, [""]

    def start(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        code = f"{current[0]}; from explain.provenance.apart import main; main()"
        changed = current[0] and command[-1] == "explain.provenance.apart"
        return popen([sys.executable, "-c", code] if changed else command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(processes.subprocess, "Popen", start)
    readers = Processes("explain.provenance.apart", 1, PATIENCE)
    monkeypatch.setattr(apart, "_READERS", readers)
    yield lambda code: current.__setitem__(0, code)
    readers.close()


def test_findings_pass_between_processes_unchanged() -> None:
    files = [
        png(parameters="Steps: 20 doğum günü"),
        saved(exif=exif(Make="Canon", DateTime="2020:01:02 03:04:05")),
        saved(xmp=xmp("<xmp:CreatorTool>Editor</xmp:CreatorTool>")),
        saved(shrunk_astronaut(), quality=60),
        b"no photo",
    ]
    for data in files:
        assert findings_apart(data) == findings(data)


@pytest.mark.slow
def test_a_file_that_ends_the_process_gives_a_sentence_and_the_next_one_is_read(
    run_first: Callable[[str], None],
) -> None:
    run_first(CRASH)
    assert findings_apart(ASTRONAUT.read_bytes()) == UNREAD
    assert str(UNREAD.findings[0].message).endswith(".")
    run_first("")
    assert findings_apart(b"no photo") == findings(b"no photo")


@pytest.mark.parametrize("answer", [1, [1], [[1]], [["a", "strong", ["nothing", {}]]], [["a", "hint", "text"]]])
def test_malformed_answers_of_the_process_are_refused(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    monkeypatch.setattr(apart._READERS, "ask", lambda *_: ({"findings": answer}, None))
    assert findings_apart(b"file") == UNREAD
    monkeypatch.setattr(apart._READERS, "ask", lambda *_: ({}, None))
    assert findings_apart(b"file") == UNREAD


def test_a_process_that_is_killed_while_it_reads_costs_no_verdict(
    run_first: Callable[[str], None], quick_detector: QuickDetector
) -> None:
    run_first(STUCK)
    settings = Settings(methods=("attention",), robustness=False)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: list(analyze(ASTRONAUT, settings, quick_detector)))
        while not (running := [task for task in list(WATCH._tasks) if "provenance" in str(task._process.args)]):
            assert not answer.done()
            time.sleep(0.01)
        running[0].kill()
        steps = answer.result(60)
    judged = next(step for step in steps if step.prediction is not None)
    assert judged.provenance is None  # the verdict came before
    assert steps[-1].complete and steps[-1].provenance == UNREAD and "attention" in steps[-1].attributions


def test_cancelling_ends_the_process_and_gives_no_findings(run_first: Callable[[str], None]) -> None:
    run_first(STUCK)
    cancel = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        reading, waiting = (pool.submit(findings_apart, b"file", cancel.is_set) for _ in range(2))
        cancel.set()
        assert reading.result(60) is None and waiting.result(60) is None


def test_a_process_that_does_not_start_gives_a_sentence(
    run_first: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    apart.expect_files()
    assert findings_apart(b"file") == UNREAD


def test_verdict_alone_starts_no_process(run_first: Callable[[str], None], quick_detector: QuickDetector) -> None:
    run_first(CRASH)
    settings = Settings(methods=(), robustness=False)
    for photo in (ASTRONAUT, ASTRONAUT.with_name("cat.jpg")):
        *_, found = analyze(photo, settings, quick_detector)
        assert found.complete and found.provenance is None
    assert apart._READERS._free.queue == [None]


@pytest.mark.slow
def test_process_imports_no_more_than_reading_needs() -> None:
    """With all of ``explain`` it took five times as long to start, and four times the memory."""
    code = "import explain.provenance.findings, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"sklearn", "skimage", "lime", "pandas", "matplotlib", "gradio"} & set(loaded.stdout.split())
