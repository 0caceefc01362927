"""What a check is answered while its decision cannot be made or recorded: the action's outage policy."""

from __future__ import annotations

import asyncio
import os
import time

import msgspec

from viral_engine.domain.facts import Facts, facts_to_dict
from viral_engine.domain.outage import outage_answer
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.reasons import Reason
from viral_engine.domain.uuid7 import Uuid7Source, text_of
from viral_engine.messages.checks import CheckAction, CheckAnswer, ConsentState, PolicyRef
from viral_engine.messages.journal import DecisionRow, NotRecorded
from viral_engine.messages.reading import NotRead
from viral_engine.runtime.errors import CallError
from viral_engine.web.context import READER, Spool, WebContext
from viral_engine.web.errors import unavailable
from viral_engine.web.traffic import Traffic

OUTAGES = (CallError, NotRecorded, NotRead)
"""What a check fails with when a part is away; everything else is an answer or a fault of ours."""

_OPTIONAL = ("device_id", "ip_address", "email")


class Spooler:
    """Appends rows in the loop's executor; whatever arrives while one append runs goes with the next.

    So a thousand degraded answers cost a few fsyncs and one thread.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._waiting: list[tuple[DecisionRow, asyncio.Future[None]]] = []
        self._running: asyncio.Task[None] | None = None

    async def append(self, row: DecisionRow) -> None:
        """Returns when the row is on the disk.

        Raises:
            Exception: what the spool raised.
        """
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        self._waiting.append((row, written))
        if self._running is None:
            self._running = loop.create_task(self._run(), name="web: spool")
        await written

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                failure: Exception | None = None
                try:
                    await loop.run_in_executor(None, self._spool.append, [row for row, _ in batch])
                except Exception as error:  # noqa: BLE001  (a full disk, a full spool: those who wait are told)
                    failure = error
                for _, written in batch:
                    if written.done():
                        continue
                    if failure is None:
                        written.set_result(None)
                    else:
                        written.set_exception(failure)
        finally:
            self._running = None


class OutageDesk:
    """Answers checks whose decision could not be made or recorded.

    A call that timed out may be recorded later under another id than the spooled one; both are true records of
    what was answered and of what would have been.
    """

    def __init__(self, context: WebContext, traffic: Traffic) -> None:
        self._system = context.system
        self._outage_of = context.outage_of
        self._traffic = traffic
        self._spooler = Spooler(context.spool)
        self._ids = Uuid7Source(os.urandom)

    async def answer(self, action: CheckAction, error: Exception) -> bytes:
        """Returns the body of a 200, after its row was spooled.

        Raises:
            ApiError: 503 when that is the policy, or nothing can be spooled either.
        """
        row = error.request.row if isinstance(error, NotRecorded) and error.request is not None else None
        outcome = outage_answer(
            self._outage_of(action.action_type), None if row is None else Outcome(row.decision)
        ).outcome
        if outcome is None and isinstance(error, NotRead):
            # Strangers are told what can't be done, operators which part it is.
            self._traffic.warn("profile_not_read", part=READER, why=error.why)
            raise unavailable(
                "what is known of this user can't be read right now, and this action is not allowed without it"
            )
        if outcome is None:
            raise unavailable("no decision can be recorded right now, and this action is not allowed without one")
        degraded = self._of_nothing(action, outcome) if row is None else _of_row(row, outcome)
        try:
            await self._spooler.append(degraded)
        except Exception as failure:
            self._traffic.warn("spool_failed", error=type(failure).__name__)
            raise unavailable("no decision can be recorded right now, not even for later") from failure
        return degraded.answer

    def _of_nothing(self, action: CheckAction, outcome: Outcome) -> DecisionRow:
        """Makes the record of a check that nobody could decide."""
        now_ms = self._system.clock.wall_ms()
        decision_id = self._ids.next_bytes(now_ms)
        missing = tuple(name for name in _OPTIONAL if getattr(action, name) is None)
        answer = CheckAnswer(
            decision_id=text_of(decision_id),
            decision=outcome.value,
            recorded=False,
            reasons=[Reason.DEGRADED.value],
            score=0,
            contributions=[],
            policy=PolicyRef(id="outage", version=0, mode="enforce"),
            limits=None,
            consent=ConsentState(required=False, scope=None, basis=None, state="unknown"),
            shadow=[],
            missing=list(missing),
            latency_ms=round((time.monotonic() - action.received_s) * 1000, 3),
        )
        facts = facts_to_dict(Facts(action=action.action_type, now_ms=now_ms, missing=missing))
        return DecisionRow(
            decision_id=decision_id,
            occurred_ms=now_ms if action.occurred_ms is None else action.occurred_ms,
            user_id=action.user_id,
            action_type=action.action_type,
            decision=outcome.value,
            reasons=(Reason.DEGRADED.value,),
            score=0,
            policy_version=0,
            device_id=action.device_id,
            ip_address=action.ip_address,
            api_key_id=action.api_key_id,
            counted=False,
            backfill=action.occurred_ms is not None,
            answer=msgspec.json.encode(answer),
            facts=msgspec.json.encode(facts),
        )


def _of_row(row: DecisionRow, outcome: Outcome) -> DecisionRow:
    """Returns the row of a decision that was made but not recorded, as it is answered now."""
    answer = msgspec.json.decode(row.answer, type=CheckAnswer)
    reasons = (*row.reasons, Reason.DEGRADED.value)
    degraded = msgspec.structs.replace(answer, decision=outcome.value, recorded=False, reasons=list(reasons))
    return msgspec.structs.replace(row, decision=outcome.value, reasons=reasons, answer=msgspec.json.encode(degraded))
