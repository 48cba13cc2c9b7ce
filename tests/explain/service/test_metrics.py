"""Tests of the metrics, in the text format of Prometheus."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from explain.service.service import Service, last
from explain.settings import Settings
from model.available import Models, shipped_models
from model.errors import PhotoError
from tests.support.worlds import QuickDetector

ASTRONAUT = Path(__file__).parents[3] / "examples" / "astronaut.jpg"
LINE = re.compile(r'^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[A-Za-z0-9_ ]*"\})? [0-9.e+-]+)$')


@pytest.fixture
def service() -> Service:
    return Service(Models(shipped_models()[:1]))


def test_stages_verdicts_and_refusals_are_counted(service: Service, quick_detector: QuickDetector) -> None:
    settings = Settings(robustness=False, samples=100)
    found = [last(service.analyze(ASTRONAUT, settings, quick_detector)) for _ in range(2)]
    with pytest.raises(PhotoError):
        last(service.analyze(b"no photo", settings, quick_detector))
    text = service.metrics.text(service.gauges())
    assert found[0] is not None and found[0].prediction is not None
    assert f'whyfake_verdicts_total{{verdict="{found[0].prediction.verdict}"}} 2' in text
    assert 'whyfake_stages_total{stage="lime"} 1' in text  # the example's second answer comes from memory
    assert 'whyfake_refusals_total{kind="PhotoError"} 1' in text
    assert "whyfake_analyses_running 0" in text


def test_every_line_is_in_the_format(service: Service, quick_detector: QuickDetector) -> None:
    last(service.analyze(ASTRONAUT, Settings(methods=(), robustness=False), quick_detector))
    text = service.metrics.text(service.gauges())
    assert text.endswith("\n")
    assert [line for line in text.splitlines() if not LINE.match(line)] == []
