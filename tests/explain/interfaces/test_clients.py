"""A client cannot have more open analyses than its limit, over any interface."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from fastapi import FastAPI
from gradio.helpers import special_args
from starlette.testclient import TestClient

from explain.interfaces.http import plain_routes
from explain.interfaces.mcp.tools import PATHS, assistants
from explain.page.layout import build_page
from explain.service.queue import AnalysisQueue
from explain.service.service import Service
from explain.settings import Settings
from model.available import Models, shipped_models
from model.i18n.catalogue import translate

CAT = Path(__file__).parents[3] / "examples" / "cat.jpg"
ASTRONAUT = CAT.with_name("astronaut.jpg").read_bytes() + b"\0"  # the example photo itself has a stored result
HOST = "testclient"  # Starlette's name for the client of a test


@pytest.fixture(scope="module")
def service() -> Service:
    return Service(Models(shipped_models()[:1]), queue=AnalysisQueue(1, most_of_client=1))


@pytest.fixture
def open_analysis(service: Service) -> Iterator[None]:
    """Hold the only analysis open that a client may have at the same time."""
    steps = service.analyze(ASTRONAUT, Settings(), service.models.get(service.models.first), client=HOST)
    next(steps)
    yield
    steps.close()  # type: ignore[attr-defined]


def answer_over_http(service: Service) -> str:
    with TestClient(FastAPI(openapi_url=None, routes=plain_routes(service))) as client:
        return client.post("/deepfake", files={"file": ("me.jpg", CAT.read_bytes())}).text


def answer_over_mcp(service: Service) -> str:
    routes, lifespan = assistants(service, CAT.parent)
    photo = f"data:image/jpeg;base64,{base64.b64encode(CAT.read_bytes()).decode()}"
    call = {"name": "analyze_photo", "arguments": {"photo": photo}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {"accept": "application/json, text/event-stream"}
    with TestClient(FastAPI(routes=routes, lifespan=lifespan)) as client:
        return client.post(PATHS[0], json=request, headers=headers).text


cached_page = cache(lambda service: build_page(service.models, service))  # building the page takes a second


def answer_over_gradio_api(service: Service) -> str:
    (endpoint,) = (function for function in cached_page(service).fns.values() if function.api_name == "faces")
    request = gr.Request(client=SimpleNamespace(host=HOST))
    arguments, *_ = special_args(endpoint.fn, [str(CAT), service.models.first, "en"], request)
    try:
        return str(endpoint.fn(*arguments))
    except gr.Error as error:
        return str(error.message)


INTERFACES: dict[str, Callable[[Service], str]] = {
    "HTTP": answer_over_http,
    "MCP": answer_over_mcp,
    "Gradio API": answer_over_gradio_api,
}


@pytest.mark.slow
@pytest.mark.parametrize("interface", INTERFACES)
def test_an_analysis_beyond_the_limit_of_a_client_is_refused(
    interface: str, service: Service, open_analysis: None
) -> None:
    assert translate("interfaces.busy_client", most=1) in INTERFACES[interface](service)


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_client_without_open_analyses_is_answered(interface: str, service: Service) -> None:
    assert "faces" in INTERFACES[interface](service)
    assert not service.queue._clients
