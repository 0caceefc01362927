"""Our edges of uvicorn's HTTP protocol: limits, errors in our words, one idle timer, and the way to the hot route.

The attributes used (`app`, `connections`, `cycle`, `pipeline`, `transport`, `send_400_response` and the parser's
callbacks) are uvicorn's own spelling and hold for the version that constraints.txt pins; the tests of this file and
of the hot route fail when one of them goes.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from viral_engine.web.errors import ApiError, unavailable
from viral_engine.web.hot_check import CHECK_URL, HotCheck, HotRoute

App = Callable[[Any, Any, Any], Awaitable[None]]

HEAD_BYTES_MAX = 65_536
"""Of request line and headers together; httptools itself has no limit."""

HEAD_TIMEOUT_S = 20.0
"""From a head's first byte to its last: a client that trickles must not hold a connection."""


class Protocol(HttpToolsProtocol):
    """One connection.

    A connection beyond `connections_max` is answered 503 and closed; the others do not suffer for it. A request that
    can't be understood is refused after the ones before it were answered.
    """

    connections_max = 20_000
    hot_route: HotRoute | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own is
        """Begins a connection; one that never says a word ends like one that fell silent."""
        super().connection_made(transport)
        self._head_bytes = self._received_bytes = 0
        self._in_head = True
        self._in_message = False
        self._heads_begun = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._opened: HotCheck | None = None
        self._body = b""
        self._refusal: ApiError | None = None
        if len(self.connections) > self.connections_max:
            self._refuse_all(unavailable("too many connections are open"))
        self._begin_idling()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends a connection."""
        self._head_complete()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses what came, and counts what came of a head."""
        if self._refusal is not None:
            return
        self._received_bytes = len(data) + (self._head_bytes if self._in_head else 0)
        heads_expected = 0 if self._in_message else 1
        self._heads_begun = 0
        super().data_received(data)
        if self._opened is not None:
            # The body comes in pieces, and maybe late: the long way knows how to wait.
            self._take_the_long_way()
        if not self._in_head or self.transport.is_closing():
            return
        # Unless it is one head's from its first byte to its last, a part of the chunk belongs to requests before it.
        self._head_bytes = self._received_bytes if self._heads_begun == heads_expected else self._parsed_head_bytes()
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(_head_too_large())
        elif self._head_timer is None and self._head_bytes:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._head_overdue)

    # Parser callbacks.

    def on_message_begin(self) -> None:
        """A head begins; what ASGI needs of it is made when it takes the long way."""
        self._in_head = self._in_message = True
        self._heads_begun += 1
        self._head_bytes = 0
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._in_head = False
        if self._head_timer is not None:
            self._head_complete()
        if self._received_bytes > HEAD_BYTES_MAX and self._parsed_head_bytes() > HEAD_BYTES_MAX:
            self._refuse_all(_head_too_large())
        if (
            self.url == CHECK_URL
            and self.hot_route is not None
            and not self.is_busy
            and not self.flow.write_paused
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
        ):
            self._body = b""
            self._opened = self.hot_route.begin(self, self.headers)
        if self._opened is None:
            self._begin_long_way()

    def on_body(self, body: bytes) -> None:
        """Takes a piece of a body."""
        if self._opened is None:
            super().on_body(body)
        elif self._body:
            self._body += body
        else:
            self._body = body

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._in_message = False
        opened = self._opened
        if opened is None:
            super().on_message_complete()
            return
        self._opened = None
        self.cycle = opened  # type: ignore[assignment]  # a HotCheck is what uvicorn needs of a cycle here
        opened.run(self._body)

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP in our form of errors."""
        self._opened = None
        self._refuse(ApiError(400, "malformed_request", "this is not a valid HTTP request"))

    # The life of a request.

    def on_response_complete(self) -> None:
        """Begins the next request that waits, or to idle."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._refusal is not None:
            self._close_with(self._refusal)
        else:
            self._begin_idling()

    def follow(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs what a hot check has left to do, as one of the server's tasks."""
        task = self.loop.create_task(work)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def make_answer_the_last(self) -> None:
        """Has the answer under way tell `Connection: close`, unless further requests wait behind it already."""
        if self.is_busy and not self.pipeline:
            self.cycle.keep_alive = False

    def give_up(self) -> None:
        """Tells whoever waits for a hot check that the daemon stops; ASGI's tasks are cancelled by the server."""
        if self.is_busy and isinstance(self.cycle, HotCheck):
            self.cycle.cancel()

    @property
    def is_busy(self) -> bool:
        """Whether a request of this connection is under way."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _begin_long_way(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        super().on_headers_complete()

    def _take_the_long_way(self) -> None:
        self._opened = None
        self._begin_long_way()
        super().on_body(self._body)

    # Idling: one timer a connection, not one a request.

    def _begin_idling(self) -> None:
        self._idle_since_s = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_again_after(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since_s = math.inf

    def _look_again_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Closes a connection that was idle for the whole keep-alive time."""
        self.timeout_keep_alive_task = None
        if self.transport.is_closing() or self._idle_since_s == math.inf:
            return
        left_s = self._idle_since_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._look_again_after(left_s)
        else:
            self.transport.close()

    # Refusing.

    def _head_complete(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_overdue(self) -> None:
        self._head_timer = None
        if self._in_head and not self.transport.is_closing():
            self._refuse(ApiError(408, "request_timeout", "the headers did not arrive in time"))

    def _refuse_all(self, error: ApiError) -> None:
        """Answers whatever comes on this connection with one error, and closes it."""
        self.app = refusing(error)
        self.hot_route = None

    def _parsed_head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse(self, error: ApiError) -> None:
        """Refuses what came last, once everything before it is answered, and hears nothing more."""
        self._refusal = error
        self.flow.pause_reading()
        waiting = [place for place in self.pipeline if place[0] is self.cycle and self.cycle.more_body]
        for place in waiting:
            # Its body is broken off, so it is never begun; those before it are answered.
            self.pipeline.remove(place)
        if not self.is_busy or (self.cycle.more_body and not waiting):
            self._close_with(error)

    def _close_with(self, error: ApiError) -> None:
        body = error.body()
        phrase = HTTPStatus(error.status).phrase
        head = f"HTTP/1.1 {error.status} {phrase}\r\ncontent-type: application/json\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        self.transport.close()


def refusing(error: ApiError) -> App:
    """Returns an application that answers with one error and closes the connection."""
    body = error.body()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        *error.headers,
    ]

    async def refuse(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return refuse


def _head_too_large() -> ApiError:
    return ApiError(431, "headers_too_large", f"headers may have {HEAD_BYTES_MAX} bytes at most")
