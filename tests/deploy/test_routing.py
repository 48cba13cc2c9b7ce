"""Which replica a request goes to, and how many there should be."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

pytest.importorskip("ray.serve")
pytestmark = pytest.mark.slow  # they import Ray

from deploy.routing import COOKIE, NamesItself, VisitorsReplica, replica_in  # noqa: E402
from deploy.scaling import OPEN, by_open_analyses  # noqa: E402

REPLICAS = [SimpleNamespace(replica_id=SimpleNamespace(unique_id=name)) for name in ("one", "two", "three")]


def chosen(cookies: str | None) -> list[str]:
    """Names of the replicas that a request with this header may go to."""
    request = None if cookies is None else SimpleNamespace(metadata=SimpleNamespace(session_id=cookies))
    router: Any = None  # the choice depends on nothing that a router remembers
    (group,) = asyncio.run(VisitorsReplica.choose_replicas(router, REPLICAS, request))  # type: ignore[arg-type]
    return [replica.replica_id.unique_id for replica in group]


@pytest.mark.parametrize("cookies", [f"{COOKIE}=two", f"a=b; {COOKIE}=two; c=d", f"a={COOKIE}=one; {COOKIE}=two"])
def test_a_visitor_goes_to_the_named_replica(cookies: str) -> None:
    assert chosen(cookies) == ["two"]


@pytest.mark.parametrize("cookies", [None, "", "a=b", f"{COOKIE}=gone", f"{COOKIE}=", f"{COOKIE}", "\x00;=;=", "ş=ö"])
def test_all_others_go_to_one_of_two(cookies: str | None) -> None:
    counts = Counter(name for _ in range(200) for name in set(chosen(cookies)))
    assert set(counts) == {"one", "two", "three"} and counts.total() == 400


def test_a_single_replica_gets_everything() -> None:
    assert replica_in(f"{COOKIE}=one") == "one"
    (group,) = asyncio.run(VisitorsReplica.choose_replicas(None, REPLICAS[:1], None))  # type: ignore[arg-type]
    assert group == REPLICAS[:1]


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=[Route("/{path:path}", lambda request: PlainTextResponse("yes"), methods=["GET", "POST"])])
    return TestClient(NamesItself(app, "one"))


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/queue/join"])
def test_a_replica_names_itself_to_a_visitor_once(client: TestClient, path: str) -> None:
    assert client.post(path).cookies[COOKIE] == "one"
    assert "set-cookie" not in client.get(path).headers  # the client has it now


def test_a_replica_names_itself_in_place_of_one_that_has_gone(client: TestClient) -> None:
    assert client.get("/", headers={"Cookie": f"{COOKIE}=gone"}).cookies[COOKIE] == "one"


@pytest.mark.parametrize("path", ["/deepfake", "/clip", "/health", "/models"])
def test_programs_that_send_photos_are_tied_to_no_replica(client: TestClient, path: str) -> None:
    assert "set-cookie" not in client.post(path).headers


@pytest.mark.parametrize(("open_analyses", "wanted"), [({}, 0), ({"a": 8.0}, 1), ({"a": 20.0, "b": 12.0}, 4)])
def test_replicas_follow_the_open_analyses(open_analyses: dict[str, float], wanted: float) -> None:
    config = SimpleNamespace(get_target_ongoing_requests=lambda: 8.0)
    context: Any = SimpleNamespace(aggregated_metrics={OPEN: open_analyses}, config=config, policy_state={"kept": 1})
    assert by_open_analyses(context) == (wanted, {"kept": 1})
    assert by_open_analyses(SimpleNamespace(aggregated_metrics=None, config=config, policy_state={}))[0] == 0  # type: ignore[arg-type]
