"""What the single writer is asked to commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from viral_engine.runtime.flight_recorder import personal


@personal("parameters")
class Statement(Struct, frozen=True, gc=False):
    """One SQL statement with psycopg placeholders; it runs in the batch's transaction.

    Attributes:
        rows_expected: when set, another number of affected rows fails the sender with `RowsDiffer`.
    """

    sql: str
    parameters: tuple[Any, ...]
    rows_expected: int | None = None


@personal("user_id", "device_id", "ip_address", "answer", "facts")
class DecisionRow(Struct, frozen=True, kw_only=True, gc=False):
    """One row of `decisions`.

    Attributes:
        decision_id: 16 bytes of a UUIDv7 whose time is that of recording.
        occurred_ms: when the action happened, milliseconds since 1970.
        counted: whether the attempt took a place in the rate limits' windows.
        backfill: whether it belongs to the timeline of imported events.
        answer: JSON of the answer.
        facts: JSON of the facts.
    """

    decision_id: bytes
    occurred_ms: int
    user_id: str
    action_type: str
    decision: str
    reasons: tuple[str, ...]
    score: int
    policy_version: int
    device_id: str | None
    ip_address: str | None
    api_key_id: str
    counted: bool
    backfill: bool
    answer: bytes
    facts: bytes


@personal("reply", "statements")
class RecordDecision(Struct, frozen=True, kw_only=True, gc=False):
    """Asks the journal to commit a decision; answers `reply` after the commit.

    Attributes:
        statements: what belongs to the decision and must be committed with it.
        reply: what the caller gets once it is durable.
    """

    row: DecisionRow
    reply: Any
    statements: tuple[Statement, ...] = ()


@personal("statements")
class Commit(Struct, frozen=True, gc=False):
    """Asks the journal to run statements in one transaction; answers one list of returned rows per statement.

    Attributes:
        then: makes, of what they returned, further statements of the same transaction, whose rows nobody is told.
    """

    statements: tuple[Statement, ...]
    then: Callable[[list[list[tuple[Any, ...]]]], tuple[Statement, ...]] | None = None


class NotRecorded(Exception):
    """The journal could not commit in time: the outage policy of the action answers.

    Attributes:
        request: what was to be recorded, for the spool; it may still turn out to be committed, so the spool is
            drained with ON CONFLICT DO NOTHING.
    """

    def __init__(self, why: str, request: RecordDecision | None = None) -> None:
        super().__init__(f"the decision could not be recorded: {why}")
        self.why = why
        self.request = request


class NotCommitted(Exception):
    """The journal could not commit other rows in time; they may still be committed if `maybe`."""

    def __init__(self, why: str, *, maybe: bool) -> None:
        super().__init__(f"the change could not be committed: {why}")
        self.why = why
        self.maybe = maybe


class RowRefused(Exception):
    """The database refused this sender's rows; the rest of the batch was committed."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the database refused the row: {why}")
        self.why = why


class RowsDiffer(Exception):
    """A statement affected another number of rows than its sender expected; its sender's rows were not committed.

    Attributes:
        position: which of its sender's statements it was.
    """

    def __init__(self, expected: int, found: int, position: int = 0) -> None:
        super().__init__(f"{found} rows were affected, {expected} expected")
        self.expected = expected
        self.found = found
        self.position = position
