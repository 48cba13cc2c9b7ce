"""Tests of the engine on Ray: its rows equal those of one process, whatever is killed meanwhile.

They start clusters, which takes a minute or two on two cores, so that only ``make test-scale`` runs them.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

from explain.bulk.on_ray import QUIET, STORE_BYTES, connected, on_ray
from explain.bulk.run import Work, in_process, opened, run
from explain.bulk.stages import Request
from model.detector.detector import Detector
from model.errors import SettingsError
from model.paths import EXAMPLES
from tests.support.photo_files import encode, plain

if not os.environ.get("WHYFAKE_RAY"):
    pytest.skip("only WHYFAKE_RAY=1 runs these: make test-scale", allow_module_level=True)
pytest.importorskip("ray.data")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
COUNT, PART = 90, 20
FACE_WORKER = "ray::MapWorker(MapBatches(FindFaces)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos without faces, and each tenth one with a face or damaged."""
    folder = tmp_path_factory.mktemp("photos")
    astronaut = (EXAMPLES / "astronaut.jpg").read_bytes()
    for number in range(COUNT):
        data = encode(plain((number, 0, 0), size=(240, 180)))
        data = {0: astronaut, 5: data[:60]}.get(number % 10, data)
        (folder / f"{number:02d}.png").write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def job_request(detector: Detector) -> Request:
    return Request(str(detector.folder), detector.name)


@pytest.fixture(scope="module")
def expected(folder: Path, job_request: Request, detector: Detector, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return table_of(
        folder, tmp_path_factory.mktemp("out") / "alone.parquet", job_request, detector, in_process(detector)
    )


def table_of(folder: Path, out: Path, job_request: Request, detector: Detector, work: Work, kill: Any = None) -> Any:
    """The job's rows without their seconds; ``kill`` is called after each photo."""
    place, plan = opened(str(folder), str(out), job_request, detector, PART)
    for progress in run(place, plan, job_request, work):
        if kill is not None:
            kill(progress)
    return pq.read_table(out).drop_columns(["seconds"]).to_pylist()


def equal(rows: Any, expected: Any) -> bool:
    """Whether the rows are equal; a batch of another size may change a probability's last digits."""
    for row, other in zip(rows, expected, strict=True):
        np.testing.assert_allclose([face["p_fake"] for face in row["by_face"]], [f["p_fake"] for f in other["by_face"]])
    figures = {"p_fake", "by_face"}
    return [{k: v for k, v in row.items() if k not in figures} for row in rows] == [
        {k: v for k, v in row.items() if k not in figures} for row in expected
    ]


def face_workers(raylet: int) -> list[psutil.Process]:
    """The processes of a node that find faces."""
    found = []
    for process in psutil.Process(raylet).children(recursive=True):
        try:
            found += [process] if any(FACE_WORKER in word for word in process.cmdline()) else []
        except psutil.Error:
            continue
    return found


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two nodes of Ray on this machine; Ray detects a dead one within seconds."""
    from ray.cluster_utils import Cluster

    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    health_checks = {"health_check_period_ms": 500, "health_check_failure_threshold": 4}
    options = {"num_cpus": 3, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={**options, "_system_config": health_checks})
    cluster.add_node(num_cpus=3, object_store_memory=STORE_BYTES)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


def test_no_rows_are_lost_when_a_worker_and_a_node_are_killed(
    nodes: Any, folder: Path, job_request: Request, detector: Detector, expected: Any, tmp_path: Path
) -> None:
    killed: list[str] = []

    def kill(progress: Any) -> None:
        if not killed and progress.done >= 10:
            workers = face_workers(nodes.head_node.all_processes["raylet"][0].process.pid)
            for worker in workers[:1]:
                worker.kill()
                killed.append("worker")
        if killed == ["worker"] and progress.done >= 30:
            (other,) = nodes.worker_nodes
            if face_workers(other.all_processes["raylet"][0].process.pid):
                nodes.remove_node(other, allow_graceful=False)
                killed.append("node")

    rows = table_of(folder, tmp_path / "out.parquet", job_request, detector, on_ray(2, nodes.address), kill)
    assert killed == ["worker", "node"]
    assert equal(rows, expected)


def test_a_job_continues_after_its_driver_was_killed(folder: Path, expected: Any, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    words = ["bulk", str(folder), "--out", str(out), "--part", str(PART)]
    command = [sys.executable, "-m", "explain", *words]
    with_two_workers = [*command, "--workers", "2"]
    with subprocess.Popen(with_two_workers, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 200
        while not list(out.glob("part-*")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "it ended before it was killed"
    assert 0 < len(list(out.glob("part-*"))) < -(-COUNT // PART)
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert equal(pq.read_table(out).drop_columns(["seconds"]).to_pylist(), expected)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not [process for process in alive if "MapWorker" in process.name()], "workers outlived their driver"
    for process in alive:  # Ray's own agents end later
        process.kill()


def test_an_address_without_a_cluster_is_refused_in_one_sentence(
    folder: Path, job_request: Request, detector: Detector, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=re.escape("127.0.0.1:1")):
        table_of(folder, tmp_path / "out.parquet", job_request, detector, on_ray(2, "127.0.0.1:1"))


def test_a_local_ray_refuses_connections_without_the_token() -> None:
    with connected(1, None):
        import ray

        join = [sys.executable, "-c", f"import ray; ray.init({ray.get_runtime_context().gcs_address!r})"]
        answers = [
            subprocess.run(join, env={**os.environ, "RAY_AUTH_MODE": mode}, capture_output=True, text=True, timeout=120)
            for mode in ("token", "disabled")
        ]
    assert [answer.returncode == 0 for answer in answers] == [True, False], answers
    assert "authenticat" in answers[1].stderr.lower()
