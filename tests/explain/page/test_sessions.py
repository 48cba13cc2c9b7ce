"""Tests of visitors' runs: two runs of one visitor never send updates at the same time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from explain.page.sessions import Runs


def test_run_continues_until_it_is_stopped() -> None:
    runs = Runs()
    with runs.begin("ann") as ended:
        assert not ended()
        runs.stop("ann")
        assert ended()


def test_new_run_ends_the_earlier_one_and_waits_until_it_is_over() -> None:
    runs, order = Runs(), []
    started = threading.Event()

    def first() -> None:
        with runs.begin("ann") as ended:
            started.set()
            while not ended():
                time.sleep(0.01)
            time.sleep(0.1)  # the current update is still sent
            order.append("first over")

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(first)
        assert started.wait(10)
        with runs.begin("ann") as ended:
            order.append("second begins")
            assert not ended()
        done.result(10)
    assert order == ["first over", "second begins"]


def test_stopped_run_stays_ended_when_the_next_one_starts() -> None:
    runs = Runs()
    with runs.begin("ann") as first:
        runs.stop("ann")
        assert first()
    with runs.begin("ann") as second:
        assert first()
        assert not second()


def test_runs_of_different_visitors_do_not_end_or_block_each_other() -> None:
    runs = Runs()
    with runs.begin("ann") as ann, runs.begin("bob") as bob:
        runs.stop("ann")
        assert ann()
        assert not bob()


def test_waiting_is_true_during_a_run_only() -> None:
    runs = Runs()
    assert not runs.waiting("ann")
    with runs.begin("ann"):
        assert runs.waiting("ann")
        assert not runs.waiting("bob")
        runs.stop("ann")
        assert not runs.waiting("ann")


def test_stop_without_a_run_does_nothing() -> None:
    runs = Runs()
    with runs.begin("ann") as ended:
        runs.stop("bob")
        assert not ended()


def test_simultaneous_runs_of_one_visitor_run_one_after_another() -> None:
    runs, at_once, most = Runs(), [0], [0]
    lock = threading.Lock()

    def run(_: int) -> None:
        with runs.begin("ann"):
            with lock:
                at_once[0] += 1
                most[0] = max(most[0], at_once[0])
            time.sleep(0.001)
            with lock:
                at_once[0] -= 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(run, range(100)))
    assert most == [1]


def test_nothing_is_kept_after_the_end_of_a_run() -> None:
    runs = Runs()
    for number in range(50):
        with runs.begin(f"visitor {number}"):
            runs.stop(f"visitor {number}")
    assert not any(vars(runs)[name] for name in ("_current", "_last"))
