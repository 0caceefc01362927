"""The same check with one INSERT and COMMIT per request: Starlette, a pool of psycopg connections, the same table.

Decoding, facts, evaluation and encoding are the daemon's own; only the way to the table differs. A transaction is what
psycopg makes of it by default: BEGIN, INSERT, COMMIT. With BENCH_AUTOCOMMIT set each INSERT commits by itself, in one
round trip: the best that can be done without batches.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from uuid import UUID

import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.servers.flags import FLAGS
from viral_engine.actors.growth.trust_safety import decide as daemon
from viral_engine.actors.growth.trust_safety.held import empty_memory
from viral_engine.actors.growth.trust_safety.policies import Policies
from viral_engine.actors.growth.trust_safety.profiles import unknown_user
from viral_engine.config import load
from viral_engine.domain.uuid7 import Uuid7Source
from viral_engine.messages.checks import CheckRequest
from viral_engine.messages.journal import DecisionRow
from viral_engine.runtime.clock import SystemClock
from viral_engine.runtime.loop import LoopThread
from viral_engine.web.actions import to_action
from viral_engine.web.decode import BodyDecoder

POOL = 16
AUTOCOMMIT = "BENCH_AUTOCOMMIT" in os.environ
INSERT = """
INSERT INTO decisions (id, occurred_at, user_id, action_type, decision, reasons, score, policy_version, device_id,
    ip_address, api_key_id, counted, backfill, answer, facts)
VALUES (%b, to_timestamp(%b::float8 / 1000), %b, %b, %b, %b, %b, %b, %b, %b::text::inet, %b, %b, %b, %b::text::json,
    %b::text::json)
"""

DECODE = BodyDecoder(CheckRequest).decode
MEMORY, IDS = empty_memory(load().trust_safety, Policies()), Uuid7Source(os.urandom)
# Of a loop that never runs: only the time is asked for.
CLOCK = SystemClock(LoopThread())
IDLE: asyncio.Queue[psycopg.AsyncConnection] = asyncio.Queue()
CONNECTIONS = iter(range(POOL))


async def check(request: Request) -> Response:
    """Decides, inserts, commits, answers."""
    received_s = time.monotonic()
    row = decide(await request.body(), received_s)
    if next(CONNECTIONS, None) is not None:
        await IDLE.put(await psycopg.AsyncConnection.connect(os.environ["BENCH_DATABASE"], autocommit=AUTOCOMMIT))
    connection = await IDLE.get()
    try:
        await connection.execute(INSERT, parameters(row), prepare=True)
        await connection.commit()
    finally:
        IDLE.put_nowait(connection)
    return Response(row.answer, media_type="application/json")


def decide(body: bytes, received_s: float) -> DecisionRow:
    """The daemon's own steps from a body to a row."""
    action = to_action(DECODE(body), api_key_id="bench", received_s=received_s)
    if MEMORY.profiles.get(action.user_id) is None:
        MEMORY.profiles.put(unknown_user(action.user_id))
    return daemon.decide(MEMORY, action, CLOCK, IDS).row


def parameters(row: DecisionRow) -> tuple[object, ...]:
    """The row as psycopg takes it."""
    return (
        UUID(bytes=row.decision_id), float(row.occurred_ms), row.user_id, row.action_type, row.decision,
        list(row.reasons), row.score, row.policy_version, row.device_id, row.ip_address, row.api_key_id, row.counted,
        row.backfill, row.answer.decode(), row.facts.decode(),
    )  # fmt: skip


app = Starlette(routes=[Route("/v1/actions/check", check, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), **FLAGS)
