"""Runs a benchmark in several processes, one per core; only for results that do not depend on speed."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tqdm import tqdm

from model.processes import process_pool


def spread(
    function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], processes: int, title: str
) -> Iterator[Any]:
    """``function(*row)`` for each row of ``arguments``, in order, under a progress bar.

    Args:
        function: a module's function, so that other processes can import it.
        arguments: the function's arguments, one row per call.
        processes: number of processes; 1 runs everything in this process, on all cores.
        title: title of the progress bar.
    """
    if processes == 1:
        yield from (function(*row) for row in tqdm(arguments, title))
        return
    places = multiprocessing.get_context("spawn").Queue()
    for place in range(processes):
        places.put(place)
    with process_pool(processes, _take_a_core, places) as pool:
        yield from tqdm(pool.map(function, *zip(*arguments, strict=True)), title, total=len(arguments))


def _take_a_core(places: Any) -> None:
    place = places.get()
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[place % len(cores)]})
