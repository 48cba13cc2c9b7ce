"""Tests of how the benchmarks of sustained load summarise their measurements."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from benchmarks import _results, mixed_load
from benchmarks.load import PARTS, free_port
from model.paths import ROOT


def sample(minute: float, server: float) -> dict[str, float]:
    return {"minute": minute, "server": server, "children": 0.0}


def test_memory_level_is_a_mean_around_a_minute() -> None:
    samples = [sample(minute, server) for minute, server in ((1, 0), (4, 300), (5, 400), (6, 500), (9, 900))]
    assert mixed_load.level(samples, 5) == {"server": 400, "children": 0}


def test_last_memory_level_covers_the_last_minutes() -> None:
    samples = [sample(minute / 10, minute) for minute in range(601)]
    assert mixed_load.level(samples, 60) == mixed_load.level(samples, 59)


@pytest.mark.skipif(sys.platform != "linux", reason="the list of started processes comes from /proc")
def test_child_processes_of_child_processes_count() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        deadline = time.monotonic() + 30
        while len(found := mixed_load.started_by(process.pid)) < 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(found) == 1 and process.pid in mixed_load.started_by(os.getpid())
        assert set(found) < set(mixed_load.started_by(os.getpid()))
        process.communicate(b"\n")
    assert mixed_load.started_by(process.pid) == [] and mixed_load.memory_of(process.pid) == 0


def test_lost_connection_is_counted_and_the_load_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock advances by one second per call, so that the load has three rounds on any machine."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    for lost, load in (
        ("ConnectError", lambda: mixed_load.requests(nowhere, 3, 0, mixed_load.damaged, {})),
        ("error", lambda: mixed_load.visits(SimpleNamespace(url=nowhere), 3, 0)),  # type: ignore[arg-type]
    ):
        clock = SimpleNamespace(monotonic=itertools.count().__next__, sleep=lambda seconds: None)
        monkeypatch.setattr(mixed_load, "time", clock)
        assert load() == {lost: 3}


@pytest.mark.slow
def test_damaged_file_is_a_text_or_half_a_photo() -> None:
    assert mixed_load.damaged(1) == b"not a photo" and mixed_load.damaged(2)[:2] == b"\xff\xd8"
    assert mixed_load.animation(0)[:6] == b"GIF89a"


def test_docs_quote_the_figures_of_mixed_load() -> None:
    found = _results.read("mixed_load")
    text = " ".join((ROOT / "docs" / "deploy.md").read_text("utf-8").split())
    sent, memory = found["requests"], found["memory_mb"]
    assert {*sent.pop("damaged file"), *(status for counts in sent.values() for status in counts)} == {"400", "200"}
    assert f"{found['visits']['finished']} finished, {found['visits']['left']} left" in text and found["minutes"] == 60
    for minute, beginning in ((5, "After five minutes the server had"), (60, "after an hour")):
        server, children = (memory[f"minute {minute}"][name] for name in ("server", "children"))
        assert re.search(rf"{beginning} {server} MB and (the processes that it started )?{children} MB", text)


def test_docs_quote_the_figures_of_sustained_visits() -> None:
    found = _results.read("sustained")
    text = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    for count, parts in found["visitors"].items():
        assert parts["errors"] == []
        seconds = " | ".join(f"{parts[name]['median']:.1f}, {parts[name]['worst']:.1f}" for name in PARTS)
        done = f"{parts['complete']['median']:.0f} ({parts['complete']['of']} of {parts['photos']})"
        memory = found["memory_mb"][f"after {count} visitors"]
        assert f"| {count} | {seconds} | {done} | {memory} MB |" in text
