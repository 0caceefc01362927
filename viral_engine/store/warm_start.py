"""Reading what trust_safety holds in memory: the recent past and every live block, allow, label and flag."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from viral_engine.domain.uuid7 import lowest_uuid7
from viral_engine.messages.access import AllowView, BlockView, LabelView, ListName
from viral_engine.messages.reading import ReadWarmStart, WarmStart
from viral_engine.store.access import ONCE, view_of
from viral_engine.store.device_flags import SIGNUP
from viral_engine.store.ids import address_of
from viral_engine.store.policies import standing_policies
from viral_engine.store.reviews import read_reports
from viral_engine.store.signals import REFERRER
from viral_engine.store.statements import instant_of

__all__ = ["FLAGS_MAX", "read_warm_starts"]

FLAGS_MAX = 200_000
"""Flags that are held; of more, the newest."""

# A million rows take some seconds: more than a statement of everyday work may.
_TIMEOUT = "60s"
_ROWS_AT_ONCE = 10_000
_MS = "(extract(epoch FROM {}) * 1000)::bigint"

_ATTEMPTS = text(
    f"SELECT {_MS.format('occurred_at')}, user_id, action_type, device_id, host(ip_address), decision, reasons,"  # noqa: S608 - constants
    " counted, backfill FROM decisions WHERE id >= :since ORDER BY id DESC LIMIT :rows"
)
_SIGNUPS = text(
    f"SELECT {_MS.format('inserted_at')}, user_id, device_id, host(ip_address), backfill,"  # noqa: S608 - constants
    " (SELECT value #>> '{}' FROM signals WHERE signals.user_id = device_flags.user_id AND signal = :referrer)"
    " FROM device_flags"
    " WHERE inserted_at >= :since AND flag_type = :signup ORDER BY inserted_at DESC, id DESC LIMIT :rows"
)
_FLAGS = text(
    f"SELECT device_id, flag_type, risk_thousandths, {_MS.format('inserted_at')} FROM device_flags"  # noqa: S608 - constants
    " WHERE device_id IS NOT NULL AND flag_type <> :signup ORDER BY id DESC LIMIT :rows"
)
_LAST_BACKFILL = text(
    f"SELECT {_MS.format('occurred_at')} FROM decisions WHERE backfill ORDER BY occurred_at DESC LIMIT 1"  # noqa: S608 - constants
)
_ENTRIES = (
    "SELECT id, {}, reason, author, created_at, expires_at FROM {}"
    " WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > now()) ORDER BY id"
)


def read_warm_starts(connection: Connection, messages: Sequence[ReadWarmStart]) -> list[WarmStart]:
    """The state to start with, as of one instant, for each question.

    With `rows_max` 0 attempts and signups are left out: lists and flags alone are to be loaded again.
    """
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    connection.execute(text("SELECT set_config('statement_timeout', :limit, true)"), {"limit": _TIMEOUT})
    return [_read(connection, message) for message in messages]


def _read(connection: Connection, message: ReadWarmStart) -> WarmStart:
    attempts: list[Any] = []
    signups: list[Any] = []
    if message.rows_max > 0:
        rows = message.rows_max + 1
        since = lowest_uuid7(max(0, message.windows_since_ms))
        attempts = _all(connection, _ATTEMPTS, since=since, rows=rows)
        signups_since = instant_of(max(0, message.signups_since_ms))
        signups = _all(connection, _SIGNUPS, since=signups_since, signup=SIGNUP, referrer=REFERRER, rows=rows)
    complete = 0 < message.rows_max >= max(len(attempts), len(signups))
    flags: dict[str, list[tuple[str, int, int]]] = {}
    for device_id, flag_type, risk, at_ms in _all(connection, _FLAGS, signup=SIGNUP, rows=FLAGS_MAX):
        flags.setdefault(device_id, []).append((flag_type, risk, at_ms))
    return WarmStart(
        attempts=_oldest_first(attempts, message.rows_max),
        signups=_oldest_first(signups, message.rows_max),
        blocks=[view for view in _entries(connection, "blocks") if isinstance(view, BlockView)],
        allows=[view for view in _entries(connection, "allows") if isinstance(view, AllowView)],
        device_flags=flags,
        last_backfill_ms=connection.scalar(_LAST_BACKFILL),
        complete=complete,
        policies=standing_policies(connection),
        reports=read_reports(connection),
        labels=[view for view in _entries(connection, "labels") if isinstance(view, LabelView)],
    )


def _all(connection: Connection, query: Any, **parameters: Any) -> list[tuple[Any, ...]]:
    """Every row, fetched in portions: the driver never holds a million of its own beside ours."""
    result = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query, parameters)
    texts: dict[str, str] = {}
    names = list(result.keys())
    address_at = names.index("host") if "host" in names else None
    return [_shared(row, texts, address_at) for row in result]


def _shared(row: Sequence[Any], texts: dict[str, str], address_at: int | None) -> tuple[Any, ...]:
    """The row with one object for all equal texts: a few thousand users make a million attempts."""
    values = [texts.setdefault(value, value) if type(value) is str else value for value in row]
    if address_at is not None:
        values[address_at] = address_of(values[address_at])
    return tuple(values)


def _oldest_first(rows: list[Any], rows_max: int) -> list[Any]:
    del rows[rows_max:]
    rows.reverse()
    return rows


def _entries(connection: Connection, list_name: ListName) -> list[BlockView | AllowView | LabelView]:
    result = connection.execute(text(_ENTRIES.format(", ".join(ONCE[list_name]), list_name)))
    return [view_of(list_name, row) for row in result.mappings()]
