"""The routes for plain HTTP, with a service that accepts one program at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from explain.interfaces.http import plain_routes
from explain.service.queue import AnalysisQueue
from explain.service.service import Service
from explain.service.uploads import Uploads
from model import available
from model.available import Models, available_models
from model.detector.detector import Detector


@pytest.fixture(scope="module")
def kept_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the server keeps photos."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def service(kept_photos: Path, quick_detector: Detector) -> Iterator[Service]:
    """A service with a fast stand-in network in place of every model."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(available, "open_model", lambda *_: quick_detector)
        yield Service(Models(available_models()), Uploads(kept_photos), AnalysisQueue(1, most_programs=1))


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(FastAPI(openapi_url=None, routes=plain_routes(service)), follow_redirects=False) as client:
        yield client
