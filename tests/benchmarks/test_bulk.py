"""Tests of the benchmarks of bulk jobs, with known correct figures."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import bulk, bulk_memory, bulk_plan
from benchmarks.bulk_plan import World, simulate, table

ROOT = Path(__file__).parents[2]
RESULTS = ("bulk", "bulk_memory", "bulk_plan")
NO_FAILURES = World(
    seconds=0.1, rows_per_second=1e9, spread=0.0, hours_between_failures=1e12, store_bytes_per_second=1e15
)


def test_cluster_without_failures_is_as_fast_as_its_cores() -> None:
    found = simulate(NO_FAILURES, machines=3)
    assert found.limit == "processors" and found.lost == 0
    assert found.photos_per_second == pytest.approx(3 * 16 / 0.1, rel=0.02)


@pytest.mark.parametrize(
    ("world", "limit", "rate"),
    [
        (replace(NO_FAILURES, store_bytes_per_second=1e8, photo_bytes=1e6), "store", 100),
        (replace(NO_FAILURES, rows_per_second=50), "writer", 50),
    ],
)
def test_shared_resources_limit_the_speed(world: World, limit: str, rate: float) -> None:
    found = simulate(world, machines=5)
    assert found.limit == limit and found.photos_per_second == pytest.approx(rate, rel=0.02)


@pytest.mark.slow
def test_failures_lose_the_unfinished_parts() -> None:
    """A part takes 20 s; the mean time to failure of a machine is the time of a hundred parts."""
    hours = 2000 / 3600
    found = simulate(replace(NO_FAILURES, hours_between_failures=hours, hours_away=0.0), machines=200)
    assert found.lost == pytest.approx(0.01, rel=0.15)
    without_repair = simulate(replace(NO_FAILURES, hours_between_failures=hours, hours_away=1e6), machines=200)
    left = 1 - math.exp(-1)  # the mean share of that time until the first failure
    assert without_repair.photos_per_second == pytest.approx(left * found.photos_per_second, rel=0.1)


@pytest.mark.slow
def test_speed_in_the_table_is_limited_by_the_shared_store() -> None:
    rows = table(replace(NO_FAILURES, store_bytes_per_second=1e9), {"100 million": bulk_plan.JOBS["100 million"]})
    assert [row["limit"] for row in rows] == ["store"] * 3
    for row in rows:
        assert row["photos_per_second"] == pytest.approx(1_000, rel=0.02)
        assert row["hours"] == pytest.approx(1e8 / 1_000 / 3600, rel=0.02)


def test_speed_is_measured_after_the_start() -> None:
    found = bulk.speed(iter([None] * (bulk.WARM + 5)), ceiling=1e12)
    assert found["photos_per_second"] > 0 and found["start_seconds"] == 0


def test_list_names_every_photo(tmp_path: Path) -> None:
    lines = bulk_memory.make_list(tmp_path, 120).read_text().splitlines()
    assert len(lines) == 121 and lines[1] == lines[51] == "0.jpg"
    assert all((tmp_path / name).is_file() for name in lines[1:])


def test_figures_are_quoted_as_measured() -> None:
    text = (ROOT / "docs" / "scale.md").read_text("utf-8")
    found = {name: json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text()) for name in RESULTS}
    for run in ("loop", "in_process", "ray_1", "ray_2"):
        row = found["bulk"][run]
        assert f"| {row['photos_per_second']} | {row['of_ceiling']:.0%} | {row['start_seconds']} |" in text
    for name, seconds in found["bulk"]["cpu_seconds"].items():
        assert re.search(rf"{'decoding' if name == 'decode' else name}\s{seconds}", text)
    for row in found["bulk_plan"]["rows"]:
        cells = f"{row['machines']:,} | {row['photos_per_second']:,} | {row['hours']:,} | {row['cost']:,} |"
        assert f"| {row['job']} | {cells}" in text
    world = found["bulk_plan"]["world"]
    assert world["seconds"] == pytest.approx(sum(found["bulk"]["cpu_seconds"].values()))
    last = found["bulk_memory"]["rows"][-2]
    assert re.search(rf"{last['memory_mb']} MB after {last['photos']:,}", text)
