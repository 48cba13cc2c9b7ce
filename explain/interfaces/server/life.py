"""The start and the end of the server: the guard is there before the first request, and a signal ends it in order."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.types import ASGIApp

from explain.interfaces.server.connections import TimeLimitedProtocol
from explain.service.queue import AnalysisQueue

FINISH_S = 5.0  # for analyses that have begun; afterwards they answer with what they have
ANSWER_S = 1.5  # for those answers
MOST_CONNECTIONS = 500  # at the same time; the next one is answered with 503
LOOK_S = 0.1
Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


def guarded(guard: Callable[[ASGIApp], ASGIApp], inner: Lifespan | None = None) -> Lifespan:
    """A lifespan that puts a guard around an app before the first request comes.

    Gradio puts its own middleware around what an app is given at first, so that a guard there would not see everything.
    """

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        app.middleware_stack = guard(app.middleware_stack)
        async with AsyncExitStack() as stack:
            if inner is not None:
                await stack.enter_async_context(inner(app))
            yield

    return lifespan


def limit_connections(config: Any) -> None:
    """Let a running server close slow connections, and refuse too many; ``config`` is uvicorn's."""
    config.http_protocol_class = TimeLimitedProtocol
    config.limit_concurrency = MOST_CONNECTIONS
    config.timeout_graceful_shutdown = 3  # seconds for answers on their way; event streams would never end


class Ending:
    """Waits for a signal to end. A process that is the first one of a container gets no signal without a handler."""

    def __init__(self) -> None:
        self._end_requested = threading.Event()
        for name in ("SIGTERM", "SIGINT", "SIGBREAK"):  # Windows has no SIGTERM from outside, others no SIGBREAK
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._ask)

    def _ask(self, *_: object) -> None:
        if self._end_requested.is_set():  # a second signal: end at once
            raise KeyboardInterrupt
        self._end_requested.set()

    def wait(self, queue: AnalysisQueue) -> None:
        """Wait for a signal; then until analyses have ended or, after ``FINISH_S``, have answered as they are."""
        while not self._end_requested.wait(LOOK_S * 10):  # a wait without end would not be interrupted on Windows
            pass
        queue.close()
        _until(lambda: queue.running == 0, FINISH_S)
        queue.stop()
        _until(lambda: queue.running == 0, ANSWER_S)
        time.sleep(LOOK_S * 3)  # until the last answers have left


def _until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(LOOK_S)
