"""Spreads a benchmark over processes, each on a core of its own, where only the answers count and not the time."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from tqdm import tqdm


def spread(function: Callable[..., Any], asked: Sequence[tuple[Any, ...]], processes: int, title: str) -> Iterator[Any]:
    """``function(*row)`` of each row of ``asked``, in their order, under a progress bar.

    Args:
        function: of a module, so that other processes can import it.
        asked: its arguments, row by row.
        processes: how many work at a time; with one, all happens in this process, on all of its cores.
        title: of the progress bar.
    """
    if processes == 1:
        yield from (function(*row) for row in tqdm(asked, title))
        return
    # A fork would inherit the runtime's threads half alive.
    context = multiprocessing.get_context("spawn")
    places = context.Queue()
    for place in range(processes):
        places.put(place)
    with ProcessPoolExecutor(processes, context, _take_a_core, (places,)) as pool:
        yield from tqdm(pool.map(function, *zip(*asked, strict=True)), title, total=len(asked))


def _take_a_core(places: Any) -> None:
    place = places.get()
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[place % len(cores)]})
