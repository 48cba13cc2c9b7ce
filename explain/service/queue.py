"""Shares the processor among the analyses of all interfaces: in short turns, verdicts first."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar

from explain.cancel import not_cancelled
from model.errors import UserError
from model.i18n.catalogue import Message

LOOK_S = 0.2  # between two checks whether a waiting caller has cancelled
PAST_WEIGHT = 0.9  # weight of the past in the mean length of a turn
Step = TypeVar("Step")


class Urgency(IntEnum):
    """What the next step of an analysis is for."""

    VERDICT = 0
    FIRST_MAP = 1  # also the photos of a long list: there is always a next one
    REST = 2  # also a second model, which runs after the first one's result


# Seconds after which a waiting turn comes before a verdict that has just arrived, so that no analysis waits forever.
# Until then trust and further maps wait for others' first maps, and these for others' verdicts. Verdicts and first maps
# come in the order of the visitors: turn by turn, all would have theirs when the last one has. The rest goes turn by
# turn.
PATIENCE_S = {Urgency.VERDICT: 0.0, Urgency.FIRST_MAP: 15.0, Urgency.REST: 60.0}


class Busy(UserError):
    """Too many analyses are open already; the message is one sentence for the user."""


@dataclass(eq=False)
class _Turn:
    """A step that waits for its turn or has it."""

    urgency: Urgency
    due: float  # monotonic seconds; the turn that is due first comes first
    granted: threading.Event = field(default_factory=threading.Event)


class AnalysisQueue:
    """Gives the steps of open analyses their turns.

    A step runs to its end; then the turn goes to the step that is due first, which may be another caller's. So an
    analysis with hundreds of steps delays another one's verdict by no more than a step.

    Args:
        at_once: most steps that run at the same time. One more runs if it is for a verdict.
        most_programs: most open analyses of callers without ``wait``; the next one is refused.
        most_of_client: most open analyses of one client; the next one is refused.
    """

    def __init__(self, at_once: int, most_programs: int = 24, most_of_client: int = 32) -> None:
        self._at_once = at_once
        self._most_programs = most_programs
        self._most_of_client = most_of_client
        self._lock = threading.Lock()
        self._turns: list[_Turn] = []  # that wait
        self._busy = 0  # steps that run
        self._programs = 0  # visitors of the page must not use up the programs' places
        self._clients: Counter[str] = Counter()
        self._seconds = dict.fromkeys(Urgency, 0.0)  # mean length of a turn
        self._closed = self._stopped = False
        self.running = 0  # analyses that have had a turn
        self.waiting = 0  # analyses that wait for their first one

    @property
    def closed(self) -> bool:
        """Whether no further analyses are taken."""
        return self._closed

    def close(self) -> None:
        """Refuse further analyses; those that have begun go on."""
        self._closed = True

    def stop(self) -> None:
        """End all analyses before their next step."""
        self._closed = self._stopped = True

    def ahead(self) -> int:
        """How many turns come before the one of an analysis that begins now."""
        now = time.monotonic()
        with self._lock:
            return sum(turn.due <= now for turn in self._turns)

    def estimate(self) -> float:
        """About how many seconds an analysis that begins now waits for its first turn."""
        return self.ahead() * self._seconds[Urgency.VERDICT] / self._at_once

    def each(
        self,
        steps: Iterator[Step],
        cancelled: Callable[[], bool] = not_cancelled,
        wait: bool = False,
        urgency: Callable[[Step | None], Urgency] = lambda _: Urgency.VERDICT,
        client: str | None = None,
    ) -> Iterator[Step]:
        """The steps of an analysis, each in its turn; none after it is cancelled.

        Args:
            steps: a generator that has not started.
            cancelled: called while waiting.
            wait: begin however many analyses are open already; for callers that another queue limits.
            urgency: of the step that comes after the given one; after None, of the first one.
            client: from whom the analysis comes, if that is known.

        Raises:
            Busy: if too many analyses are open already.
        """
        opened = time.monotonic()
        with self._open(wait, client) as begin:
            latest: Step | None = None
            try:
                while True:
                    needed = urgency(latest)
                    since = time.monotonic() if needed is Urgency.REST else opened
                    with self.turn(needed, cancelled, since) as granted:
                        if not granted:
                            if self._stopped and latest is None:
                                raise Busy(Message("interfaces.ending"))
                            return
                        begin()
                        try:
                            latest = next(steps)
                        except StopIteration:
                            return
                    yield latest
            finally:
                if hasattr(steps, "close"):
                    steps.close()

    @contextmanager
    def _open(self, wait: bool, client: str | None) -> Iterator[Callable[[], None]]:
        """Count an analysis; the yielded function counts that it has had its first turn."""
        with self._lock:
            if self._closed:
                raise Busy(Message("interfaces.ending"))
            if not wait and self._programs >= self._most_programs:
                raise Busy(Message("interfaces.busy"))
            if client is not None and self._clients[client] >= self._most_of_client:
                raise Busy(Message("interfaces.busy_client", most=self._most_of_client))
            self._programs += not wait
            self._clients.update(() if client is None else (client,))
            self.waiting += 1
        begun = False

        def begin() -> None:
            nonlocal begun
            if not begun:
                begun = True
                with self._lock:
                    self.waiting, self.running = self.waiting - 1, self.running + 1

        try:
            yield begin
        finally:
            with self._lock:
                self._programs -= not wait
                self.running, self.waiting = self.running - begun, self.waiting - (not begun)
                if client is not None:
                    self._clients -= Counter((client,))  # drops a client with nothing open

    @contextmanager
    def turn(
        self, urgency: Urgency, cancelled: Callable[[], bool] = not_cancelled, since: float = 0.0
    ) -> Iterator[bool]:
        """Wait for a turn; false if cancelled before.

        Args:
            urgency: what the turn is for.
            cancelled: called while waiting.
            since: monotonic seconds from which on the caller has waited; 0 puts it before all others.
        """
        turn = _Turn(urgency, since + PATIENCE_S[urgency])
        with self._lock:
            self._turns.append(turn)
            self._grant()
        try:
            while not turn.granted.wait(LOOK_S) and not (cancelled() or self._stopped):
                pass
        finally:
            with self._lock:
                granted = turn.granted.is_set()
                if not granted:
                    self._turns.remove(turn)
        if not granted:
            yield False
            return
        started = time.monotonic()
        try:
            yield True
        finally:
            with self._lock:
                self._busy -= 1
                taken = time.monotonic() - started
                self._seconds[urgency] = PAST_WEIGHT * self._seconds[urgency] + (1 - PAST_WEIGHT) * taken
                self._grant()

    def _grant(self) -> None:
        """Give free turns to those that are due first. The caller holds the lock."""
        for turn in sorted(self._turns, key=lambda turn: turn.due):
            if not self._stopped and self._busy < self._at_once + (turn.urgency is Urgency.VERDICT):
                self._busy += 1
                self._turns.remove(turn)
                turn.granted.set()
