"""Tests of memory: the system gets freed memory back, and the garbage collector skips permanent objects."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from explain.service import process

# Every hundredth of many small pieces stays: without a return the process would keep the memory of all.
MEASURE = """
import gc
import threading
import time
from explain.service import process

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

process.tune()
pieces = [bytes(5000) for _ in range(40_000)]
full = resident()
kept = pieces[::100]
del pieces
gc.collect()
process.BETWEEN_S = 0.2
process.give_back()
process.give_back()
assert threading.active_count() == 2
while threading.active_count() > 1:
    time.sleep(0.05)
print(full - resident())
"""


@pytest.mark.slow
@pytest.mark.skipif(process._glibc() is None, reason="another allocator")
def test_freed_memory_is_returned_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 150_000_000


def test_another_allocator_is_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_glibc", lambda: None)
    monkeypatch.setattr(process, "_next", [])  # a visitor of an earlier test may have left one planned
    before = sys.getswitchinterval()
    process.tune()
    process.give_back()
    assert not process._next
    sys.setswitchinterval(before)


@pytest.mark.slow
def test_only_objects_made_after_the_start_are_collected() -> None:
    try:
        process.settle()
        assert gc.get_freeze_count() > 0
        later: list[object] = []
        later.append(later)
        del later
        assert gc.collect() > 0
    finally:
        gc.unfreeze()
