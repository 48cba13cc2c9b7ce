"""Tests of the benchmark of localisation, without a network."""

from __future__ import annotations

from benchmarks.localisation import compare_parts


def test_no_share_is_reported_without_faces() -> None:
    assert compare_parts([], ("attention",), 1) == {"faces": 0}
