"""Runs ``deploy/serve.yaml`` on this machine, or on the cluster that ``RAY_ADDRESS`` names, until it is interrupted."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from model.cli import run
from model.paths import ROOT

CONFIG = Path(__file__).with_name("serve.yaml")
# What every process of Ray needs, and before Ray is imported: its cookie names a visitor's replica; no report to Ray's
# makers; the priority of other programs; this checkout.
VARIABLES = {
    "RAY_SERVE_SESSION_ID_HEADER_KEY": "cookie",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "PYTHONPATH": str(ROOT),
}


def config_for(port: int, replicas: int | None) -> dict[str, Any]:
    """What ``serve.yaml`` says, with this port and, if it is given, this fixed number of replicas."""
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
    config["http_options"]["port"] = port
    if replicas is not None:
        (page,) = config["applications"][0]["deployments"]
        del page["autoscaling_config"]
        page["num_replicas"] = replicas
    return config


def main(
    port: Annotated[int, typer.Option(help="Port of the page.")] = 8000,
    replicas: Annotated[
        int | None, typer.Option(min=1, help="Fixed number of replicas instead of autoscaling.")
    ] = None,
) -> None:
    """Serve the page on several replicas."""
    os.environ.update(VARIABLES)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from ray.serve.scripts import cli

    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(config_for(port, replicas), file)
        file.flush()
        cli(["run", file.name])


if __name__ == "__main__":
    run(main, __doc__)
