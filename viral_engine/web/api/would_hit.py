"""Whom a block would hit, before it is made: nothing is changed and nothing is kept."""

from __future__ import annotations

from viral_engine.domain.duplicates import DAY_MS
from viral_engine.messages.would_hit import ReadWouldHit, WouldHitBody
from viral_engine.web.api.access import canonical_value
from viral_engine.web.routes import Answer, Call

DAYS_BACK = 30
"""Whoever used a device or an address before has most likely another one by now."""


async def would_hit(call: Call) -> Answer:
    """Returns whom a block of a thing would have hit."""
    body: WouldHitBody = call.body
    since_ms = call.state.context.system.clock.wall_ms() - DAYS_BACK * DAY_MS
    value = canonical_value(body.kind, body.value)
    return Answer(200, await call.read(ReadWouldHit(kind=body.kind, value=value, since_ms=since_ms)))
