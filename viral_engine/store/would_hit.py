"""Whom a block would hit, from what is recorded: no index knows a decision's device, so the look has bounds."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from viral_engine.domain.uuid7 import lowest_uuid7, timestamp_ms_of
from viral_engine.messages.reading import HOUSEHOLD_MAX
from viral_engine.messages.would_hit import HIT_IDS_MAX, ReadWouldHit, WouldHit
from viral_engine.store.profiles import ties
from viral_engine.store.statements import instant_of

__all__ = ["BOUNDS", "Bounds", "read_would_hit"]

EDGES_MAX = 50_000
"""Consents that households are made of."""

_HIGHEST = UUID(int=2**128 - 1)
# Checks of users who are not in memory wait meanwhile: no single statement may take longer.
_TIMEOUT = text("SET LOCAL statement_timeout = '1s'")
_HITS = {
    "device": "device_id = :value",
    "ip": "ip_address = CAST(:value AS inet)",
    "network": "ip_address <<= CAST(:value AS inet)",
}
_DECISIONS = {
    kind: text(
        f"SELECT count(*) AS seen, min(id::text) AS last, array_agg(DISTINCT user_id) FILTER (WHERE {hit}) AS hit"  # noqa: S608 - made of constants
        " FROM (SELECT id, user_id, device_id, ip_address FROM decisions WHERE id >= :since AND id < :start"
        " ORDER BY id DESC LIMIT :rows) AS newest"
    )
    for kind, hit in _HITS.items()
}
# A block of a domain hits the domains below it too.
_USERS = text(
    "SELECT count(*) AS seen, max(user_id) AS last, array_agg(user_id) FILTER (WHERE email_domain = :value"
    " OR right(email_domain, length(:value) + 1) = '.' || :value) AS hit"
    " FROM (SELECT user_id, email_domain FROM users WHERE user_id > :start ORDER BY user_id LIMIT :rows) AS page"
)
_IS_KNOWN = text(
    "SELECT EXISTS (SELECT FROM users WHERE user_id = :value)"
    " OR EXISTS (SELECT FROM decisions WHERE user_id = :value AND id >= :since)"
    " OR EXISTS (SELECT FROM parental_consents WHERE user_id = :value)"
    " OR EXISTS (SELECT FROM parental_consents WHERE guardian_id = :value)"
    " OR EXISTS (SELECT FROM signals WHERE user_id = :value)"
)
# As a check has it: a guardian's consent that was not withdrawn makes guardian and child one household.
_HELD = f"SELECT guardian_id, user_id FROM parental_consents AS c WHERE {ties('c.')}"  # noqa: S608 - constants
_EDGES = text(f"{_HELD} AND user_id = ANY(:ids) UNION {_HELD} AND guardian_id = ANY(:ids) LIMIT :rows")
_SCHOOLS = text(
    "SELECT DISTINCT school_id FROM users WHERE user_id = ANY(:ids) AND school_id IS NOT NULL ORDER BY school_id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a look goes: it ends at whichever comes first.

    Attributes:
        rows: decisions or users that are looked at.
        page: of them in one statement.
        users: who are hit.
        budget_s: no statement is begun after it.
    """

    rows: int = 200_000
    page: int = 20_000
    users: int = 10_000
    budget_s: float = 0.5


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class _Look:
    users: set[str]
    looked_at: int
    since_ms: int | None
    complete: bool


def read_would_hit(connection: Connection, messages: Sequence[ReadWouldHit], bounds: Bounds = BOUNDS) -> list[WouldHit]:
    """Whom each block would hit; equal questions are asked once."""
    connection.execute(_TIMEOUT)
    answers: dict[ReadWouldHit, WouldHit] = {}
    for message in messages:
        if message not in answers:
            answers[message] = _answer(connection, message, bounds)
    return [answers[message] for message in messages]


def _answer(connection: Connection, message: ReadWouldHit, bounds: Bounds) -> WouldHit:
    look = _look(connection, message, bounds)
    user_ids = sorted(look.users)[: bounds.users]
    edges = connection.execute(_EDGES, {"ids": user_ids, "rows": EDGES_MAX}).all() if user_ids else ()
    households = _households((row.guardian_id, row.user_id) for row in edges)
    school_ids = list(connection.scalars(_SCHOOLS, {"ids": user_ids})) if user_ids else []
    return WouldHit(
        kind=message.kind,
        value=message.value,
        user_count=len(user_ids),
        user_ids=user_ids[:HIT_IDS_MAX],
        household_count=len(households),
        households=[guardians[:HOUSEHOLD_MAX] for guardians in households[:HIT_IDS_MAX]],
        school_count=len(school_ids),
        school_ids=school_ids[:HIT_IDS_MAX],
        looked_at=look.looked_at,
        since=None if look.since_ms is None else instant_of(look.since_ms),
        complete=look.complete and len(look.users) <= bounds.users and len(edges) < EDGES_MAX,
    )


def _look(connection: Connection, message: ReadWouldHit, bounds: Bounds) -> _Look:
    since = {"since": lowest_uuid7(max(0, message.since_ms)), "value": message.value}
    match message.kind:
        case "user":
            users = {message.value} if connection.scalar(_IS_KNOWN, since) else set()
            return _Look(users, 0, message.since_ms, complete=True)
        case "email_domain":
            users, looked_at, _, complete = _walk(connection, _USERS, {"value": message.value, "start": ""}, bounds)
            return _Look(users, looked_at, None, complete)
        case kind:
            wanted = {**since, "start": _HIGHEST}
            users, looked_at, last, complete = _walk(connection, _DECISIONS[kind], wanted, bounds)
            # A look that was cut off says how far back it went.
            since_ms = message.since_ms if complete or last is None else timestamp_ms_of(UUID(last))
            return _Look(users, looked_at, since_ms, complete)


def _walk(
    connection: Connection, statement: TextClause, wanted: dict[str, Any], bounds: Bounds
) -> tuple[set[str], int, str | None, bool]:
    """Looks page by page; returns who is hit, how many rows were looked at, the last one's key, whether all were."""
    users: set[str] = set()
    looked_at, last = 0, None
    ends_s = time.monotonic() + bounds.budget_s
    while looked_at < bounds.rows and len(users) <= bounds.users and time.monotonic() < ends_s:
        rows = min(bounds.page, bounds.rows - looked_at)
        row = connection.execute(statement, {**wanted, "rows": rows}).one()
        looked_at += row.seen
        users.update(row.hit or ())
        if row.seen < rows:
            return users, looked_at, row.last or last, True
        last = wanted["start"] = row.last
    return users, looked_at, last, False


def _households(consents: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Returns the guardians of each household, sorted: whom consents connect are one."""
    of: dict[str, set[str]] = {}
    guardians: set[str] = set()
    for guardian, child in consents:
        guardians.add(guardian)
        one, other = of.setdefault(guardian, {guardian}), of.setdefault(child, {child})
        if one is not other:
            small, large = sorted((one, other), key=len)
            large |= small
            for member in small:
                of[member] = large
    distinct = {id(members): members for members in of.values()}
    return sorted(sorted(members & guardians) for members in distinct.values())
