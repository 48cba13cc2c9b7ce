"""No client has more analyses open than its limit, whichever way it comes in."""

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
ASTRONAUT = CAT.with_name("astronaut.jpg").read_bytes() + b"\0"  # no example: it is not answered at once
HOST = "testclient"  # as Starlette calls the client of a test


@pytest.fixture(scope="module")
def service() -> Service:
    return Service(Models(shipped_models()[:1]), queue=AnalysisQueue(1, most_of_client=1))


@pytest.fixture
def opened(service: Service) -> Iterator[None]:
    """The one analysis that a client may have open."""
    steps = service.analyze(ASTRONAUT, Settings(), service.models.get(service.models.first), client=HOST)
    next(steps)
    yield
    steps.close()  # type: ignore[attr-defined]


def by_http(service: Service) -> str:
    with TestClient(FastAPI(openapi_url=None, routes=plain_routes(service))) as client:
        return client.post("/deepfake", files={"file": ("me.jpg", CAT.read_bytes())}).text


def by_mcp(service: Service) -> str:
    routes, lifespan = assistants(service, CAT.parent)
    photo = f"data:image/jpeg;base64,{base64.b64encode(CAT.read_bytes()).decode()}"
    call = {"name": "analyze_photo", "arguments": {"photo": photo}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {"accept": "application/json, text/event-stream"}
    with TestClient(FastAPI(routes=routes, lifespan=lifespan)) as client:
        return client.post(PATHS[0], json=request, headers=headers).text


page_of = cache(lambda service: build_page(service.models, service))  # to build it takes a second


def by_gradio_api(service: Service) -> str:
    (endpoint,) = (one for one in page_of(service).fns.values() if one.api_name == "faces")
    request = gr.Request(client=SimpleNamespace(host=HOST))
    given, *_ = special_args(endpoint.fn, [str(CAT), service.models.first, "en"], request)
    try:
        return str(endpoint.fn(*given))
    except gr.Error as error:
        return str(error.message)


WAYS_IN: dict[str, Callable[[Service], str]] = {"HTTP": by_http, "MCP": by_mcp, "Gradio API": by_gradio_api}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS_IN)
def test_one_analysis_more_of_a_client_is_refused(way: str, service: Service, opened: None) -> None:
    assert translate("interfaces.busy_client", most=1) in WAYS_IN[way](service)


@pytest.mark.parametrize("way", WAYS_IN)
def test_a_client_with_nothing_open_is_answered(way: str, service: Service) -> None:
    assert "faces" in WAYS_IN[way](service)
    assert not service.queue._clients
