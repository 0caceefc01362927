"""Our edges of uvicorn's HTTP protocol: limits, errors in our words, one idle timer, and the way to the hot route.

The attributes used (`app`, `cycle`, `flow`, `parser`, `pipeline`, `transport`, ... and the parser's callbacks) are
uvicorn's own spelling and hold for the version that constraints.txt pins; the tests of this file and of the hot route
fail when one of them goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from viral_engine.web.errors import ApiError, unavailable
from viral_engine.web.flow import Flow
from viral_engine.web.headers import refuse_ambiguous
from viral_engine.web.hot_check import CHECK_URL, HotCheck, HotRoute
from viral_engine.web.refusing import refusing

FRAMING_BYTES_MAX = 65_536
"""Of one request without its body: request line, headers, chunk sizes, trailers. httptools itself has no limit."""

SLICE_BYTES = 2_048
"""Parsed at once: by so much the limit above may be passed, and so much bounds the requests that wait in a queue."""

HEAD_TIMEOUT_S = 20.0
"""From a head's first byte to its last: a client that trickles must not hold a connection."""

_HEAD_END = b"\r\n\r\n"

UNREAD_TIMEOUT_S = 30.0
"""How long a client may leave its answers unread once the buffers are full."""


class Protocol(HttpToolsProtocol):
    """One connection.

    A connection beyond `connections_max` is answered 503 and closed; the others do not suffer for it. A request that
    can't be understood is refused after the ones before it were answered. While a request waits for the one before it,
    nothing more is parsed or read.
    """

    connections_max = 20_000
    hot_route: HotRoute | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own is
        """Begins a connection; one that never says a word ends like one that fell silent."""
        super().connection_made(transport)
        self.flow: Flow = Flow(transport)
        self._unread = b""
        self._framing_bytes = 0
        self._in_head = False
        self._is_between_messages = True
        self._asks_for_upgrade = False
        self._is_half_closed = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._running: RequestResponseCycle | None = None
        self._opened: HotCheck | None = None
        self._hot_check: HotCheck | None = None
        self._body = b""
        self._refusal: ApiError | None = None
        if len(self.connections) > self.connections_max:
            self.app = refusing(unavailable("too many connections are open"))
            self.hot_route = None
        self._begin_idling()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends a connection."""
        self._unread = b""
        for timer in (self._head_timer, self._write_timer, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()
        running = self._running
        if running is not None and not running.response_complete:
            # uvicorn tells the request that was parsed last; this one may wait for room to write its answer.
            running.disconnected = True
            running.message_event.set()
        super().connection_lost(exc)

    def close(self) -> None:
        """Closes once what was written is sent; a client that does not take it is left after a while."""
        self.transport.close()
        if self._write_timer is None:
            self._let_it_read(self.transport.get_write_buffer_size())

    # Reading.

    def data_received(self, data: bytes) -> None:
        """Parses what came, as far as nobody has to wait."""
        if self._refusal is not None:
            return
        if self._unread or self.pipeline or len(data) > SLICE_BYTES:
            self._unread += data
            self._parse_unread()
        elif (
            self._is_between_messages and self.hot_route is not None and not self.is_busy and not self.flow.write_paused
        ):
            self._begin_hot(data, self.hot_route)
        else:
            self._parse(data)

    def _begin_hot(self, data: bytes, route: HotRoute) -> None:
        """Takes a request whose head is, byte for byte, one that was parsed before; a client's seldom differ."""
        head, end, body = data.partition(_HEAD_END)
        known = route.begin_known(self, head, len(body))
        if known is not None:
            self._hot_check = self.cycle = known  # type: ignore[assignment]  # a HotCheck is what uvicorn needs of a cycle here
            known.run(body)
            return
        before = self._hot_check
        self._parse(data)
        if end and self._hot_check is not before and self._is_between_messages and self._body == body:
            route.learn(head, self.headers)

    def _parse_unread(self) -> None:
        if self.transport.is_closing():
            self._unread = b""
            return
        at, unread = 0, self._unread
        while at < len(unread) and not self.pipeline and self._refusal is None and not self.transport.is_closing():
            self._parse(unread[at : at + SLICE_BYTES])
            at += SLICE_BYTES
        self._unread = unread[at:]
        self.flow.hold(is_held=bool(self._unread))

    def _parse(self, piece: bytes) -> None:
        self._framing_bytes += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(piece[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            self._opened = None
            ours = error.__context__
            unreadable = ApiError(400, "malformed_request", "this is not a valid HTTP request")
            self._refuse(ours if isinstance(ours, ApiError) else unreadable)
            return
        if self._opened is not None:
            # The body comes in pieces, and maybe late: the long way knows how to wait.
            self._take_the_long_way()
        if self._framing_bytes > FRAMING_BYTES_MAX:
            what = "request line, headers, chunk sizes and trailers"
            self._refuse(ApiError(431, "headers_too_large", f"{what} may have {FRAMING_BYTES_MAX} bytes at most"))
        elif self._in_head and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._head_overdue)

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Parses the same request as if it had not asked for another protocol (RFC 9110, 7.8: that may be ignored).

        The parser has left the body and all that follows to the other protocol.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(ApiError(405, "method_not_allowed", "this is no proxy"))
            return
        lines = [b"%b %b HTTP/%b" % (method, self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            if name == b"connection":
                options = [option for option in value.split(b",") if option.strip().lower() != b"upgrade"]
                lines.append(b"connection: " + b",".join(options))
            elif name != b"upgrade":
                lines.append(name + b": " + value)
        self.parser = httptools.HttpRequestParser(self)
        self._parse(b"\r\n".join([*lines, b"", rest]))

    # Parser callbacks.

    def on_message_begin(self) -> None:
        """A head begins; what ASGI needs of it is made when it takes the long way."""
        self._in_head = True
        self._is_between_messages = False
        self._asks_for_upgrade = False
        self._framing_bytes = 0
        self._idle_since_s = self.loop.time()
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        if self.parser.should_upgrade():
            self._asks_for_upgrade = True
            return
        if (
            self.url == CHECK_URL
            and self.hot_route is not None
            and self.parser.should_keep_alive()
            and not self.is_busy
            and not self.flow.write_paused
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
        ):
            self._body = b""
            self._opened = self.hot_route.begin(self, self.headers)
        if self._opened is None:
            refuse_ambiguous(self.headers, self.parser.get_http_version())
            self._begin_long_way()

    def on_body(self, body: bytes) -> None:
        """Takes a piece of a body."""
        self._framing_bytes -= len(body)
        if self._opened is None:
            super().on_body(body)
        elif self._body:
            self._body += body
        else:
            self._body = body

    def on_message_complete(self) -> None:
        """A request is whole."""
        if self._asks_for_upgrade:
            return
        self._is_between_messages = True
        opened = self._opened
        if opened is None:
            super().on_message_complete()
            if not self.parser.should_keep_alive():
                # Said by a header, which is known, or by a trailer, which is not; the parser hears nothing more.
                self._leave()
            return
        self._opened = None
        self._hot_check = self.cycle = opened  # type: ignore[assignment]  # a HotCheck is what uvicorn needs of a cycle here
        opened.run(self._body)

    # The life of a request.

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's closes at once
        """Answers what came whole before the client said that it sends no more."""
        self._is_half_closed = True
        return (self.is_busy and not self.cycle.more_body) or bool(self._unread)

    def _leave(self) -> None:
        """Closes after the answer under way, now when it was given."""
        self.cycle.keep_alive = False
        if self.cycle.response_complete:
            self.close()

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
        elif self._is_half_closed and not self._unread:
            self.close()
        else:
            self._begin_idling()
        if self._unread:
            self.loop.call_soon(self._parse_unread)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def follow(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs what a hot check has left to do, as one of the server's tasks."""
        task = self.loop.create_task(work)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def make_answer_the_last(self) -> None:
        """Has the answer under way tell `Connection: close`, unless further requests wait behind it already."""
        if self.is_busy and not self.pipeline and not self._unread:
            self.cycle.keep_alive = False

    def give_up(self) -> None:
        """Tells whoever waits for a hot check that the daemon stops; ASGI's tasks are cancelled by the server.

        What waits behind is not begun any more: the first of it is told the same, and that it was the last.
        """
        if self._refusal is None and (self.pipeline or self._unread):
            self.pipeline.clear()
            self._refuse(unavailable("the daemon is stopping"))
        if self._hot_check is not None:
            self._hot_check.cancel()

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
        # The scope has its list; what comes now are trailers, which must not pass for headers (RFC 9110, 6.5.1).
        self.headers = []

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
        """Nothing: what ends idling is a request under way, not a byte."""

    def _look_again_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Closes a connection on which no request was under way, nor began, for the whole keep-alive time."""
        self.timeout_keep_alive_task = None
        if self.transport.is_closing() or self.is_busy:
            return
        left_s = self._idle_since_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._look_again_after(left_s)
        else:
            self.close()

    def pause_writing(self) -> None:
        """Gives a client that reads nothing some time."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(UNREAD_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Goes on with a client that reads again."""
        super().resume_writing()
        if self._write_timer is not None and not self.transport.is_closing():
            self._write_timer.cancel()
            self._write_timer = None

    def _let_it_read(self, left_bytes: int) -> None:
        self._write_timer = self.loop.call_later(UNREAD_TIMEOUT_S, self._look_at_leftovers, left_bytes)

    def _look_at_leftovers(self, before_bytes: int) -> None:
        """Ends a connection that is closed and of which the client took nothing meanwhile."""
        left_bytes = self.transport.get_write_buffer_size()
        if 0 < left_bytes < before_bytes:
            self._let_it_read(left_bytes)
        else:
            self.transport.abort()

    # Refusing.

    def _head_overdue(self) -> None:
        self._head_timer = None
        if self._in_head and not self.transport.is_closing():
            self._refuse(ApiError(408, "request_timeout", "the headers did not arrive in time"))

    def _refuse(self, error: ApiError) -> None:
        """Refuses what came last, once everything before it is answered, and hears nothing more."""
        self._refusal = error
        self._unread = b""
        self.flow.hold(is_held=True)
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
        self.close()
