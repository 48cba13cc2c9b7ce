"""Tests of which files count as pictures, and of reading several side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model import reading
from model.reading import map_in_threads, readable


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_whole_pictures_are_readable(tmp_path: Path, picture: Callable[..., NDArray[np.uint8]], suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    assert cv2.imwrite(str(path), picture(0))
    assert readable(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9], ids="{:.0%}".format)
def test_cut_off_pictures_are_not(
    tmp_path: Path, picture: Callable[..., NDArray[np.uint8]], suffix: str, keep: float
) -> None:
    path = tmp_path / f"a{suffix}"
    assert cv2.imwrite(str(path), picture(0))
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * keep)])
    assert not readable(path)


def test_other_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    assert not readable(tmp_path / "text.jpg")
    assert not readable(tmp_path / "missing.png")


def test_results_come_in_order_and_few_files_are_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "AHEAD", 4)
    started: list[int] = []

    def read(path: Path) -> int:
        started.append(int(path.name))
        time.sleep(0.001 * (7 * int(path.name) % 5))
        return int(path.name)

    results = map_in_threads(read, [Path(str(number)) for number in range(11)], workers=3)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert max(started) < 4, "the other files wait until these are done with"
    assert list(results) == list(range(3, 11))


def test_threads_run_side_by_side() -> None:
    """Two calls that wait for each other come to their end only if both run at once."""
    meeting = threading.Barrier(2, timeout=10)
    assert sorted(map_in_threads(lambda _: meeting.wait(), [Path("a"), Path("b")], workers=2)) == [0, 1]
