"""Every route but the check: key, scope, body, handler, answer, in one place and in this order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from viral_engine.messages.once import Claim
from viral_engine.web.auth import Grant, KeyRing
from viral_engine.web.body import Receive, read_body
from viral_engine.web.client import client_address
from viral_engine.web.decode import BodyDecoder
from viral_engine.web.errors import (
    ApiError,
    ClientGone,
    insufficient_scope,
    invalid,
)
from viral_engine.web.headers import the_only
from viral_engine.web.idempotency import Answered
from viral_engine.web.routes import Call, Parameter, Route
from viral_engine.web.state import WebState

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

QUERY_FIELDS_MAX = 20


class Endpoint:
    """The ASGI application of one route."""

    def __init__(self, state: WebState, route: Route) -> None:
        assert route.body_bytes_max is not None
        self._state = state
        self._route = route
        self._bytes_max = route.body_bytes_max
        self._decode = None if route.body_type is None else BodyDecoder(route.body_type).decode

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request; nothing it meets leaves it as an exception."""
        begun_s = time.monotonic()
        headers = dict(scope["headers"])
        traffic = self._state.traffic
        request_id = traffic.request_id(headers.get(b"x-request-id"))
        code = None
        try:
            answered, media_type = await self._answer(scope, headers, receive, request_id)
        except ClientGone:
            return
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (the edge: each becomes an answer here)
            answered, media_type, code = _of_error(traffic.told(self._route.name, request_id, error))
        await send_answer(send, answered, media_type, request_id)
        seconds = time.monotonic() - begun_s
        traffic.note(self._route.name, scope["method"], answered.status, seconds, request_id, code)

    async def _answer(
        self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes], receive: Receive, request_id: bytes
    ) -> tuple[Answered, str]:
        route = self._route
        assert route.handler is not None
        handler = route.handler
        grant = await self._authorize(scope) if route.scopes else None
        raw = await read_body(receive, headers.get(b"content-length"), self._bytes_max) if self._bytes_max else b""
        call = Call(
            self._state,
            grant,
            path_parameters(scope["path_params"]),
            query_parameters(scope["query_string"], route.query),
            raw if self._decode is None else self._decode(raw),
            request_id.decode(),
        )
        key = the_only(scope["headers"], b"idempotency-key")
        if key is None or not route.once or grant is None:
            if key is not None and route.method == "POST":
                raise invalid("Idempotency-Key", "this route does not take an Idempotency-Key")
            answer = await handler(call)
            return answer.encoded(), answer.media_type

        async def work(claim: Claim | None) -> Answered:
            return (await handler(replace(call, claim=claim))).encoded()

        # The path is part of the question: the same body for another user is another request.
        asked = (grant.key_id, f"{route.method} {scope['path']}?{scope['query_string'].decode('latin-1')}", key)
        return await self._state.once.answer(asked, raw, work, decides=False), "application/json"

    async def _authorize(self, scope: Mapping[str, Any]) -> Grant:
        grant = await self._state.keys.authenticate(the_only(scope["headers"], b"authorization") or b"")
        if grant.networks:
            peer = scope["client"][0] if scope["client"] else None
            KeyRing.check_network(grant, client_address(peer, scope["headers"], self._state.trusted_proxies))
        assert self._route.scopes is not None
        if not any(scope_name in grant.scopes for scope_name in self._route.scopes):
            raise insufficient_scope(self._route.scopes)
        self._state.keys.count(grant)
        return grant


def path_parameters(encoded: Mapping[str, str]) -> dict[str, str]:
    """Returns the parts of a path, percent-decoded only after the path was cut: an id may hold a slash.

    Raises:
        ApiError: 422 for what is no UTF-8.
    """
    try:
        return {name: unquote_to_bytes(part).decode() for name, part in encoded.items()}
    except UnicodeDecodeError:
        raise invalid(next(iter(encoded)), "the path is not valid UTF-8") from None


def query_parameters(encoded: bytes, declared: Iterable[Parameter]) -> dict[str, str]:
    """Returns the query parameters that a route declares.

    Raises:
        ApiError: 422 for an unknown or repeated one, and for what is no UTF-8.
    """
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=QUERY_FIELDS_MAX
        )
    except (ValueError, UnicodeError):
        raise invalid(None, "the query string can't be read") from None
    known = {parameter.name for parameter in declared}
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise invalid(name[:64], "this query parameter is not known here")
        if name in found:
            raise invalid(name, f"{name} stands twice")
        found[name] = value
    return found


async def send_answer(send: Send, answered: Answered, media_type: str, request_id: bytes) -> None:
    """Sends a whole answer."""
    headers = [(b"x-request-id", request_id), *answered.headers]
    if answered.body or answered.status != 204:  # noqa: PLR2004 - No Content
        headers += [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(answered.body))]
    await send({"type": "http.response.start", "status": answered.status, "headers": headers})
    await send({"type": "http.response.body", "body": answered.body})


def _of_error(error: ApiError) -> tuple[Answered, str, str]:
    return Answered(error.status, error.body(), error.headers), "application/json", error.code
