"""What a route is, and what every one must declare before anything is served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from viral_engine.domain.consent import DataClass
from viral_engine.messages.journal import Statement
from viral_engine.messages.keys import Scope
from viral_engine.messages.once import Claim, Once
from viral_engine.runtime.system import System
from viral_engine.store.idempotency import keep_answer
from viral_engine.web.ask import ask
from viral_engine.web.auth import Grant
from viral_engine.web.context import JOURNAL, READER, REDACTION, TRUST_SAFETY
from viral_engine.web.idempotency import Answered
from viral_engine.web.state import WebState

Method = Literal["GET", "PUT", "POST", "DELETE"]

NOBODY: tuple[Scope, ...] = ()
"""Declared by a route that needs no key."""

NOTHING: tuple[DataClass, ...] = ()
"""Declared by a route that touches no personal data."""

NO_BODY = 0
_SERVER_ERROR = 500

REDACTION_TIMEOUT_S = 30.0
"""The longest a request waits for its redaction: a large text takes seconds, and may wait behind others."""


class UndeclaredRoute(Exception):
    """A route that does not say what it touches, who may ask it, or how large its body may be: nothing is served."""

    def __init__(self, name: str, lacks: str) -> None:
        super().__init__(f"the route {name} does not declare {lacks}")
        self.name = name
        self.lacks = lacks


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter; `schema` is its JSON Schema."""

    name: str
    about: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler returns.

    Attributes:
        value: encoded as JSON unless it is bytes; None for an empty body.
        media_type: of bytes.
        is_final: False when a repeat under the same Idempotency-Key should do the work again.
        is_kept: whether it is kept under its Idempotency-Key already.
    """

    status: int
    value: Any = None
    media_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    is_final: bool = True
    is_kept: bool = False

    def encoded(self) -> Answered:
        """Returns what is sent."""
        value = self.value
        body = b"" if value is None else value if isinstance(value, bytes) else msgspec.json.encode(value)
        is_final = self.is_final and self.status < _SERVER_ERROR
        return Answered(self.status, body, self.headers, is_final, self.is_kept)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read and allowed.

    Attributes:
        state: of the HTTP side.
        grant: what the key allows; None on a route without one.
        path: decoded parts of the path by name.
        query: decoded query parameters; only declared ones get here.
        body: of the route's body type, or bytes where it has none.
        claim: under which the answer is kept, of a request with an Idempotency-Key.
    """

    state: WebState
    grant: Grant | None
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    request_id: str
    claim: Claim | None = None

    @property
    def author(self) -> str:
        """Who is named in audit rows."""
        assert self.grant is not None
        return f"key:{self.grant.key_id}"

    def may(self, scope: Scope) -> bool:
        """Whether the key has a scope, beyond the one that the route asks for."""
        assert self.grant is not None
        return scope in self.grant.scopes

    @property
    def _system(self) -> System:
        return self.state.context.system

    async def trust_safety(self, message: Any) -> Any:
        """Asks trust_safety."""
        return await ask(self._system, TRUST_SAFETY, message, self.state.context.settings.web.call_timeout_s)

    async def change(self, message: Any, made: Callable[[Any], Answer]) -> Answer:
        """Asks trust_safety for a change; under an Idempotency-Key its answer is kept in the same transaction.

        Args:
            message: the change.
            made: makes the answer of what trust_safety says.
        """
        if self.claim is None:
            return made(await self.trust_safety(message))
        once = Once(message, lambda said: (self.kept(made(said)),))
        return replace(made(await self.trust_safety(once)), is_kept=True)

    def kept(self, answer: Answer) -> Statement:
        """Returns what keeps an answer under the request's claim."""
        assert self.claim is not None
        encoded = answer.encoded()
        return keep_answer(self.claim, encoded.status, encoded.body)

    async def read(self, message: Any) -> Any:
        """Asks the reader."""
        return await ask(self._system, READER, message, self.state.context.settings.web.call_timeout_s)

    async def commit(self, message: Any) -> Any:
        """Asks the journal."""
        return await ask(self._system, JOURNAL, message, self.state.context.settings.web.call_timeout_s)

    async def redact(self, message: Any) -> Any:
        """Asks for a redaction."""
        return await ask(self._system, REDACTION, message, REDACTION_TIMEOUT_S)


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of the route table.

    Attributes:
        name: for logs, counts and errors.
        handler: does the work; None for the check, whose endpoint is an ASGI application of its own.
        touches: classes of personal data that the route reads or writes.
        scopes: one of these the key must have.
        body_bytes_max: larger bodies are refused with 413.
        body_type: what the body is decoded into.
        described_body: for a handler that decodes its body itself: what the description says it is.
        answers: statuses with the type of their JSON, a tuple of types, or None for an empty body.
        once: whether an Idempotency-Key is taken.
    """

    name: str
    method: Method
    path: str
    summary: str
    handler: Handler | None = None
    touches: tuple[DataClass, ...] | None = None
    scopes: tuple[Scope, ...] | None = None
    body_bytes_max: int | None = None
    body_type: Any = None
    described_body: Any = None
    query: tuple[Parameter, ...] = ()
    answers: Mapping[int, Any]
    media_type: str = "application/json"
    once: bool = False


def check_declared(routes: Iterable[Route]) -> None:
    """Refuses a table with a route that leaves out what it must declare.

    Raises:
        UndeclaredRoute: names the route and what it lacks.
    """
    for route in routes:
        for lacks, declared in (
            ("what data it touches", route.touches),
            ("which scope it needs", route.scopes),
            ("how large its body may be", route.body_bytes_max),
        ):
            if declared is None:
                raise UndeclaredRoute(route.name, lacks)
