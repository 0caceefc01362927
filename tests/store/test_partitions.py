"""The daily partitions of decisions: made once, by anybody, without losing what came too early."""

import threading
from datetime import date
from uuid import UUID

import psycopg
import pytest
from rows import NOON_MS, copy_in, decision
from sqlalchemy import exc, text

from viral_engine.store.engine import Database
from viral_engine.store.partitions import Partition, ensure_partitions, list_partitions

DAY_MS = 86_400_000


def ensure(store: Database, now_ms: int = NOON_MS, days_ahead: int = 1) -> list[str]:
    with store.engine.begin() as connection:
        return ensure_partitions(connection, now_ms, days_ahead)


def places(store: Database) -> dict[str, str]:
    """User of each decision and the table that holds it."""
    with store.engine.connect() as connection:
        rows = connection.execute(text("SELECT user_id, tableoid::regclass::text FROM decisions"))
        return {row[0]: row[1] for row in rows}


def test_today_and_the_days_ahead_have_partitions(store: Database) -> None:
    expected = ["decisions_20261122", "decisions_20261123", "decisions_default"]
    assert ensure(store) == expected
    assert ensure(store) == expected
    with store.engine.connect() as connection:
        assert list_partitions(connection) == [
            Partition("decisions_20261122", date(2026, 11, 22)),
            Partition("decisions_20261123", date(2026, 11, 23)),
            Partition("decisions_default", None),
        ]


def test_a_row_goes_to_the_day_of_its_id_to_the_millisecond(store: Database) -> None:
    ensure(store)
    midnight_ms = NOON_MS + DAY_MS // 2
    copy_in(
        store.conninfo,
        [
            decision(user_id="last", at_ms=midnight_ms - 1),
            decision(user_id="first", at_ms=midnight_ms),
            decision(user_id="far", at_ms=midnight_ms + 30 * DAY_MS),
            decision(user_id="past", at_ms=NOON_MS - DAY_MS),
        ],
    )
    assert places(store) == {
        "last": "decisions_20261122",
        "first": "decisions_20261123",
        "far": "decisions_default",
        "past": "decisions_default",
    }


def test_rows_that_came_before_their_partition_move_into_it(store: Database) -> None:
    rows = [decision(user_id=f"user{n}", at_ms=NOON_MS + n * DAY_MS // 2) for n in range(4)]
    copy_in(store.conninfo, rows)
    ensure(store)
    assert places(store) == {
        "user0": "decisions_20261122",
        "user1": "decisions_20261123",
        "user2": "decisions_20261123",
        "user3": "decisions_default",
    }
    with store.engine.connect() as connection:
        ids = set(connection.scalars(text("SELECT id FROM decisions")))
    assert ids == {UUID(bytes=row.decision_id) for row in rows}


def test_a_new_partition_has_the_indexes_of_its_parent(store: Database) -> None:
    ensure(store)
    with store.engine.connect() as connection:
        found = connection.scalars(text("SELECT indexdef FROM pg_indexes WHERE tablename = 'decisions_20261122'"))
        columns = sorted(definition.partition(" USING ")[2] for definition in found)
    assert columns == ["btree (id)", "btree (occurred_at) WHERE backfill", "btree (user_id, id)"]


def test_daemons_that_make_them_at_the_same_time_take_turns(store: Database) -> None:
    copy_in(store.conninfo, [decision(user_id="early")])
    barrier = threading.Barrier(2)
    results: list[list[str]] = []

    def make() -> None:
        barrier.wait()
        results.append(ensure(store, days_ahead=3))

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert results[0] == results[1]
    assert places(store) == {"early": "decisions_20261122"}


def test_what_is_written_meanwhile_waits_and_arrives(store: Database) -> None:
    with store.engine.begin() as connection:
        ensure_partitions(connection, NOON_MS, 0)
        writer = threading.Thread(target=copy_in, args=(store.conninfo, [decision(user_id="meanwhile")]))
        writer.start()
        with psycopg.connect(store.conninfo, autocommit=True) as other:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'decisions'::regclass"
            while other.execute(waiting).fetchone() == (0,):
                assert writer.is_alive()
    writer.join()
    assert places(store) == {"meanwhile": "decisions_20261122"}


def test_tables_that_somebody_holds_on_to_are_not_waited_for(store: Database) -> None:
    with psycopg.connect(store.conninfo) as holder:
        holder.execute("SELECT * FROM decisions_default")
        with pytest.raises(exc.OperationalError, match="lock timeout"):
            ensure(store)
    assert len(ensure(store)) == 3
