"""How many analyses run at once, who waits, and who is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from explain.service.queue import Busy, Turns


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, ten seconds at the most."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def begun(turns: Turns) -> Iterator[int]:
    """An analysis that has its turn and has come to its first step."""
    steps = turns.each(iter([1, 2]))
    next(steps)
    return steps


def test_steps_come_through_in_order() -> None:
    turns = Turns(1)
    assert list(turns.each(iter("abc"))) == ["a", "b", "c"]
    assert (turns.running, turns.waiting) == (0, 0)


def test_tells_whether_all_places_are_taken() -> None:
    turns = Turns(2)
    first = begun(turns)
    assert not turns.taken
    second = begun(turns)
    assert turns.taken
    for steps in (first, second):
        list(steps)
    assert not turns.taken


def test_no_more_run_at_once_than_there_are_turns() -> None:
    turns, at_once, most = Turns(2), [0], [0]
    lock = threading.Lock()

    def steps() -> Iterator[None]:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        yield
        time.sleep(0.02)
        yield
        with lock:
            at_once[0] -= 1

    threads = [threading.Thread(target=lambda: list(turns.each(steps()))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == [2]
    assert (turns.running, turns.waiting) == (0, 0)


@pytest.mark.parametrize("end", ["exhausted", "closed", "failed"])
def test_a_turn_is_given_back_however_it_ends(end: str) -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    turns = Turns(1)
    steps = turns.each(failing() if end == "failed" else iter([1]))
    next(steps)
    assert turns.running == 1
    if end == "closed":
        steps.close()  # type: ignore[attr-defined]
    else:
        with pytest.raises(ValueError if end == "failed" else StopIteration):
            next(steps)
    assert turns.running == 0
    assert list(turns.each(iter([2]))) == [2]


def test_who_waits_goes_on_when_a_turn_is_free() -> None:
    turns = Turns(1)
    first, got = begun(turns), []
    waiter = threading.Thread(target=lambda: got.extend(turns.each(iter([7]))))
    waiter.start()
    until(lambda: turns.waiting == 1)
    assert got == []
    list(first)
    waiter.join(10)
    assert got == [7]


def test_too_many_are_refused_in_a_sentence_and_the_patient_wait_all_the_same() -> None:
    turns, got = Turns(1, most_waiting=0), []
    first = begun(turns)
    with pytest.raises(Busy, match=r"^Too many .+\.$"):
        next(turns.each(iter([1])))
    waiter = threading.Thread(target=lambda: got.extend(turns.each(iter([7]), patient=True)))
    waiter.start()
    until(lambda: turns.waiting == 1)
    list(first)
    waiter.join(10)
    assert got == [7]
    assert turns.waiting == 0


def test_cancelled_while_waiting_nothing_is_done() -> None:
    turns, touched = Turns(1), []

    def steps() -> Iterator[None]:
        touched.append("begun")
        yield

    first = begun(turns)
    assert list(turns.each(steps(), cancelled=lambda: True)) == []
    assert touched == []
    assert (turns.running, turns.waiting) == (1, 0)
    list(first)


def test_patient_ones_who_wait_cost_nobody_in_a_hurry_a_place() -> None:
    turns = Turns(1, most_waiting=1)
    first = begun(turns)
    patient = [threading.Thread(target=lambda: list(turns.each(iter([1]), patient=True))) for _ in range(3)]
    for thread in patient:
        thread.start()
    until(lambda: turns.waiting == 3)
    hurried = threading.Thread(target=lambda: list(turns.each(iter([1]))))
    hurried.start()
    until(lambda: turns.waiting == 4)
    with pytest.raises(Busy):
        next(turns.each(iter([1])))
    list(first)
    for thread in (*patient, hurried):
        thread.join(10)
    assert (turns.running, turns.waiting) == (0, 0)
    again = begun(turns)
    late = threading.Thread(target=lambda: list(turns.each(iter([1]))))
    late.start()
    until(lambda: turns.waiting == 1)
    list(again)
    late.join(10)
