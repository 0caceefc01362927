"""`POST /v1/actions/check`, and its endpoint: raw ASGI, as every layer around it would cost a tenth of its speed."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from msgspec import structs

from viral_engine.messages.checks import CheckAction, CheckRequest, Decided
from viral_engine.messages.content import Content, LookAt
from viral_engine.messages.once import Claim
from viral_engine.messages.refusals import Refused
from viral_engine.runtime.errors import CallError, CallTimeout, DeadLetter
from viral_engine.web.actions import OCCURRED_AHEAD_MAX_MS, REHEARSED_AHEAD_MAX_MS, to_action
from viral_engine.web.ask import ask, ask_again
from viral_engine.web.auth import Grant, KeyRing
from viral_engine.web.body import Receive, read_body
from viral_engine.web.client import client_address
from viral_engine.web.context import CONTENT, TRUST_SAFETY
from viral_engine.web.decode import BodyDecoder
from viral_engine.web.endpoint import query_parameters
from viral_engine.web.errors import ClientGone, insufficient_scope
from viral_engine.web.headers import the_only
from viral_engine.web.idempotency import Answered
from viral_engine.web.outage import OUTAGES
from viral_engine.web.state import WebState

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CHECK_PATH = "/v1/actions/check"
LOOK_TIMEOUT_S = 2.0
"""How long a check waits for its content to be looked at; a line takes milliseconds, 4 KiB some 30."""

_SCOPES = ("check",)
_JSON = (b"content-type", b"application/json")


class Checker:
    """One check from its body to its answer; the bulk route uses it for each of its items."""

    def __init__(self, state: WebState) -> None:
        self._system = state.context.system
        self._timeout_s = state.context.settings.web.call_timeout_s
        self._outage = state.outage
        self._decode = BodyDecoder(CheckRequest).decode

    def action_of(self, body: bytes, grant: Grant, received_s: float) -> CheckAction:
        """Returns the canonical check in a JSON text.

        Raises:
            ApiError: 400, 403 or 422.
            Invalid: a field that cannot be accepted.
        """
        request = self._decode(body)
        if request.occurred_at is None:
            return to_action(request, api_key_id=grant.key_id, received_s=received_s)
        if "backfill" not in grant.scopes:
            raise insufficient_scope(("backfill",), field="occurred_at")
        ahead_max_ms = REHEARSED_AHEAD_MAX_MS if "operate" in grant.scopes else OCCURRED_AHEAD_MAX_MS
        return to_action(request, api_key_id=grant.key_id, received_s=received_s, ahead_max_ms=ahead_max_ms)

    async def decide(self, action: CheckAction) -> Answered:
        """Returns the answer, not final when it is that of an outage policy.

        Raises:
            Exception: everything that `as_api_error` knows.
        """
        if action.content is not None:
            action = structs.replace(action, content=await self._seen(action.content, action.user_id))
        return await self._decided(action, ask(self._system, TRUST_SAFETY, action, self._timeout_s))

    async def decide_after(self, error: Exception, action: CheckAction, deadline_s: float) -> Answered:
        """Returns the answer to a check that trust_safety was asked once and failed to decide.

        Raises:
            Exception: everything that `as_api_error` knows.
        """
        return await self._decided(
            action, ask_again(self._system, TRUST_SAFETY, action, deadline_s, self._timeout_s, error)
        )

    async def _seen(self, content: Content, user_id: str) -> Content:
        """Has the text looked at, which is dropped here; unseen when that fails: the policy knows what then."""
        if content.text is None:
            return content
        try:
            seen: Content = await ask(self._system, CONTENT, LookAt(content.text, user_id), LOOK_TIMEOUT_S)
        except (CallError, Refused):
            return Content()
        return seen

    def too_late(self) -> CallTimeout:
        """Returns what a check fails with that nobody answered in time."""
        return CallTimeout(TRUST_SAFETY, self._timeout_s)

    async def _decided(self, action: CheckAction, asked: Awaitable[Decided]) -> Answered:
        try:
            decided = await asked
        except DeadLetter:
            # No part is away: an outage policy would let through what nobody could look at.
            raise
        except OUTAGES as error:
            return Answered(200, await self._outage.answer(action, error), is_final=False)
        return Answered(200, decided.answer)


class CheckEndpoint:
    """The route's ASGI application."""

    def __init__(self, state: WebState, checker: Checker) -> None:
        self._checker = checker
        self._keys = state.keys
        self._proved = state.keys.proved
        self._once = state.once
        self._traffic = state.traffic
        self._trusted_proxies = state.trusted_proxies
        self._bytes_max = state.context.settings.web.body_bytes_max
        self._now_s = state.context.system.clock.monotonic_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; nothing it meets leaves it as an exception."""
        received_s = self._now_s()
        sent = dict(scope["headers"])
        code = None
        request_id = self._traffic.request_id(sent.get(b"x-request-id"))
        headers: tuple[tuple[bytes, bytes], ...] = ()
        try:
            authorization = the_only(scope["headers"], b"authorization") or b""
            key = the_only(scope["headers"], b"idempotency-key")
            grant = self._proved.get(authorization)
            if grant is None or grant.is_conditional:
                grant = await self._authenticate(scope, authorization)
            if "check" not in grant.scopes:
                raise insufficient_scope(_SCOPES)  # noqa: TRY301  (a call more in every check)
            if grant.is_conditional:
                self._keys.count(grant)
            body = await read_body(receive, sent.get(b"content-length"), self._bytes_max)
            if scope["query_string"]:
                # Whoever sends one takes it to change the answer: there is none that does.
                query_parameters(scope["query_string"], ())
            if key is None:
                answered = await self._checker.decide(self._checker.action_of(body, grant, received_s))
            else:
                answered = await self._answer_once(body, grant, key, received_s)
            status, answer, headers, *_ = answered
        except ClientGone:
            return
        except (Exception, CancelledError) as error:  # noqa: BLE001  (the edge: every exception becomes an answer here)
            failure = self._traffic.told(CHECK_PATH, request_id, error)
            status, answer, headers, code = failure.status, failure.body(), failure.headers, failure.code
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    _JSON,
                    (b"content-length", b"%d" % len(answer)),
                    (b"x-request-id", request_id),
                    *headers,
                ],
            }
        )
        await send({"type": "http.response.body", "body": answer})
        self._traffic.note(CHECK_PATH, "POST", status, self._now_s() - received_s, request_id, code)

    async def _authenticate(self, scope: Scope, authorization: bytes) -> Grant:
        grant = await self._keys.authenticate(authorization)
        if grant.networks:
            peer = scope["client"][0] if scope["client"] else None
            KeyRing.check_network(grant, client_address(peer, scope["headers"], self._trusted_proxies))
        return grant

    async def _answer_once(self, body: bytes, grant: Grant, key: bytes, received_s: float) -> Answered:
        # What is wrong with the request is told before a key is claimed for it.
        action = self._checker.action_of(body, grant, received_s)

        async def work(claim: Claim | None) -> Answered:
            answered = await self._checker.decide(structs.replace(action, idempotency=claim))
            return answered._replace(is_kept=claim is not None)

        return await self._once.answer((grant.key_id, CHECK_PATH, key), body, work, decides=True)
