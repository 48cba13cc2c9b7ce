"""Tests of the choice of a replica for a request, and of the number of replicas."""

from __future__ import annotations

import asyncio
from collections import Counter
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

pytestmark = pytest.mark.slow  # these tests import Ray
COOKIE = "whyfake-replica"
REPLICAS = [SimpleNamespace(replica_id=SimpleNamespace(unique_id=name)) for name in ("one", "two", "three")]


@pytest.fixture(scope="module")
def routing() -> ModuleType:
    """Imported when a test needs it: Ray takes seconds, which every process that collects this file would spend."""
    pytest.importorskip("ray.serve")
    return import_module("deploy.routing")


def candidates(routing: ModuleType, cookies: str | None) -> list[str]:
    """Names of the replicas that a request with this header may go to."""
    request = None if cookies is None else SimpleNamespace(metadata=SimpleNamespace(session_id=cookies))
    router: Any = None  # the choice uses no state of the router
    (group,) = asyncio.run(routing.VisitorsReplica.choose_replicas(router, REPLICAS, request))
    return [replica.replica_id.unique_id for replica in group]


@pytest.mark.parametrize("cookies", [f"{COOKIE}=two", f"a=b; {COOKIE}=two; c=d", f"a={COOKIE}=one; {COOKIE}=two"])
def test_a_visitor_goes_to_the_replica_named_in_the_cookie(routing: ModuleType, cookies: str) -> None:
    assert candidates(routing, cookies) == ["two"]


@pytest.mark.parametrize("cookies", [None, "", "a=b", f"{COOKIE}=gone", f"{COOKIE}=", f"{COOKIE}", "\x00;=;=", "ş=ö"])
def test_a_request_without_a_known_replica_gets_two_random_candidates(routing: ModuleType, cookies: str | None) -> None:
    counts = Counter(name for _ in range(200) for name in set(candidates(routing, cookies)))
    assert set(counts) == {"one", "two", "three"} and counts.total() == 400


def test_a_single_replica_gets_everything(routing: ModuleType) -> None:
    assert routing.replica_in(f"{COOKIE}=one") == "one"
    (group,) = asyncio.run(routing.VisitorsReplica.choose_replicas(None, REPLICAS[:1], None))
    assert group == REPLICAS[:1]


@pytest.fixture
def client(routing: ModuleType) -> TestClient:
    app = Starlette(routes=[Route("/{path:path}", lambda request: PlainTextResponse("yes"), methods=["GET", "POST"])])
    return TestClient(routing.ReplicaCookie(app, "one"))


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/queue/join"])
def test_a_replica_sets_its_cookie_once(client: TestClient, path: str) -> None:
    assert client.post(path).cookies[COOKIE] == "one"
    assert "set-cookie" not in client.get(path).headers  # the client has it now


def test_a_replica_replaces_the_cookie_of_a_replica_that_has_gone(client: TestClient) -> None:
    assert client.get("/", headers={"Cookie": f"{COOKIE}=gone"}).cookies[COOKIE] == "one"


@pytest.mark.parametrize("path", ["/deepfake", "/clip", "/health", "/models"])
def test_programs_that_send_photos_get_no_cookie(client: TestClient, path: str) -> None:
    assert "set-cookie" not in client.post(path).headers


@pytest.mark.parametrize(("open_analyses", "wanted"), [({}, 0), ({"a": 8.0}, 1), ({"a": 20.0, "b": 12.0}, 4)])
def test_number_of_replicas_follows_the_open_analyses(
    routing: ModuleType, open_analyses: dict[str, float], wanted: float
) -> None:
    scaling = import_module("deploy.scaling")
    config = SimpleNamespace(get_target_ongoing_requests=lambda: 8.0)
    context: Any = SimpleNamespace(
        aggregated_metrics={scaling.OPEN: open_analyses}, config=config, policy_state={"kept": 1}
    )
    assert scaling.by_open_analyses(context) == (wanted, {"kept": 1})
    assert scaling.by_open_analyses(SimpleNamespace(aggregated_metrics=None, config=config, policy_state={}))[0] == 0
