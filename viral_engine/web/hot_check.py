"""The check without ASGI: from the parser's last byte to the actor's mailbox and back in plain calls.

What ASGI needs for a request (a scope, a task, an event, two messages out) costs as much as deciding it. So an ordinary
check on a free connection goes from `Protocol` straight to trust_safety, which answers it by `HotCheck.set`. Everything
out of the ordinary takes the long way through `CheckEndpoint`: a key that must be proved first or holds conditions, an
`Idempotency-Key`, a body in pieces, a query (which is refused there), HTTP/1.0. A client's heads are all the same but
for the length: one that was taken is remembered and not parsed again. Both ways give the same answers
(`tests/web/test_hot_check.py`).
"""

from __future__ import annotations

from asyncio import CancelledError
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from viral_engine.web.check import CHECK_PATH
from viral_engine.web.context import TRUST_SAFETY

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from viral_engine.messages.checks import CheckAction
    from viral_engine.web.auth import Grant
    from viral_engine.web.check import Checker
    from viral_engine.web.idempotency import Answered
    from viral_engine.web.protocol import Protocol
    from viral_engine.web.state import WebState

CHECK_URL = CHECK_PATH.encode()
KNOWN_HEADS_MAX = 2_000
"""Heads remembered, 2 KiB at most each; when full all are forgotten, and parsed again as they come."""

_LENGTH_DIGITS_MAX = 6
_UNUSUAL = frozenset({b"expect", b"idempotency-key", b"transfer-encoding", b"upgrade"})
_OK = 200


class HotRoute:
    """What all checks of one server share.

    Attributes:
        taken: how many requests came this way.
    """

    def __init__(self, state: WebState, checker: Checker) -> None:
        self.checker = checker
        self.system = state.context.system
        self.traffic = state.traffic
        self.now_s = state.context.system.clock.monotonic_s
        self.timeout_s = state.context.settings.web.call_timeout_s
        self.taken = 0
        self._proved = state.keys.proved
        self._bytes_max = state.context.settings.web.body_bytes_max
        self._server_headers: list[tuple[bytes, bytes]] | None = None
        self._heads: dict[int, bytes] = {}
        self._known: dict[bytes, tuple[bytes, int]] = {}

    def begin(self, protocol: Protocol, headers: list[tuple[bytes, bytes]]) -> HotCheck | None:
        """Returns the request whose head has come; None when it must take the long way."""
        found = dict(headers)
        length = found.get(b"content-length", b"")
        grant = self._proved.get(found.get(b"authorization", b""))
        if (
            grant is None
            or not grant.is_hot
            # A header that stands twice is looked at closely.
            or len(found) != len(headers)
            or b"host" not in found
            or not _UNUSUAL.isdisjoint(found)
            or found.get(b"connection", b"keep-alive").lower() != b"keep-alive"
            or not length.isdigit()
            or len(length) > _LENGTH_DIGITS_MAX
            or not 0 < int(length) <= self._bytes_max
        ):
            return None
        self.taken += 1
        return HotCheck(self, protocol, grant, self.traffic.request_id(found.get(b"x-request-id")), self.now_s())

    @property
    def known_heads(self) -> int:
        """How many are remembered."""
        return len(self._known)

    def learn(self, head: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        """Remembers a head that `begin` took, down to its last byte, unless the next one will differ anyway."""
        found = dict(headers)
        if b"x-request-id" in found:
            return
        if len(self._known) >= KNOWN_HEADS_MAX:
            self._known.clear()
        self._known[head] = found[b"authorization"], int(found[b"content-length"])

    def begin_known(self, protocol: Protocol, head: bytes, length: int) -> HotCheck | None:
        """Returns the request of a head that was learnt; None for any other one, or while its body is not whole."""
        known = self._known.get(head)
        if known is None or known[1] != length:
            return None
        grant = self._proved.get(known[0])
        if grant is None or not grant.is_hot:
            return None
        self.taken += 1
        return HotCheck(self, protocol, grant, self.traffic.request_id(None), self.now_s())

    def head_of(self, status: int, server_headers: list[tuple[bytes, bytes]]) -> bytes:
        """Returns an answer's head up to the value of its length; uvicorn's headers change once a second."""
        if server_headers is not self._server_headers:
            self._server_headers = server_headers
            self._heads.clear()
        head = self._heads.get(status)
        if head is None:
            lines = [b"%b: %b\r\n" % header for header in server_headers]
            lines += (b"content-type: application/json\r\n", b"content-length: ")
            head = self._heads[status] = STATUS_LINE[status] + b"".join(lines)
        return head


class _NobodyWaits:
    """Stands where uvicorn keeps the event on which an ASGI application waits."""

    @staticmethod
    def set() -> None:
        """Wakes nobody."""


class HotCheck:
    """One check: for uvicorn a request under way, for the actors whoever waits for the answer.

    Attributes:
        keep_alive: whether the connection outlives the answer.
        response_complete: whether the answer was given to the transport, or cannot be any more.
        disconnected: whether the client is gone.
        message_event: for uvicorn, which wakes whoever waits for the body.
        more_body: whether some of the body is still to come: never, the long way takes those.
        deadline_s: when waiting ends, on the clock's monotonic seconds.
    """

    __slots__ = (
        "_action", "_grant", "_is_settled", "_protocol", "_received_s", "_request_id", "_route", "deadline_s",
        "disconnected", "keep_alive", "response_complete",
    )  # fmt: skip
    message_event = _NobodyWaits
    more_body = False

    def __init__(self, route: HotRoute, protocol: Protocol, grant: Grant, request_id: bytes, received_s: float) -> None:
        self._route = route
        self._protocol = protocol
        self._grant = grant
        self._request_id = request_id
        self._received_s = received_s
        self._action: CheckAction | None = None
        self._is_settled = False
        self.deadline_s = received_s + route.timeout_s
        self.keep_alive = True
        self.response_complete = False
        self.disconnected = False

    def run(self, body: bytes) -> None:
        """Asks trust_safety; the answer comes to `set` or `set_exception`."""
        route = self._route
        try:
            action = self._action = route.checker.action_of(body, self._grant, self._received_s)
            if action.content is not None:
                # Somebody has to look at it first.
                self._is_settled = True
                self._protocol.follow(self._go_on(route.checker.decide(action)))
                return
            # One timer for all that wait: one of its own would cost as much as the question.
            route.system.deadlines.add(self)
            route.system.ask(TRUST_SAFETY, action, self, self.deadline_s)
        except Exception as error:  # noqa: BLE001  (the edge: the parser's caller must not see an exception)
            self._is_settled = True
            self._fail(error)

    def set(self, value: Any | None = None) -> None:
        """Writes the decision; from any thread, the first answer counts."""
        if not self._route.system.loop.is_current:
            self._route.system.loop.post(self.set, value)
        elif not self._is_settled:
            self._is_settled = True
            self._route.system.deadlines.waiting.discard(self)
            assert value is not None
            self._write(_OK, value.answer)

    def set_exception(self, exc_info: Any = None) -> None:
        """Has the next incarnation asked, or the outage policy answer; from any thread, the first answer counts."""
        error: Any = exc_info if isinstance(exc_info, BaseException) else exc_info[1]
        if not self._route.system.loop.is_current:
            self._route.system.loop.post(self.set_exception, error)
        elif not self._is_settled:
            self._is_settled = True
            self._route.system.deadlines.waiting.discard(self)
            assert self._action is not None
            self._protocol.follow(self._go_on(self._route.checker.decide_after(error, self._action, self.deadline_s)))

    def expire(self) -> None:
        """Stops waiting."""
        self.set_exception(self._route.checker.too_late())

    def cancel(self) -> None:
        """Tells the caller that the daemon stops."""
        if not self._is_settled:
            self._is_settled = True
            self._route.system.deadlines.waiting.discard(self)
            self._fail(CancelledError())

    async def _go_on(self, asked: Awaitable[Answered]) -> None:
        try:
            answered = await asked
        except (Exception, CancelledError) as failure:  # noqa: BLE001  (the edge: it becomes an answer)
            self._fail(failure)
        else:
            self._write(answered.status, answered.body)

    def _fail(self, error: BaseException) -> None:
        failure = self._route.traffic.told(CHECK_PATH, self._request_id, error)
        self._write(failure.status, failure.body(), failure.headers, failure.code)

    def _write(
        self, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = (), code: str | None = None
    ) -> None:
        route, protocol = self._route, self._protocol
        self.response_complete = True
        transport = protocol.transport
        if not self.disconnected and not transport.is_closing():
            more = b"".join([b"%b: %b\r\n" % header for header in headers]) if headers else b""
            transport.write(
                b"%b%d\r\nx-request-id: %b\r\n%b%b\r\n%b"
                % (
                    route.head_of(status, protocol.server_state.default_headers),
                    len(body),
                    self._request_id,
                    more,
                    b"" if self.keep_alive else b"connection: close\r\n",
                    body,
                )
            )
            if not self.keep_alive:
                protocol.close()
            protocol.on_response_complete()
        route.traffic.note(CHECK_PATH, "POST", status, route.now_s() - self._received_s, self._request_id, code)
