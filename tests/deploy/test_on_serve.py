"""Tests of the service on two replicas: equal answers, visits that stay on their replica, and a replica that is killed.

They start Ray, which takes half a minute on two cores, so that only ``make test-scale`` runs them.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from benchmarks.load import Page, from_address, photo, visit
from benchmarks.serve import replicas_of, served

if not os.environ.get("WHYFAKE_RAY"):
    pytest.skip("only WHYFAKE_RAY=1 runs these: make test-scale", allow_module_level=True)
pytest.importorskip("ray.serve")
pytestmark = pytest.mark.slow
PATIENCE_S = 300
VERDICT = {"methods": "", "robustness": "false"}
COOKIE = "whyfake-replica"


@pytest.fixture(scope="module")
def two_replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Address and process id of a service with two replicas; at its end no temporary file is left."""
    folder: Path = tmp_path_factory.mktemp("serve")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "files"))
        with served(2, folder / "log.txt") as (url, process):
            assert len(list((folder / "files").glob("whyfake-*"))) == 2
            yield url, process
    assert list((folder / "files").glob("whyfake-*")) == []


def replica_names(url: str) -> set[str]:
    """The replicas that answer new visitors now."""
    return {httpx.get(f"{url}/config", timeout=PATIENCE_S).cookies[COOKIE] for _ in range(24)}


def answer_of(url: str, replica: str) -> dict[str, Any]:
    """A replica's answer for a photo with its maps, without times."""
    answer = httpx.post(
        f"{url}/deepfake",
        files={"file": ("photo.jpg", photo(1))},
        headers={"Cookie": f"{COOKIE}={replica}"},
        timeout=PATIENCE_S,
    )
    return without_seconds(answer.raise_for_status().json())


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_seconds(part) for name, part in value.items() if "second" not in name}
    return [without_seconds(part) for part in value] if isinstance(value, list) else value


def test_all_replicas_give_the_same_answer(two_replicas: tuple[str, int]) -> None:
    first, second = replica_names(two_replicas[0])
    answer = answer_of(two_replicas[0], first)
    assert answer["attributions"] and answer == answer_of(two_replicas[0], second)


def test_a_visit_stays_on_its_replica(two_replicas: tuple[str, int]) -> None:
    page, together = Page(two_replicas[0]), threading.Barrier(6)
    with ThreadPoolExecutor(6) as pool:
        visits = list(pool.map(lambda number: visit(page, number, together), range(6)))
    assert [events for events in visits if "error" in events or "complete" not in events] == []


def test_another_replica_does_not_know_the_visit(two_replicas: tuple[str, int]) -> None:
    """It shows that the test above can fail: without the cookie, half of the visits would end like this."""
    first, second = replica_names(two_replicas[0])
    page = Page(two_replicas[0])
    event = {"data": [], "fn_index": page.drop["id"], "session_hash": "lost", "trigger_id": page.photo}
    with httpx.Client(base_url=f"{two_replicas[0]}/gradio_api", timeout=PATIENCE_S) as client:
        client.post("/queue/join", json=event, headers={"Cookie": f"{COOKIE}={first}"})
        answers = [
            client.get("/queue/data", params={"session_hash": "lost"}, headers={"Cookie": f"{COOKIE}={name}"}).text
            for name in (second, first)
        ]
    assert ['session_not_found":true' in answer.replace(" ", "") for answer in answers] == [True, False]


def test_requests_succeed_after_a_replica_is_killed(two_replicas: tuple[str, int]) -> None:
    url, process = two_replicas
    dying, _ = replicas_of(process)
    killed, ended = threading.Event(), threading.Event()

    def send_photos(number: int) -> list[tuple[bool, int]]:
        """Send photos until the end; for each photo: whether it was sent after the kill, and the answer's status."""
        found = []
        with httpx.Client(timeout=PATIENCE_S, transport=from_address(number)) as client:
            while not ended.is_set():
                after = killed.is_set()
                file = {"file": ("photo.jpg", photo(number * 1000 + len(found)))}
                found.append((after, client.post(f"{url}/deepfake", files=file, data=VERDICT).status_code))
        return found

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(send_photos, number) for number in range(4)]
        time.sleep(3)
        psutil.Process(dying).kill()
        time.sleep(1)  # until Serve has noticed
        killed.set()
        deadline = time.monotonic() + PATIENCE_S
        while len(set(replicas_of(process)) - {dying}) < 2 and time.monotonic() < deadline:
            time.sleep(0.5)
        ended.set()
        answers = [answer for client in clients for answer in client.result()]
    assert len(set(replicas_of(process)) - {dying}) == 2, "a new replica takes its place"
    assert {status for after, status in answers if after} == {200}
    lost = [status for after, status in answers if not after and status != 200]
    assert set(lost) <= {500} and len(lost) <= 4, "at most the open request of each client"
