"""Tests that several devices and several machines learn the same as one device."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.artifact.card import load_artifact
from tests.model.distributed_run import train_and_report
from tests.model.training.plain import make_data, without_seconds

RUNNER = Path(__file__).parents[1] / "distributed_run.py"


def free_ports() -> list[int]:
    with socket.socket() as first, socket.socket() as second:
        for probe in (first, second):
            probe.bind(("127.0.0.1", 0))
        return [first.getsockname()[1], second.getsockname()[1]]


def assert_same_figures(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> None:
    for our_row, their_row in zip(without_seconds(ours), without_seconds(theirs), strict=True):
        assert our_row == pytest.approx(their_row, abs=1e-4)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a training on one device."""
    folder = tmp_path_factory.mktemp("alone")
    root, _ = make_data(folder / "data")
    return train_and_report(root, folder / "run", "none", "plain")


@pytest.fixture(scope="module")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The reports of one machine with two devices, and of two processes on the loopback, which simulate two machines.

    Each has its own folder for its networks.
    """
    folder = tmp_path_factory.mktemp("distributed")
    root, _ = make_data(folder / "data")
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports()]}
    runs: list[dict[str, Any]] = [{"name": "both", "strategy": "mirrored", "networks": ["plain"], "devices": 2}]
    for number in (0, 1):
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": number}})
        machine = {"name": f"machine{number}", "strategy": "multiworker", "networks": ["plain", "full"]}
        runs.append({**machine, "variables": {"TF_CONFIG": config}})
    command = [sys.executable, str(RUNNER), str(root), str(folder), json.dumps(runs)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=480)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return folder, {run["name"]: json.loads((folder / f"{run['name']}.json").read_text()) for run in runs}


@pytest.mark.slow
def test_two_devices_learn_the_same_as_one(distributed: tuple[Path, dict[str, Any]], alone: dict[str, Any]) -> None:
    folder, reports = distributed
    together = reports["both"]["plain"]
    assert (together["devices"], alone["devices"]) == (2, 1)
    assert_same_figures(together["rows"], alone["rows"])
    assert together["rows"][-1]["loss"] < 0.98 * together["rows"][0]["loss"]
    for path, values in together["weights"].items():
        np.testing.assert_allclose(values, alone["weights"][path], atol=1e-4)
    assert load_artifact(folder / "both" / "plain" / "artifact").architecture == "plain"


@pytest.mark.slow
@pytest.mark.parametrize("network", ["plain", "full"])
def test_two_machines_learn_the_same_as_one_device(
    distributed: tuple[Path, dict[str, Any]], alone: dict[str, Any], network: str
) -> None:
    folder, reports = distributed
    chief, worker = (reports[f"machine{number}"][network] for number in (0, 1))
    assert chief["devices"] == worker["devices"] == 2
    assert without_seconds(chief["rows"]) == without_seconds(worker["rows"])
    assert chief["weights"] == worker["weights"], "batch statistics included"
    assert chief["rows"][-1]["loss"] < 0.98 * chief["rows"][0]["loss"]
    assert load_artifact(folder / "machine0" / network / "artifact").architecture == network
    assert not (folder / "machine1").exists(), "only the chief writes"
    if network == "plain":  # without batch statistics, two halves of a batch give the same gradients as the whole batch
        assert_same_figures(chief["rows"], alone["rows"])
