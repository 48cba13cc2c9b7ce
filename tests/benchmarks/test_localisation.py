"""Tests of the benchmark of localisation, without a network."""

from __future__ import annotations

from benchmarks.localisation import compare_parts


def test_without_landmarks_no_share_is_made_up() -> None:
    assert compare_parts([], ("attention",), 1) == {"faces": 0}
