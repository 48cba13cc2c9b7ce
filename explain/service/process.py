"""How this process uses memory and processor: freed memory goes back to the system, and short tasks wait briefly."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading

SWITCH_S = 0.001  # time after which a thread must let others run; the server's own thread has many short tasks
ARENAS = 2  # of the allocator; by default eight for each core, each of which keeps what threads have freed
M_ARENA_MAX = -8  # its number in malloc.h
BETWEEN_S = 5.0  # at least, between two calls that return memory; each takes some milliseconds

_lock = threading.Lock()
_next: list[threading.Timer] = []  # the call that is planned, if there is one


def tune() -> None:
    """Let threads switch more often and limit the arenas; call it once at the start of a server, before ``settle``."""
    sys.setswitchinterval(SWITCH_S)
    if (libc := _glibc()) is not None:
        libc.mallopt(M_ARENA_MAX, ARENAS)


def settle() -> None:
    """Exclude all objects that the server has loaded from garbage collection; call it once the server answers.

    A full collection would look through hundreds of thousands of objects that stay, and all visitors would wait for it.
    """
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Give freed memory back to the system in a moment, together with what is freed until then."""
    libc = _glibc()
    with _lock:
        if libc is None or _next:
            return
        _next.append(threading.Timer(BETWEEN_S, _trim, (libc,)))
        _next[0].daemon = True
        _next[0].start()


def _trim(libc: ctypes.CDLL) -> None:
    with _lock:
        _next.clear()
    libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The C library, if it is the one of most Linux systems."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None
