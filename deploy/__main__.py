"""Runs ``deploy/serve.yaml`` on this machine until it is interrupted."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from explain.bulk.on_ray import QUIET, STORE_BYTES
from model.cli import run
from model.errors import SettingsError
from model.i18n.catalogue import Message
from model.paths import ROOT

CONFIG = Path(__file__).with_name("serve.yaml")
VARIABLES = {  # of every process of Ray, and before Ray is imported
    "RAY_SERVE_SESSION_ID_HEADER_KEY": "cookie",  # see deploy/routing.py
    "RAY_USAGE_STATS_ENABLED": "0",  # no report to Ray's makers
}


def config_for(host: str, port: int, replicas: int | None) -> dict[str, Any]:
    """The content of ``serve.yaml`` with this address and, if it is given, this fixed number of replicas."""
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
    config["http_options"] = {"host": host, "port": port}
    if replicas is not None:
        (page,) = config["applications"][0]["deployments"]
        del page["autoscaling_config"]
        page["num_replicas"] = replicas
    return config


def check_free(host: str, port: int) -> None:
    """Serve would try a taken port again and again.

    Raises:
        SettingsError: if the service can't listen there.
    """
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise SettingsError(Message("server.port", port=port)) from error


def main(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page.")] = 7860,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in.")] = "127.0.0.1",
    replicas: Annotated[
        int | None, typer.Option(min=1, help="Fixed number of replicas instead of autoscaling.")
    ] = None,
) -> None:
    """Serve the page on several replicas."""
    check_free(host, port)
    os.environ.update({**QUIET, **VARIABLES, "PYTHONPATH": str(ROOT)})
    import ray
    from ray.serve.scripts import cli

    # `serve run` alone would start a dashboard, and set a third of the memory aside for what replicas never send.
    ray.init("local", namespace="serve", include_dashboard=False, object_store_memory=STORE_BYTES)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Ray has just set one that ends nothing in order
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(config_for(host, port, replicas), file)
        file.flush()
        cli(["run", file.name])


if __name__ == "__main__":
    run(main, __doc__)
