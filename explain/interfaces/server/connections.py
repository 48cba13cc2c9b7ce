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


class TimeLimitedProtocol(H11Protocol):
    """uvicorn's protocol with time limits for headers and for answers. A request's body has one in ``Guard``."""

    _header_timer: asyncio.TimerHandle | None = None
    _read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_AHEAD)
        transport.set_write_buffer_limits(high=0)  # so that writing pauses whenever something is not read
        self._update_header_timer()

    def pause_writing(self) -> None:
        """Begin to wait until the client has read what was sent."""
        super().pause_writing()
        self._start_read_timer()

    def resume_writing(self) -> None:
        """Stop waiting, since all is read."""
        super().resume_writing()
        self._stop_read_timer()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; once its headers are complete, stop waiting."""
        super().data_received(data)
        self._update_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._stop_header_timer()
        self._stop_read_timer()

    def _update_header_timer(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_header_timer()
        elif self._header_timer is None and not self.transport.is_closing():
            self._header_timer = self.loop.call_later(HEADERS_S, self.transport.close)

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _start_read_timer(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._read_timer = self.loop.call_later(READ_S, self._check_reading, unread)

    def _check_reading(self, before: int) -> None:
        if before - self.transport.get_write_buffer_size() < LEAST_READ:
            self.transport.abort()  # closing it would wait for the client
        else:
            self._start_read_timer()

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None
