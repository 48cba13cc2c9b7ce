"""Which run a visitor waits for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from explain.runs import Runs


def test_a_run_goes_on_until_it_is_stopped() -> None:
    runs = Runs()
    ended = runs.start("ann")
    assert not ended()
    runs.stop("ann")
    assert ended()


def test_a_newer_run_ends_the_one_before() -> None:
    runs = Runs()
    first = runs.start("ann")
    second = runs.start("ann")
    assert first()
    assert not second()


def test_a_stopped_run_stays_ended_when_the_next_one_starts() -> None:
    runs = Runs()
    first = runs.start("ann")
    runs.stop("ann")
    second = runs.start("ann")
    assert first()
    assert not second()


def test_visitors_do_not_disturb_each_other() -> None:
    runs = Runs()
    ann, bob = runs.start("ann"), runs.start("bob")
    runs.stop("ann")
    runs.start("ann")
    assert ann()
    assert not bob()


def test_waiting_tells_whether_a_run_is_under_way() -> None:
    runs = Runs()
    assert not runs.waiting("ann")
    runs.start("ann")
    assert runs.waiting("ann")
    assert not runs.waiting("bob")
    runs.stop("ann")
    assert not runs.waiting("ann")


def test_stopping_where_nothing_runs_does_nothing() -> None:
    runs = Runs()
    ended = runs.start("ann")
    runs.stop("bob")
    assert not ended()


def test_of_many_runs_at_once_exactly_one_stays() -> None:
    runs = Runs()
    with ThreadPoolExecutor(16) as pool:
        ended = list(pool.map(lambda _: runs.start("ann"), range(400)))
    assert sum(not over() for over in ended) == 1


def test_nothing_is_kept_of_a_visitor_whose_run_was_stopped() -> None:
    runs = Runs()
    for number in range(50):
        runs.start(f"visitor {number}")
        runs.stop(f"visitor {number}")
    assert vars(runs)["_current"] == {}
