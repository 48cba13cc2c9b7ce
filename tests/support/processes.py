"""Checks that processes end by themselves."""

from __future__ import annotations

import time

import psutil

PATIENCE = 30  # seconds; on an idle machine they end at once


def alive(process: psutil.Process) -> bool:
    """Whether the process still runs; an ended process stays a zombie until its parent reads its status."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def all_end(processes: list[psutil.Process]) -> bool:
    """Whether all processes end by themselves; the others are killed."""
    deadline = time.monotonic() + PATIENCE
    try:
        while any(map(alive, processes)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return not any(map(alive, processes))
    finally:
        for process in filter(alive, processes):
            process.kill()
