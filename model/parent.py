"""Ends a process soon after the one that started it, which may have been killed and could not end it."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from multiprocessing import parent_process
from typing import Any


def end_with_parent() -> None:
    """End this process when its standard output has no reader any more, even if it is busy.

    Call it before standard output is replaced. Windows cannot wait for that: there the process ends when its input
    does, at its next answer, or at the limit on its time.
    """
    if hasattr(select, "poll"):
        answers = select.poll()
        answers.register(os.dup(1), select.POLLHUP)  # Linux reports POLLERR instead, as it always does
        _end_after(answers.poll)


def end_with_pool() -> None:
    """End this process, one of a pool of ``multiprocessing``, once the process that has the pool ends."""
    parent = parent_process()
    assert parent is not None
    _end_after(parent.join)


def _end_after(wait: Callable[[], Any]) -> None:
    def end() -> None:
        wait()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
