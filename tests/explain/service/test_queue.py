"""Tests of the order of turns, and of analyses that wait or are refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from explain.service import queue
from explain.service.queue import AnalysisQueue, Busy, Urgency


def too_late() -> Callable[[], bool]:
    """Ends a wait after ten seconds, so that a test without a turn fails instead of hanging."""
    end = time.monotonic() + 10
    return lambda: time.monotonic() > end


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, for at most ten seconds."""
    late = too_late()
    while not condition():
        assert not late()
        time.sleep(0.005)


def started(work: Callable[[], object]) -> threading.Thread:
    """A thread that does this work; one that never ends doesn't keep the tests from ending."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


class Held:
    """Analyses with steps that last until the test ends them."""

    def __init__(self, turns: AnalysisQueue) -> None:
        self.turns = turns
        self.order: list[str] = []  # the steps that have begun
        self._ends: dict[str, threading.Semaphore] = {}
        self.threads: list[threading.Thread] = []

    def open(self, name: str, urgency: Urgency, steps: int = 1, cancelled: Callable[[], bool] | None = None) -> None:
        """Open an analysis in a thread of its own and wait until it waits for a turn or has one."""
        self._ends[name] = threading.Semaphore(0)
        known = self.turns.running + self.turns.waiting

        def work() -> Iterator[str]:
            for _ in range(steps):
                self.order.append(name)
                self._ends[name].acquire(timeout=10)
                yield name

        in_turn = self.turns.each(work(), cancelled or too_late(), True, lambda _: urgency)
        self.threads.append(started(lambda: list(in_turn)))
        until(lambda: self.turns.running + self.turns.waiting > known)

    def end(self, name: str) -> None:
        """End the step of an analysis that runs."""
        self._ends[name].release()

    def runs(self, *names: str) -> None:
        """Wait until the steps that have begun are these."""
        until(lambda: len(self.order) >= len(names))
        time.sleep(0.02)
        assert self.order == list(names)


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held(AnalysisQueue(1))
    yield held
    for name in [*held._ends] * 3:
        held.end(name)
    for thread in held.threads:
        thread.join(10)
    assert (held.turns.running, held.turns.waiting, held.turns.ahead()) == (0, 0, 0)


# Turns


def test_steps_are_given_in_order() -> None:
    turns = AnalysisQueue(1)
    assert list(turns.each(iter("abc"))) == ["a", "b", "c"]
    assert (turns.running, turns.waiting) == (0, 0)


def test_no_more_steps_run_at_once_than_there_are_turns() -> None:
    turns, at_once, peak = AnalysisQueue(2), [0], [0]
    lock = threading.Lock()

    def steps() -> Iterator[None]:
        for _ in range(3):
            with lock:
                at_once[0] += 1
                peak[0] = max(peak[0], at_once[0])
            time.sleep(0.01)
            with lock:
                at_once[0] -= 1
            yield

    threads = [started(lambda: list(turns.each(steps(), urgency=lambda _: Urgency.REST))) for _ in range(6)]
    for thread in threads:
        thread.join(10)
    assert peak == [2]
    assert (turns.running, turns.waiting) == (0, 0)


def test_a_slow_reader_of_a_step_does_not_block_other_analyses() -> None:
    turns = AnalysisQueue(1)
    first = turns.each(iter([1, 2]))
    next(first)
    assert list(turns.each(iter([7]), too_late())) == [7]
    assert list(first) == [2]


def test_long_analyses_take_turns(held: Held) -> None:
    held.open("ann", Urgency.REST, steps=2)
    held.runs("ann")
    held.open("bob", Urgency.REST, steps=2)
    held.end("ann")
    held.runs("ann", "bob")
    held.end("bob")
    held.runs("ann", "bob", "ann")
    held.end("ann")
    held.runs("ann", "bob", "ann", "bob")


def test_verdicts_come_before_first_maps_and_first_maps_before_the_rest(held: Held) -> None:
    held.open("ann", Urgency.REST)
    held.runs("ann")
    held.open("trust", Urgency.REST)
    held.open("map", Urgency.FIRST_MAP)
    held.open("judged at once", Urgency.VERDICT)
    held.runs("ann", "judged at once")  # even while all turns are taken
    held.open("judged", Urgency.VERDICT)
    for name in ("ann", "judged at once"):
        held.end(name)
    held.runs("ann", "judged at once", "judged")
    held.end("judged")
    held.runs("ann", "judged at once", "judged", "map")
    held.end("map")
    held.runs("ann", "judged at once", "judged", "map", "trust")


def test_a_long_waiting_analysis_comes_before_a_new_verdict(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    held.open("ann", Urgency.VERDICT)
    held.open("bob", Urgency.VERDICT)
    held.runs("ann", "bob")
    monkeypatch.setitem(queue.PATIENCE_S, Urgency.REST, -1.0)
    held.open("patient", Urgency.REST)
    held.open("new", Urgency.VERDICT)
    held.end("ann")  # the remaining turn is the extra one for verdicts
    held.runs("ann", "bob", "new")
    for name in ("bob", "new"):
        held.end(name)
    held.runs("ann", "bob", "new", "patient")


def test_urgency_follows_the_step_before() -> None:
    steps_before: list[int | None] = []

    def urgency(latest: int | None) -> Urgency:
        steps_before.append(latest)
        return Urgency.REST

    assert list(AnalysisQueue(1).each(iter([1, 2]), urgency=urgency)) == [1, 2]
    assert steps_before == [None, 1, 2]


@pytest.mark.parametrize("end", ["exhausted", "closed", "failed"])
def test_a_turn_is_given_back_however_the_analysis_ends(end: str) -> None:
    closed = []

    def steps() -> Iterator[int]:
        try:
            yield 1
            if end == "failed":
                raise ValueError("broken")
        finally:
            closed.append(True)

    turns = AnalysisQueue(1)
    opened = turns.each(steps())
    next(opened)
    assert turns.running == 1
    if end == "closed":
        opened.close()  # type: ignore[attr-defined]
    else:
        with pytest.raises(ValueError if end == "failed" else StopIteration):
            next(opened)
    assert turns.running == 0 and closed == [True]
    assert list(turns.each(iter([2]), too_late(), urgency=lambda _: Urgency.REST)) == [2]


def test_cancelling_while_waiting_runs_no_step(held: Held) -> None:
    held.open("ann", Urgency.REST)
    held.runs("ann")
    held.open("bob", Urgency.REST, cancelled=lambda: True)
    held.threads[-1].join(10)
    assert (held.turns.running, held.turns.waiting, held.turns.ahead()) == (1, 0, 0)
    held.runs("ann")


def test_cancelling_between_two_steps_runs_no_further_step(held: Held) -> None:
    stop = threading.Event()
    held.open("ann", Urgency.REST, steps=2, cancelled=stop.is_set)
    held.runs("ann")
    held.open("bob", Urgency.REST)
    stop.set()
    held.end("ann")
    held.runs("ann", "bob")
    until(lambda: held.turns.running == 1)
    held.end("bob")
    held.threads[1].join(10)
    held.runs("ann", "bob")


# Waiting and refused analyses


def test_queue_knows_the_number_of_analyses_ahead_and_estimates_the_wait(held: Held) -> None:
    assert (held.turns.ahead(), held.turns.estimate()) == (0, 0)
    held.open("ann", Urgency.VERDICT)
    held.open("bob", Urgency.VERDICT)
    held.runs("ann", "bob")
    time.sleep(0.05)
    held.open("cem", Urgency.VERDICT)
    held.open("map", Urgency.REST)  # it lets verdicts go first
    assert held.turns.ahead() == 1
    held.end("ann")
    held.runs("ann", "bob", "cem")
    held.open("dan", Urgency.VERDICT)
    assert held.turns.estimate() > 0


def test_too_many_programs_are_refused_but_the_page_is_not() -> None:
    turns = AnalysisQueue(1, most_programs=1)
    first = turns.each(iter([1, 2]))
    next(first)
    with pytest.raises(Busy, match=r"^Too many .+\.$"):
        next(turns.each(iter([1]), too_late()))
    assert list(turns.each(iter([7]), too_late(), wait=True)) == [7]
    list(first)
    assert list(turns.each(iter([1]), too_late())) == [1]


def test_visitors_of_the_page_do_not_count_as_programs() -> None:
    turns = AnalysisQueue(1, most_programs=1)
    page = [turns.each(iter([1, 2]), wait=True) for _ in range(3)]
    for analysis in page:
        next(analysis)
    assert list(turns.each(iter([1]), too_late())) == [1]


def test_a_client_with_many_analyses_is_refused_and_others_are_not() -> None:
    turns = AnalysisQueue(1, most_of_client=2)
    first, second = (turns.each(iter([1, 2]), wait=True, client="ann") for _ in range(2))
    for analysis in (first, second):
        next(analysis)
    with pytest.raises(Busy, match=r"2 .+\.$"):
        next(turns.each(iter([1]), too_late(), wait=True, client="ann"))
    assert list(turns.each(iter([1]), too_late(), client="bob")) == [1]
    list(first)
    assert list(turns.each(iter([1]), too_late(), client="ann")) == [1]
    list(second)
    assert not turns._clients


def test_verdicts_come_in_the_order_of_the_visitors_and_not_of_the_steps(held: Held) -> None:
    held.open("ann", Urgency.VERDICT, steps=2)
    for name in ("bob", "cem", "dan"):
        held.open(name, Urgency.VERDICT)
    held.runs("ann", "bob")
    held.end("ann")
    held.runs("ann", "bob", "cem")  # while the first step was given back
    until(lambda: len(held.turns._turns) == 2)
    held.end("bob")
    held.runs("ann", "bob", "cem", "ann")


def test_a_finished_result_is_drawn_before_more_is_computed(held: Held) -> None:
    held.open("ann", Urgency.REST)
    held.runs("ann")
    held.open("bob", Urgency.REST)

    def draw() -> None:
        with held.turns.turn(Urgency.REST) as granted:
            assert granted
            held.order.append("drawn")

    drawing = started(draw)
    until(lambda: len(held.turns._turns) == 2)
    held.end("ann")
    drawing.join(10)
    held.runs("ann", "drawn", "bob")
