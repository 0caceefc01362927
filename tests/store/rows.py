"""Rows to store, and the transaction that the journal would run them in."""

import os
from collections.abc import Sequence
from typing import Any

import psycopg

from viral_engine.domain.uuid7 import Uuid7Source
from viral_engine.messages.journal import DecisionRow, RowsDiffer, Statement
from viral_engine.store.pack import COPY_DECISIONS, COPY_HEADER, COPY_TRAILER, pack_decision

NOON_MS = 1_795_348_800_000
"""2026-11-22 12:00 UTC."""


def decision(**changes: Any) -> DecisionRow:
    """A row of `decisions` with what a check usually fills in; `at_ms` is the time of recording."""
    at_ms = changes.pop("at_ms", NOON_MS)
    values: dict[str, Any] = {
        # A source of its own for each row: one alone never goes back.
        "decision_id": Uuid7Source(os.urandom).next_bytes(at_ms),
        "occurred_ms": at_ms,
        "user_id": "ada",
        "action_type": "share",
        "decision": "allow",
        "reasons": (),
        "score": 0,
        "policy_version": 1,
        "device_id": None,
        "ip_address": None,
        "api_key_id": "key1",
        "counted": True,
        "backfill": False,
        "answer": b'{"decision": "allow"}',
        "facts": b'{"schema": 1}',
    }
    return DecisionRow(**{**values, **changes})


def copy_in(conninfo: str, rows: Sequence[DecisionRow]) -> None:
    """Record decisions as the journal does."""
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor, cursor.copy(COPY_DECISIONS) as copy:
        copy.write(b"".join([COPY_HEADER, *map(pack_decision, rows), COPY_TRAILER]))


def commit(conninfo: str, *statements: Statement) -> list[list[tuple[Any, ...]]]:
    """Run statements in one transaction, holding each to its `rows_expected`."""
    results: list[list[tuple[Any, ...]]] = []
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.sql.encode(), statement.parameters)
            if statement.rows_expected is not None and cursor.rowcount != statement.rows_expected:
                raise RowsDiffer(statement.rows_expected, cursor.rowcount)
            results.append(cursor.fetchall() if cursor.description else [])
    return results
