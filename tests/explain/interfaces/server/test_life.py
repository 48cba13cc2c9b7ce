"""The shutdown of the server, and the connections that it closes."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from explain.interfaces.server import connections, life
from explain.interfaces.server.connections import TimeLimitedProtocol
from explain.interfaces.server.life import Ending, limit_connections
from explain.service.queue import AnalysisQueue, Busy, Urgency


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ending]:
    monkeypatch.setattr(life, "LOOK_S", 0.01)
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    yield Ending()
    for name, handler in before.items():
        signal.signal(name, handler)


def analysis(step_s: float, steps: int) -> Iterator[int]:
    for number in range(steps):
        time.sleep(step_s)
        yield number


def test_a_running_analysis_ends_before_the_server(ending: Ending) -> None:
    queue, results = AnalysisQueue(1), []
    running = threading.Thread(target=lambda: results.extend(queue.each(analysis(0.02, 5))), daemon=True)
    running.start()
    while not results:
        time.sleep(0.01)
    signal.raise_signal(signal.SIGTERM)
    ending.wait(queue)
    running.join(5)
    assert results == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_a_long_analysis_ends_with_a_partial_result_at_shutdown(
    ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "FINISH_S", 0.3)
    queue, results = AnalysisQueue(1), []
    running = threading.Thread(target=lambda: results.extend(queue.each(analysis(0.05, 1000))), daemon=True)
    running.start()
    while not results:
        time.sleep(0.01)
    signal.raise_signal(signal.SIGTERM)
    started = time.monotonic()
    ending.wait(queue)
    running.join(5)
    assert 1 <= len(results) < 100 and time.monotonic() - started < 10


def test_no_analysis_starts_after_the_signal(ending: Ending) -> None:
    queue = AnalysisQueue(1)
    signal.raise_signal(signal.SIGTERM)
    ending.wait(queue)
    with pytest.raises(Busy, match=r"about to end.+\.$"):
        list(queue.each(iter([1])))


def test_a_waiting_analysis_is_refused_at_shutdown() -> None:
    queue, sentences = AnalysisQueue(1), []

    def wait() -> None:
        try:
            list(queue.each(iter([1])))
        except Busy as busy:
            sentences.append(str(busy))

    with queue.turn(Urgency.VERDICT), queue.turn(Urgency.VERDICT):
        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        while not queue.waiting:
            time.sleep(0.01)
        queue.stop()
        waiting.join(5)
    assert sentences and "about to end" in sentences[0]


def test_a_second_signal_interrupts_the_shutdown(ending: Ending) -> None:
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


# Connections


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers every request with a dot."""
    headers = [(b"content-length", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"."})


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[tuple[Any, int]]:
    """A running server with the connection limits of the page, and its port."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_level="critical", timeout_keep_alive=30)
    config.load()
    limit_connections(config)
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await server.shutdown()


async def read_to_the_end(parts: list[bytes], pause_s: float) -> bytes:
    """Send parts with a pause after each; return all that the server sends until it closes the connection."""
    async with serving(app) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause_s)
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
        return answer


REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.slow
@pytest.mark.parametrize("parts", [[], [b"GET / HT"], [REQUEST, b"GET /"]], ids=["silent", "begun", "second begun"])
def test_a_client_that_does_not_finish_a_request_is_disconnected(
    parts: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.2)
    answer = asyncio.run(read_to_the_end(parts, 0.02))
    assert answer.count(b"200 OK") == parts.count(REQUEST)


def test_a_request_in_pieces_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.5)
    request = REQUEST.replace(b"Host: a", b"Host: a\r\nConnection: close")
    answer = asyncio.run(read_to_the_end([request[:9], request[9:20], request[20:]], 0.02))
    assert b"200 OK" in answer and answer.endswith(b".")


def test_too_many_connections_are_refused() -> None:
    config = uvicorn.Config(app)
    config.load()
    limit_connections(config)
    assert config.limit_concurrency and config.http_protocol_class is TimeLimitedProtocol


# Clients that do not read


class LargeAnswer:
    """An app that answers with many bytes, in one part or in several; ``ended`` says whether all are sent."""

    def __init__(self, size: int, part: int) -> None:
        self.size, self.part, self.ended = size, part, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for start in range(0, self.size, self.part):
            size = min(self.part, self.size - start)
            await send({"type": "http.response.body", "body": bytes(size), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        self.ended = True


async def connected(port: int, buffer: int = 4096) -> socket.socket:
    """A client that has sent a request; its receive buffer is small."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(client, REQUEST)
    return client


@pytest.mark.slow
@pytest.mark.parametrize("part", [20_000_000, 10_000], ids=["one large part", "a stream"])
def test_a_client_that_does_not_read_the_answer_is_disconnected(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_S", 0.2)
    large_answer = LargeAnswer(20_000_000, part)

    async def run_client() -> None:
        async with serving(large_answer) as (server, port):
            with closing(await connected(port)):
                async with asyncio.timeout(10):
                    while not (large_answer.ended and not server.server_state.connections):
                        await asyncio.sleep(0.02)

    asyncio.run(run_client())


@pytest.mark.slow
def test_a_client_that_reads_slowly_gets_the_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_S", 0.2)
    monkeypatch.setattr(connections, "LEAST_READ", 1)
    large_answer = LargeAnswer(20_000_000, 20_000_000)

    async def run_client() -> int:
        async with serving(large_answer) as (_, port):
            with closing(await connected(port, 200_000)) as client:
                received, loop = 0, asyncio.get_running_loop()
                while received < large_answer.size and (part := await loop.sock_recv(client, 400_000)):
                    received += len(part)
                    await asyncio.sleep(0.01)
                return received

    assert asyncio.run(run_client()) >= large_answer.size
