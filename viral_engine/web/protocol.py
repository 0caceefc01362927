"""Our edges of uvicorn's HTTP protocol: a limit for connections, for heads, and errors in our words.

The attributes used (`app`, `connections`, `cycle`, `transport`, `send_400_response`) are uvicorn's own spelling and
hold for the version that constraints.txt pins; the tests of this file fail when one of them goes.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from viral_engine.web.errors import ApiError, unavailable

HEAD_BYTES_MAX = 65_536
"""Of request line and headers together; httptools itself has no limit."""

HEAD_TIMEOUT_S = 20.0
"""From a head's first byte to its last: a client that trickles must not hold a connection."""


class Protocol(HttpToolsProtocol):
    """One connection.

    A connection beyond `connections_max` is answered 503 and closed; the others do not suffer for it.
    """

    connections_max = 20_000

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own is
        """Begins a connection; one that never says a word ends like one that fell silent."""
        super().connection_made(transport)
        self._head_bytes = 0
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        if len(self.connections) > self.connections_max:
            self.app = refuse_connection
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def make_answer_the_last(self) -> None:
        """Has the answer under way tell `Connection: close`, unless further requests wait behind it already."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete and not self.pipeline:
            cycle.keep_alive = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends a connection."""
        self._head_complete()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses what came, and counts what came of a head."""
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(ApiError(431, "headers_too_large", f"headers may have {HEAD_BYTES_MAX} bytes at most"))
        elif self._head_timer is None and self._head_bytes:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._head_overdue)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._in_head = False
        if self._head_timer is not None:
            self._head_complete()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP in our form of errors."""
        self._refuse(ApiError(400, "malformed_request", "this is not a valid HTTP request"))

    def _head_complete(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_overdue(self) -> None:
        self._head_timer = None
        if self._in_head and not self.transport.is_closing():
            self._refuse(ApiError(408, "request_timeout", "the headers did not arrive in time"))

    def _refuse(self, error: ApiError) -> None:
        body = error.body()
        phrase = HTTPStatus(error.status).phrase
        head = f"HTTP/1.1 {error.status} {phrase}\r\ncontent-type: application/json\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        self.transport.close()


async def refuse_connection(_scope: Any, _receive: Any, send: Any) -> None:
    """Answers a request on a connection beyond the limit."""
    error = unavailable("too many connections are open")
    body = error.body()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        *error.headers,
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
