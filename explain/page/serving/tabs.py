"""Forgets visitors without an open tab: browsers keep a connection for each tab, but programs need not."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from starlette.types import ASGIApp, Receive, Scope, Send

from explain.page.components.extended import SteppedBlocks

CONNECTION = "/heartbeat/"  # in the path of that connection, before the visitor's name
IDLE = timedelta(minutes=5)  # since the last step of such a visitor's run; each visitor takes some megabytes


class OpenTabs:
    """ASGI middleware that notes which tabs are open. When one closes, Gradio itself says that the visitor has left.

    Args:
        app: the page and all other interfaces.
        blocks: the page.
    """

    def __init__(self, app: ASGIApp, blocks: SteppedBlocks) -> None:
        self.app, self._blocks = app, blocks
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path = scope.get("path", "")
        if CONNECTION not in path:
            self._forget_others()
            await self.app(scope, receive, send)
            return
        visitor = path.partition(CONNECTION)[2].strip("/")
        self._open[visitor] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._open -= Counter((visitor,))  # drops a visitor without a tab

    def _forget_others(self) -> None:
        """Forget visitors without a tab, once their runs have not gone on for a while."""
        before = datetime.now() - IDLE
        for visitor, used in list(self._blocks.state_holder.time_last_used.items()):
            if used < before and visitor not in self._open:
                self._blocks.leave(visitor)
