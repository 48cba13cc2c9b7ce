"""Several devices and several machines learn what one does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.artifact.card import load_artifact
from tests.model.distributed_run import train_and_report
from tests.model.training.plain import Data, make_data, timeless

RUNNER = Path(__file__).parents[1] / "distributed_run.py"


def start(root: Path, out: Path, strategy: str, networks: str, devices: int, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(RUNNER), str(root), str(out), strategy, networks, str(devices)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **more}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, errors = process.communicate(timeout=480)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(output.splitlines()[-1])


@pytest.fixture(scope="module")
def free_ports() -> Callable[[], list[int]]:
    def find() -> list[int]:
        with socket.socket() as first, socket.socket() as second:
            for probe in (first, second):
                probe.bind(("127.0.0.1", 0))
            return [first.getsockname()[1], second.getsockname()[1]]

    return find


def assert_same_figures(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> None:
    for mine, other in zip(timeless(ours), timeless(theirs), strict=True):
        assert mine == pytest.approx(other, abs=1e-4)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one device learns."""
    folder = tmp_path_factory.mktemp("alone")
    root, _ = make_data(folder / "data")
    return train_and_report(root, folder / "run", "none", "plain")


@pytest.fixture(scope="module")
def two_machines(
    tmp_path_factory: pytest.TempPathFactory, free_ports: Callable[[], list[int]]
) -> tuple[Path, list[dict[str, Any]]]:
    """Two processes on the loopback stand for two machines, each with a folder of its own for both networks."""
    folder = tmp_path_factory.mktemp("machines")
    root, _ = make_data(folder / "data")
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports()]}
    processes = []
    for number in (0, 1):
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": number}})
        processes.append(start(root, folder / f"machine{number}", "multiworker", "plain,full", 1, TF_CONFIG=config))
    try:
        return folder, [report_of(process) for process in processes]
    finally:  # one that waits for the other's end would wait on
        for process in processes:
            process.kill()


@pytest.mark.slow
def test_two_devices_of_a_machine_learn_what_one_does(data: Data, tmp_path: Path, alone: dict[str, Any]) -> None:
    together = report_of(start(data[0], tmp_path / "both", "mirrored", "plain", 2))["plain"]
    assert (together["devices"], alone["devices"]) == (2, 1)
    assert_same_figures(together["rows"], alone["rows"])
    assert together["rows"][-1]["loss"] < 0.98 * together["rows"][0]["loss"]
    for path, values in together["weights"].items():
        np.testing.assert_allclose(values, alone["weights"][path], atol=1e-4)
    assert load_artifact(tmp_path / "both" / "plain" / "artifact").architecture == "plain"


@pytest.mark.slow
@pytest.mark.parametrize("network", ["plain", "full"])
def test_two_machines_learn_as_one(
    two_machines: tuple[Path, list[dict[str, Any]]], alone: dict[str, Any], network: str
) -> None:
    folder, reports = two_machines
    chief, other = (report[network] for report in reports)
    assert chief["devices"] == other["devices"] == 2
    assert timeless(chief["rows"]) == timeless(other["rows"])
    assert chief["weights"] == other["weights"], "batch statistics included"
    assert chief["rows"][-1]["loss"] < 0.98 * chief["rows"][0]["loss"]
    assert load_artifact(folder / "machine0" / network / "artifact").architecture == network
    assert not (folder / "machine1").exists(), "only the chief writes"
    if network == "plain":  # without batch statistics, two halves of a batch teach what the whole does
        assert_same_figures(chief["rows"], alone["rows"])
