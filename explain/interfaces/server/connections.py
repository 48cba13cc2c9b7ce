"""Closes connections if the headers of a request do not arrive, or if the client does not read its answer.

uvicorn would wait for both without end.
"""

from __future__ import annotations

import asyncio
import socket

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S = 20.0  # for the headers of a request; a slow phone needs less than one
SENT_AHEAD = 256_000  # bytes that the system keeps for a client; by itself it would keep up to 4 MB for each
READ_S = 60.0  # in which a client that has not read all that was sent must read ``LEAST_READ`` or the rest
LEAST_READ = 100_000  # bytes; much less could not be seen, because of ``SENT_AHEAD``


class ImpatientProtocol(H11Protocol):
    """uvicorn's protocol with time limits for headers and for answers. A request's body has one in ``Guard``."""

    _timer: asyncio.TimerHandle | None = None
    _read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_AHEAD)
        transport.set_write_buffer_limits(high=0)  # so that writing pauses whenever something is not read
        self._wait_or_not()

    def pause_writing(self) -> None:
        """Begin to wait until the client has read what was sent."""
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        """Stop waiting, since all is read."""
        super().resume_writing()
        self._stop_reading_timer()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; once its headers are complete, stop waiting."""
        super().data_received(data)
        self._wait_or_not()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._stop()
        self._stop_reading_timer()

    def _wait_or_not(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(HEADERS_S, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_later(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._read_timer = self.loop.call_later(READ_S, self._look, unread)

    def _look(self, before: int) -> None:
        if before - self.transport.get_write_buffer_size() < LEAST_READ:
            self.transport.abort()  # closing it would wait for the client
        else:
            self._look_later()

    def _stop_reading_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None
