"""`Idempotency-Key`: the same request twice is done once and answered with the same bytes.

The first request claims the key in the database, does its work and keeps the answer there for a day, in the
transaction that does the work. While it runs, repeats of it in this process wait for its answer in memory; repeats
elsewhere find the claim. A claim without an answer whose request has ended is taken over: its work was not committed,
and can't be any more once the claim has another token.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from viral_engine.messages.journal import Commit, NotCommitted, RowsDiffer, Statement
from viral_engine.messages.once import Claim, ClaimLost
from viral_engine.messages.reading import IdempotentRow, ReadIdempotent
from viral_engine.messages.refusals import OUTCOME_UNKNOWN, Refused
from viral_engine.runtime.errors import CallError
from viral_engine.store import idempotency as statements
from viral_engine.web.ask import ask
from viral_engine.web.context import JOURNAL, READER, WebContext
from viral_engine.web.errors import ApiError, invalid

KEY_LENGTH_MAX = 255
TOKEN_BYTES = 16
POLL_S = 0.1
"""How often a claim of another process is looked at again while its work is under way."""

HEARTBEATS_MISSED = 3
"""After so many a daemon counts as dead, and its claims may be taken."""

_REPLAYED = ((b"idempotency-replayed", b"true"),)


class Answered(NamedTuple):
    """A whole answer.

    Attributes:
        is_final: False for what a repeat should try again: a failure, or a decision that was not recorded.
        is_kept: whether it is kept already, in the transaction that did the work.
    """

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    is_final: bool = True
    is_kept: bool = False


Work = Callable[[Claim | None], Awaitable[Answered]]
"""Does the work; gets the claim under which the answer is to be kept, None when nothing can be kept."""


class _Flight(NamedTuple):
    body_digest: bytes
    answered: asyncio.Future[Answered]


class OnceDesk:
    """Answers each key once.

    The table of requests under way needs no limit of its own: each entry is an open request, and those are limited.
    """

    def __init__(self, context: WebContext) -> None:
        self._system = context.system
        self._boot_id = context.boot_id
        self._timeout_s = context.settings.web.call_timeout_s
        self._silent_s = HEARTBEATS_MISSED * context.settings.jobs.heartbeat_s
        self._flights: dict[bytes, _Flight] = {}

    async def answer(self, asked: tuple[str, str, bytes], body: bytes, work: Work, *, decides: bool) -> Answered:
        """Returns the answer of `work`, or what it answered before.

        Args:
            asked: the API key's id, the route, and the header's value.
            body: as sent; another one under the same key is refused.
            work: what to do at most once.
            decides: the work is a decision, and may go on without a claim while nothing can be committed: it has its
                own way to answer then.

        Raises:
            ApiError: 409 for another body, 422 for a key that is none, 503 while nothing can be claimed.
        """
        digest = _digest_of(*asked)
        body_digest = hashlib.sha256(body).digest()
        flight = self._flights.get(digest)
        if flight is not None:
            if flight.body_digest != body_digest:
                raise _conflict()
            return _again(await asyncio.shield(flight.answered))
        flight = _Flight(body_digest, asyncio.get_running_loop().create_future())
        self._flights[digest] = flight
        try:
            answered = await self._claim_and_work(digest, body_digest, work, decides=decides)
        except asyncio.CancelledError:
            flight.answered.cancel()
            raise
        except Exception as error:
            flight.answered.set_exception(error)
            flight.answered.exception()  # read here, as perhaps nobody waits for it
            raise
        else:
            flight.answered.set_result(answered)
            return answered
        finally:
            del self._flights[digest]

    async def _claim_and_work(self, digest: bytes, body_digest: bytes, work: Work, *, decides: bool) -> Answered:
        try:
            claimed = await self._claim(digest, body_digest)
        except (CallError, NotCommitted):
            if not decides:
                raise
            return await work(None)
        if isinstance(claimed, Answered):
            return claimed
        try:
            answered = await work(claimed)
        except Exception as error:
            # A change that may have been made keeps its claim: the next one to ask finds its answer or takes over.
            if not _may_have_been_made(error):
                await self._release(claimed)
            raise
        if not answered.is_final:
            await self._release(claimed)
        elif not answered.is_kept:
            await self._keep(claimed, answered)
        return answered

    async def _claim(self, digest: bytes, body_digest: bytes) -> Claim | Answered:
        """Claims the key; returns the answer instead that it has already."""
        deadline_s = self._system.clock.monotonic_s() + self._timeout_s
        claimed = Claim(digest, os.urandom(TOKEN_BYTES))
        while True:
            if await self._commit(statements.claim(claimed, body_digest, self._boot_id)):
                return claimed
            row: IdempotentRow | None = await ask(self._system, READER, ReadIdempotent(digest), self._timeout_s)
            if row is not None:
                if row.body_digest != body_digest:
                    raise _conflict()
                if row.answer is not None:
                    return Answered(row.status or 200, row.answer, _REPLAYED)
                if await self._commit(self._take(claimed, row)):
                    return claimed
            if self._system.clock.monotonic_s() >= deadline_s:
                raise ApiError(
                    503, "idempotency_in_progress", "another request with this Idempotency-Key is still under way"
                )
            await asyncio.sleep(POLL_S)

    def _take(self, claimed: Claim, row: IdempotentRow) -> Statement:
        """Takes a claim that nobody works for any more; one of ours would be in the table of flights."""
        if row.boot_id == self._boot_id:
            return statements.take_again(claimed, row.token)
        return statements.take_over(claimed, row.boot_id, self._boot_id, silent_s=self._silent_s)

    async def _keep(self, held: Claim, answered: Answered) -> None:
        """Keeps the answer of work that changes nothing; when that fails its caller gets it all the same."""
        try:
            await self._commit(statements.keep_answer(held, answered.status, answered.body))
        except (CallError, NotCommitted, RowsDiffer):
            return

    async def _release(self, held: Claim) -> None:
        """Gives the key back after a failure; when that fails too the claim ends with its day."""
        try:
            await self._commit(statements.release(held))
        except (CallError, NotCommitted):
            return

    async def _commit(self, statement: Statement) -> bool:
        """Commits one statement; tells whether it returned a row."""
        returned = await ask(self._system, JOURNAL, Commit((statement,)), self._timeout_s)
        return bool(returned[0])


def _digest_of(api_key_id: str, route: str, key: bytes) -> bytes:
    if not 0 < len(key) <= KEY_LENGTH_MAX or not all(0x20 <= byte < 0x7F for byte in key):  # noqa: PLR2004 - ASCII
        raise invalid("Idempotency-Key", f"Idempotency-Key must have 1 to {KEY_LENGTH_MAX} printable ASCII characters")
    # Neither an id nor a route holds a line feed, so no two triples make one text.
    return hashlib.sha256(b"\n".join((api_key_id.encode(), route.encode(), key))).digest()


def _conflict() -> ApiError:
    return ApiError(
        409, "idempotency_conflict", "this Idempotency-Key was used with another body", field="Idempotency-Key"
    )


def _again(answered: Answered) -> Answered:
    return answered._replace(headers=_REPLAYED)


def _may_have_been_made(error: Exception) -> bool:
    match error:
        case Refused():
            return error.code == OUTCOME_UNKNOWN
        case NotCommitted():
            return error.maybe
        case CallError():
            return error.begun
        case ClaimLost():
            return True
        case _:
            return False
