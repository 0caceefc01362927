"""The daily partitions of `decisions`: made ahead of time, so that each day's rows can be detached whole later.

A row whose day has no partition (a clock that jumped, a daemon that was off at the daily tick) is taken by the default
partition and moved out as soon as its day is made.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, text

from viral_engine.domain.uuid7 import day_bounds

__all__ = ["DEFAULT", "Partition", "ensure_partitions", "is_partition", "list_partitions", "name_of"]

DEFAULT = "decisions_default"
_NAME = re.compile(r"decisions_(?:default|(\d{8}))")
# Others queue behind the one who waits for these tables: better to give up soon and be asked again.
_LOCK_TIMEOUT = "500ms"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of `decisions`; `day` is None for the default one."""

    name: str
    day: date | None


def name_of(day: date) -> str:
    """The table that holds the decisions of a UTC day."""
    return f"decisions_{day:%Y%m%d}"


def is_partition(table: str) -> bool:
    """Whether a table's name is that of a partition of `decisions`."""
    return _NAME.fullmatch(table) is not None


def list_partitions(connection: Connection) -> list[Partition]:
    """Every attached partition by day, the default one last."""
    found = connection.scalars(
        text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'decisions'::regclass ORDER BY c.relname"
        )
    )
    matches = [match for match in map(_NAME.fullmatch, found) if match is not None]
    return [Partition(match[0], datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date()) if match[1]
            else Partition(match[0], None) for match in matches]  # fmt: skip


def ensure_partitions(connection: Connection, now_ms: int, days_ahead: int) -> list[str]:
    """Have a partition for the current UTC day and each of the `days_ahead` days after it; the names of all there are.

    Daemons that do this at the same time take turns and make each partition once. Rows of a new day that the default
    partition holds move over in the same transaction: a reader sees them in either place, never in none or in both.

    Args:
        connection: In a transaction that does nothing else and is committed afterwards.
        now_ms: Milliseconds since 1970.
        days_ahead: Zero and up.

    Raises:
        sqlalchemy.exc.OperationalError: Somebody held on to the tables for half a second; ask again.
    """
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    days = [today + timedelta(days=ahead) for ahead in range(days_ahead + 1)]
    present = list_partitions(connection)
    if not {partition.day for partition in present}.issuperset(days):
        connection.execute(text("SELECT set_config('lock_timeout', :limit, true)"), {"limit": _LOCK_TIMEOUT})
        # One at a time, and no writer in between: one that has chosen the default partition for a row before the
        # ATTACH would be refused after it, as if something were wrong with the row. Reading goes on.
        connection.execute(text("LOCK TABLE ONLY decisions IN SHARE ROW EXCLUSIVE MODE"))
        made = {partition.day for partition in list_partitions(connection)}
        # ATTACH takes it anyway; taken first, nobody who reads sees a row in neither place.
        connection.execute(text("LOCK TABLE decisions_default IN ACCESS EXCLUSIVE MODE"))
        for day in days:
            if day not in made:
                _make(connection, day)
        present = list_partitions(connection)
    return [partition.name for partition in present]


def _make(connection: Connection, day: date) -> None:
    name, (low, high) = name_of(day), day_bounds(day)
    connection.execute(text(f"CREATE TABLE {name} (LIKE decisions INCLUDING ALL)"))
    in_day = "WHERE id >= :low AND id < :high"
    move = (
        f"INSERT INTO {name} SELECT * FROM {DEFAULT} {in_day}",  # noqa: S608 - our own names, made from a date
        f"DELETE FROM {DEFAULT} {in_day}",  # noqa: S608 - the same
    )
    for statement in move:
        connection.execute(text(statement), {"low": low, "high": high})
    connection.execute(text(f"ALTER TABLE decisions ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')"))
