"""Tests of the counts of the benchmark of several replicas."""

from __future__ import annotations

from types import SimpleNamespace

import httpx
import pytest

from benchmarks import serve


def test_refused_photo_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    statuses = iter([503, 503, 500])
    is_running = [True]

    def answer(request: httpx.Request) -> httpx.Response:
        status = next(statuses)
        is_running[0] = status == 503
        return httpx.Response(status)

    monkeypatch.setattr(serve, "from_address", lambda number: httpx.MockTransport(answer))
    clock = SimpleNamespace(monotonic=lambda: 0.0 if is_running[0] else 2.0, sleep=lambda seconds: None)
    monkeypatch.setattr(serve, "time", clock)
    assert serve.send("http://server", 1, 1.0) == ([2.0], 2, 1)


def test_percentiles_are_computed_from_the_seconds() -> None:
    assert serve.spread([float(value) for value in range(101)]) == {"p50": 50, "p95": 95, "p99": 99}
