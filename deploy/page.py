"""One replica: the page and plain HTTP, as ``python app.py`` serves them.

``make serve`` runs ``deploy/serve.yaml`` on this machine, ``deploy/rayservice.yaml`` runs it on Kubernetes.
"""

from contextlib import ExitStack

from pydantic import BaseModel
from ray import serve
from ray.serve import Application
from starlette.types import ASGIApp

from deploy.routing import ReplicaCookie
from deploy.scaling import OPEN
from explain.interfaces.server.users import users_from
from explain.page.layout import build_page
from explain.page.serving.launch import asgi_app, server_models
from explain.service.process import settle, tune
from explain.service.scratch import own_temporary_files
from explain.service.service import Service


class Options(BaseModel):  # no "from __future__ import annotations" above: Serve looks for this class in ``app``
    """What ``args`` of the application may say; see the options of ``app.py``."""

    model: list[str] = []


@serve.deployment
@serve.ingress()
class Page:
    """Judges photos until Serve ends it."""

    def __init__(self, options: Options) -> None:
        self._files = ExitStack()
        tune()
        self._files.enter_context(own_temporary_files())
        self._service = Service(server_models(options.model))
        self._service.prepare()

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """The app that answers requests."""
        app = asgi_app(build_page(self._service.models, self._service), self._service, users_from(None))
        settle()
        return ReplicaCookie(app, serve.get_replica_context().replica_id.unique_id)

    def check_health(self) -> None:
        """Serve replaces a replica for which this raises an error."""
        if not self._service.ready():
            raise RuntimeError("No model can judge photos.")

    def record_autoscaling_stats(self) -> dict[str, float]:
        """The number of open analyses; ``deploy.scaling`` adds those of all replicas."""
        return {OPEN: float(self._service.queue.running + self._service.queue.waiting)}

    def __del__(self) -> None:
        self._files.close()


def app(options: Options) -> Application:
    """The application that ``serve.yaml`` names."""
    return Page.bind(options)  # type: ignore[attr-defined]  # the decorator made a Deployment of it
