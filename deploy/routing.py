"""Sends a visitor's requests to the replica that has the visitor's results, and all others to one with little to do.

Gradio keeps a visitor's session in its process. So the replica that answers first puts its name into a cookie, which
browsers and Gradio's clients send from then on. Serve hands the router the header that
``RAY_SERVE_SESSION_ID_HEADER_KEY`` names: it must be ``cookie``.
"""

from __future__ import annotations

import random
from http.cookies import CookieError, SimpleCookie

from ray.serve.request_router import PendingRequest, RequestRouter, RunningReplica
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "whyfake-replica"
SESSION_PATHS = ("/config", "/gradio_api")  # besides the page itself; no other request needs a certain replica


def replica_in(cookies: str) -> str | None:
    """The name of the replica in a ``Cookie`` header."""
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value


class VisitorsReplica(RequestRouter):
    """Chooses the replica that a request's cookie names while it is there; else the less busy one of two."""

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """The replicas to try, in groups; Serve takes the one with the shortest queue in the first group."""
        if pending_request is not None:
            named = replica_in(pending_request.metadata.session_id)
            for replica in candidate_replicas:
                if replica.replica_id.unique_id == named:
                    return [[replica]]
        return [random.sample(candidate_replicas, min(2, len(candidate_replicas)))]


class ReplicaCookie:
    """ASGI middleware that puts the replica's name into the cookie of visitors who come with another one, or none.

    Args:
        app: the app that answers.
        replica: name of this replica.
    """

    def __init__(self, app: ASGIApp, replica: str) -> None:
        self._app = app
        self._replica = replica

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        of_session = scope["type"] == "http" and (scope["path"] == "/" or scope["path"].startswith(SESSION_PATHS))
        if not of_session or replica_in(Headers(scope=scope).get("cookie", "")) == self._replica:
            await self._app(scope, receive, send)
            return

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookie = f"{COOKIE}={self._replica}; Path=/; HttpOnly; SameSite=Lax"
                MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        await self._app(scope, receive, send_named)
