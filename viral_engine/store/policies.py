"""Versions of the policy: taken in, put in force or in shadow, read. Nothing is changed or deleted afterwards."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from viral_engine.domain.policy import DEFAULT_POLICY, SHIPPED
from viral_engine.domain.uuid7 import lowest_uuid7
from viral_engine.messages.journal import Statement
from viral_engine.messages.policies import (
    PolicyMode,
    PolicyRow,
    PolicyRows,
    ReadPolicies,
    ReadShadowed,
    Shadowed,
    StandingPolicy,
)
from viral_engine.store.notify import notify
from viral_engine.store.statements import instant_of, statement

__all__ = [
    "BEFORE_AT", "SHADOWED_ROWS_MAX", "SHADOW_ENDED_AT", "STOOD_AT", "VERSIONS_MAX", "load_policy",
    "read_policies", "read_shadowed", "standing_policies", "switch_policy",
]  # fmt: skip

VERSIONS_MAX = 1_000
"""Versions that are kept: all that ever decided must be there, and one more is refused."""

BEFORE_AT, STOOD_AT, SHADOW_ENDED_AT = 1, 2, 3
"""Which statements of `load_policy` and `switch_policy` answer the versions that were in shadow and in force, null for
none and for the shipped one, (version, body) of what stands from then on, and, where something was put in force, that a
shadow ended by that."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('viral_engine policies'))"
_BODY = "(SELECT body::text FROM policies WHERE policies.version = policy_switches.version)"
_LOAD = (
    "WITH added AS (INSERT INTO policies (version, policy_id, source, body, author, reason, created_at)"
    " SELECT greatest(coalesce(max(version), 0), %s) + 1, %s, %s, %s::json, %s, %s, %s FROM policies"
    " HAVING count(*) < %s RETURNING version, body, author, reason, created_at),"
    " stands AS (INSERT INTO policy_switches (at, mode, version, author, reason)"
    " SELECT created_at, %s, version, author, reason FROM added) SELECT version, body::text FROM added"
)
_SWITCH = (
    "INSERT INTO policy_switches (at, mode, version, author, reason) SELECT %s, %s, %s, %s, %s"  # noqa: S608 - constants
    " WHERE %s = ANY(%s) OR EXISTS (SELECT FROM policies WHERE version = %s)"
    f" RETURNING version, {_BODY}"
)
# The versions in force are a stack on the shipped one: a new one is put on top; one that is in it comes back when all
# that came after it are taken off, whether by its number or by going back. So nothing that was fled is below another.
_BACK = (
    "WITH RECURSIVE past (id, stack) AS (SELECT 0::bigint, ARRAY[%s::integer] UNION ALL"  # noqa: S608 - constants
    " SELECT next.id, CASE WHEN next.version = ANY(stack) THEN stack[:array_position(stack, next.version)]"
    " ELSE stack || next.version END FROM past CROSS JOIN LATERAL (SELECT id, version FROM policy_switches"
    " WHERE mode = 'enforce' AND id > past.id ORDER BY id LIMIT 1) AS next)"
    " INSERT INTO policy_switches (at, mode, version, author, reason)"
    " SELECT %s, 'enforce', stack[cardinality(stack) - 1], %s, %s"
    " FROM (SELECT stack FROM past ORDER BY id DESC LIMIT 1) AS now WHERE cardinality(stack) > 1"
    f" RETURNING version, {_BODY}"
)
_SHADOW_NOW = "SELECT version FROM policy_switches WHERE mode = 'shadow' ORDER BY id DESC LIMIT 1"
_BEFORE = (
    f"SELECT ({_SHADOW_NOW}), (SELECT version FROM policy_switches WHERE mode = 'enforce' ORDER BY id DESC LIMIT 1)"  # noqa: S608 - constants
)
# Neither what was put in force nor what was before has anything to be tried on by running in shadow.
_END_OWN_SHADOW = (
    "INSERT INTO policy_switches (at, mode, version, author, reason) SELECT %s, 'shadow', NULL, %s, %s"  # noqa: S608 - constants
    f" WHERE ({_SHADOW_NOW}) IN (SELECT version FROM (SELECT id, version FROM policy_switches WHERE mode = 'enforce'"
    " UNION ALL SELECT 0, %s ORDER BY id DESC LIMIT 2) AS newest) RETURNING mode"
)
_SHADOW_OFF = (
    "INSERT INTO policy_switches (at, mode, version, author, reason) SELECT %s, 'shadow', NULL, %s, %s"
    " RETURNING version, NULL"
)
_STANDING = text(
    "SELECT DISTINCT ON (mode) mode, switches.version, at, switches.author, switches.reason, body::text AS body"
    " FROM policy_switches AS switches LEFT JOIN policies ON policies.version = switches.version"
    " ORDER BY mode, switches.id DESC"
)
_VERSIONS = text(
    "SELECT version, policy_id, source, body::text AS body, author, reason, created_at FROM policies"
    " ORDER BY version DESC LIMIT :rows"
)
_SHADOWED = text(
    "SELECT decision, one ->> 'decision' AS shadow, count(*) AS count"
    " FROM (SELECT decision, answer FROM decisions WHERE id >= :since ORDER BY id DESC LIMIT :rows) AS newest,"
    " json_array_elements(answer -> 'shadow') AS one"
    " WHERE (one -> 'policy' ->> 'version')::integer = :version GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
)
SHADOWED_ROWS_MAX = 50_000
"""Decisions that a count beside a shadow looks at: half a second, for which checks of new users wait."""


def load_policy(
    policy_id: str, source: str, body: str, *, mode: PolicyMode, author: str, reason: str, at_ms: int
) -> tuple[Statement, ...]:
    """Takes in a new version and lets it stand; the third statement answers (version, body).

    `RowsDiffer` when there are `VERSIONS_MAX` already.

    Raises:
        ValueError: A text that PostgreSQL cannot hold.
    """
    at = instant_of(at_ms)
    load = statement(
        _LOAD, max(SHIPPED), policy_id, source, body, author, reason, at, VERSIONS_MAX, mode, rows_expected=1
    )
    return _standing(mode, load, at, author, reason)


def switch_policy(
    mode: PolicyMode, version: int | None, *, author: str, reason: str, at_ms: int
) -> tuple[Statement, ...]:
    """Lets a known version stand; the third statement answers (version, body), body None for a shipped one.

    Without a version the one is put in force again that was before the one in force first came there, or the shadow
    ends. `RowsDiffer` when there is no such version, or none before.
    """
    at = instant_of(at_ms)
    if version is not None:
        switch = statement(_SWITCH, at, mode, version, author, reason, version, list(SHIPPED), version, rows_expected=1)
    elif mode == "shadow":
        switch = statement(_SHADOW_OFF, at, author, reason, rows_expected=1)
    else:
        switch = statement(_BACK, DEFAULT_POLICY.version, at, author, reason, rows_expected=1)
    return _standing(mode, switch, at, author, reason)


def _standing(mode: PolicyMode, stand: Statement, at: datetime, author: str, reason: str) -> tuple[Statement, ...]:
    """What is put in force ends its own shadow in the same transaction."""
    ends = (statement(_END_OWN_SHADOW, at, author, reason, DEFAULT_POLICY.version),) if mode == "enforce" else ()
    return statement(_LOCK), statement(_BEFORE), stand, *ends, notify("policies")


def standing_policies(connection: Connection) -> list[StandingPolicy]:
    """What stands in each mode; nothing of a mode that never was, or was ended."""
    return [StandingPolicy(**row) for row in connection.execute(_STANDING).mappings() if row["version"] is not None]


def read_policies(connection: Connection, messages: Sequence[ReadPolicies]) -> list[PolicyRows]:
    """Every version and what stands; the same for each question."""
    rows = connection.execute(_VERSIONS, {"rows": VERSIONS_MAX}).mappings()
    found = PolicyRows(versions=[PolicyRow(**row) for row in rows], standing=standing_policies(connection))
    return [found for _ in messages]


def read_shadowed(connection: Connection, messages: Sequence[ReadShadowed]) -> list[list[Shadowed]]:
    """How decisions came out beside a shadow, counted from the newest recorded answers; equal questions count once."""
    answers: dict[ReadShadowed, list[Shadowed]] = {}
    for message in messages:
        if message not in answers:
            wanted: dict[str, Any] = {
                "since": lowest_uuid7(max(0, int(message.since.timestamp() * 1_000))),
                "version": message.version,
                "rows": SHADOWED_ROWS_MAX,
            }
            answers[message] = [Shadowed(**row) for row in connection.execute(_SHADOWED, wanted).mappings()]
    return [answers[message] for message in messages]
