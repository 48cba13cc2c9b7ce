"""The engine for several processes and machines: Ray Data streams the photos through the stages.

Reading and finding faces run on ``workers`` processes, the network in one that stays warm and gets batches,
explanations on ``workers`` again. Ray starts lost processes again and does their photos again; rows that come twice are
taken once.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from explain.bulk.job import JobFolder, Plan
from explain.bulk.run import Work
from explain.bulk.stages import PhotoState, Request, Stages
from explain.bulk.storage import is_url
from explain.bulk.task import Task
from model.errors import SettingsError
from model.i18n.catalogue import Message
from model.paths import ROOT
from model.quiet import standard_error_aside

SLICE, SLICE_WITH_MAPS = 16, 2  # photos of a task; with maps fewer, so that few photos still keep all workers busy
PER_WINDOW = 4_000  # slices that Ray gets at a time, so that its list of tasks does not grow with the job
STORE_BYTES = 300_000_000  # of shared memory on one machine
BLOCK_BYTES = 16_000_000  # that Ray expects of a task at most: a slice has about 4 MB
PATIENCE = 5  # seconds for an answer of a cluster
# Ray's native part prints warnings for its developers, and gives workers the lowest priority but four.
QUIET = {
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_worker_niceness": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
}
Batch = dict[str, np.ndarray]


def on_ray(workers: int, address: str | None = None) -> Work:
    """The engine on ``workers`` processes of this machine, or of the cluster at ``address``; it needs Ray."""

    def work(folder: JobFolder, plan: Plan, request: Request, parts: Sequence[int]) -> Iterator[dict[str, Any]]:
        out = folder.out if is_url(folder.out) else os.path.abspath(folder.out)
        count = SLICE_WITH_MAPS if request.methods else SLICE
        slices = (
            {"part": part, "start": start, "end": start + count}
            for part in parts
            # Read here as well: the sentence about a damaged list would come from a worker as a traceback.
            for start in range(0, len(folder.tasks(plan, part)), count)
        )
        with connected(workers, address):
            while window := list(islice(slices, PER_WINDOW)):
                yield from _rows(window, out, plan, request, workers)

    return work


@contextmanager
def connected(workers: int, address: str | None) -> Iterator[None]:
    """Inside the block, connect to the cluster at ``address``, or else to a new Ray, by default with this user's token.

    Raises:
        SettingsError: if there is no cluster at that address.
    """
    import ray.data

    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if address is not None:
        _check(address)
        options: dict[str, Any] = {"address": address}
    else:
        options = {"num_cpus": workers + 1, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    try:
        with standard_error_aside():
            ray.init(
                runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}},
                log_to_driver=False,
                logging_level=logging.ERROR,
                **options,
            )
    except ConnectionError as error:
        raise SettingsError(Message("bulk.no_cluster", address=str(address))) from error
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The minimum number of concurrent actors")  # a small job
            yield
    finally:
        ray.shutdown()


def _check(address: str) -> None:
    """Ask whether anything listens at ``HOST:PORT``: Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or is_url(address):
        return
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except (OSError, ValueError, OverflowError) as error:
        raise SettingsError(Message("bulk.no_cluster", address=address)) from error


class FindFaces:
    """Reads photos and finds their faces. Each slice of the plan becomes a table of pickled ``PhotoState``."""

    def __init__(self, out: str, plan: Plan, request: Request) -> None:
        cv2.setNumThreads(1)  # a process for each core is the better use of them
        self._folder, self._plan, self._stages = JobFolder(out), plan, Stages(request)
        self._part, self._tasks = -1, list[Task]()

    def __call__(self, batch: Batch) -> Iterator[pa.Table]:
        """One table for each slice."""
        for part, start, end in zip(*(batch[name].tolist() for name in ("part", "start", "end")), strict=True):
            if part != self._part:
                self._part, self._tasks = part, self._folder.tasks(self._plan, part)
            yield _packed([self._stages.find_faces(task) for task in self._tasks[start:end]])


class Predict:
    """Runs the network on the faces of several photos, which have their rows then if no maps are requested."""

    def __init__(self, request: Request) -> None:
        self._stages, self._explains = Stages(request), bool(request.methods)

    def __call__(self, table: pa.Table) -> pa.Table:
        """The same photos with their verdicts, or their rows."""
        judged = self._stages.predict(_unpacked(table))
        return _packed(judged if self._explains else [self._stages.to_row(state) for state in judged])


class Explain:
    """Makes maps, and the rows of the table."""

    def __init__(self, request: Request) -> None:
        self._stages = Stages(request)

    def __call__(self, table: pa.Table) -> pa.Table:
        """The rows."""
        return _packed([self._stages.to_row(state) for state in _unpacked(table)])


def _rows(
    window: list[dict[str, int]], out: str, plan: Plan, request: Request, workers: int
) -> Iterator[dict[str, Any]]:
    """The rows of some slices, as they come."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = BLOCK_BYTES
    pool = ray.data.ActorPoolStrategy
    slices = ray.data.from_items(window, override_num_blocks=len(window))
    state = slices.map_batches(
        FindFaces,
        fn_constructor_args=(out, plan, request),
        batch_size=1,
        compute=pool(size=workers, max_tasks_in_flight_per_actor=2),
        num_cpus=1,
    )
    rows = state.map_batches(
        Predict,
        fn_constructor_args=(request,),
        batch_size=None,
        batch_format="pyarrow",
        compute=pool(size=1),
        num_cpus=0.5,
    )
    if request.methods:
        rows = rows.map_batches(
            Explain,
            fn_constructor_args=(request,),
            batch_size=1,
            batch_format="pyarrow",
            compute=pool(size=workers),
            num_cpus=0,
        )
    for table in rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
        yield from _unpacked(table)


def _packed(values: list[Any]) -> pa.Table:
    """Values on their way between processes of the same job."""
    return pa.table({"value": pa.array([pickle.dumps(value, 5) for value in values], pa.large_binary())})


def _unpacked(table: pa.Table) -> list[Any]:
    values: list[PhotoState | dict[str, Any]] = [pickle.loads(value.as_buffer()) for value in table["value"]]
    return values
