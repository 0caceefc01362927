"""The database actor: it comes back by itself, tells everybody, and gives up only what no later try can change."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from data_actors import end_backends, execute, kill, rows_of, until
from rows import NOON_MS, commit

from viral_engine import config
from viral_engine.actors.database.actor import CHECK_INTERVAL_S, DatabaseActor, DatabaseContext
from viral_engine.messages.database import DatabaseReady, EnsurePartitions, Heartbeat, Invalidate, PurgeIdempotency
from viral_engine.messages.keys import KeyRecord
from viral_engine.messages.once import Claim
from viral_engine.runtime.events import HandlerSlow
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import (
    PATIENCE_S,
    EventLog,
    ManualClock,
    Probe,
    Received,
    settle,
    start_supervised,
)
from viral_engine.store.embedded.server import EmbeddedServer
from viral_engine.store.engine import Database
from viral_engine.store.idempotency import claim
from viral_engine.store.notify import notify
from viral_engine.store.statements import instant_of
from viral_engine.telemetry.board import ConditionBoard

LISTENER = "viral-engine listener"


class Told:
    """What the others are told, and what the process is told."""

    def __init__(self) -> None:
        self.journal: list[Received] = []
        self.trust_safety: list[Received] = []
        self.web: list[Received] = []
        self.gave_up: list[str] = []
        self.gave_up_once = threading.Event()

    def give_up(self, why: str) -> None:
        self.gave_up.append(why)
        self.gave_up_once.set()

    def count(self, message: Any) -> int:
        return sum(one.message == message for one in self.trust_safety)


def children(database: Database, told: Told, server: EmbeddedServer | None = None) -> tuple[Any, ...]:
    key = KeyRecord(
        key_id="first", name="n", scopes=["check"], networks=[], secret_mac=b"m", created_at=instant_of(NOON_MS),
        expires_at=None, revoked_at=None,
    )  # fmt: skip
    context = DatabaseContext(
        database=database,
        server=server,
        settings=config.load(),
        board=ConditionBoard(),
        boot_id="boot",
        url="http://here",
        give_up=told.give_up,
        first_keys=(key,),
    )

    def probe(name: str, received: list[Received]) -> Worker:
        return Worker(name=name, actor_class=Probe, args=(received,))

    return (
        probe("journal", told.journal),
        Supervisor(name="growth", children=(probe("trust_safety", told.trust_safety),)),
        probe("web", told.web),
        Worker(name="database", actor_class=DatabaseActor, args=(context,)),
    )


class TakesTime:
    """An embedded server that runs already, whose start takes as long as the test says."""

    postmaster_pid = None

    def __init__(self, clock: ManualClock, *took_s: float) -> None:
        self._clock = clock
        self._took_s = list(took_s)

    def start(self) -> None:
        self._clock.advance(self._took_s.pop(0))


def board_of(system: System) -> dict[str, str]:
    actor: Any = system.registry.actors["/database"]
    reasons: dict[str, str] = actor._wired.board.reasons()
    return reasons


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def running(store: Database, told: Told) -> Iterator[System]:
    """A database actor on a migrated database, ready."""
    with start_supervised(*children(store, told)) as system:
        until(lambda: told.count(DatabaseReady()))
        yield system


@pytest.mark.parametrize(("took_s", "is_told"), [(3.0, False), (11.0, True)])
def test_a_first_start_of_seconds_is_not_called_slow_and_one_of_many_seconds_is(
    store: Database, told: Told, took_s: float, *, is_told: bool
) -> None:
    clock, log = ManualClock(), EventLog()
    server: Any = TakesTime(clock, took_s, 1.0)
    with start_supervised(*children(store, told, server), clock=clock, log=log) as system:
        until(lambda: told.count(DatabaseReady()))
        settle(system)
        assert [event.took_s for event in log.of(HandlerSlow)] == ([took_s] if is_told else [])
        # Once it has been there, half a second is much.
        end_backends(store.conninfo, LISTENER)
        clock.advance(CHECK_INTERVAL_S)
        until(lambda: told.count(DatabaseReady()) == 2)
        settle(system)
        assert log.of(HandlerSlow)[-1].took_s == 1.0


def test_a_fresh_database_is_migrated_partitioned_and_announced(database: str, told: Told) -> None:
    fresh = Database(database, config.load().database)
    with start_supervised(*children(fresh, told)) as system:
        until(lambda: told.count(DatabaseReady()))
        settle(system)
        assert fresh.is_ready
        actor: Any = system.registry.actors["/database"]
        assert actor.status is None
        assert len(actor.inspect_state()["partitions"]) == fresh.settings.partitions_ahead_days + 2
        assert [one.message for one in told.journal] == [DatabaseReady()]
        assert [one.message for one in told.web] == [Invalidate("all"), DatabaseReady()]
    assert rows_of(database, "SELECT key_id FROM api_keys") == [("first",)]
    # Before anybody works under this boot's name it shows a sign of life.
    assert rows_of(database, "SELECT boot_id, url FROM nodes") == [("boot", "http://here")]


def test_a_notice_of_another_node_is_spread(running: System, store: Database, told: Told) -> None:
    commit(store.conninfo, notify("user", "a:b"), notify("blocks", "x"))
    until(lambda: told.count(Invalidate("user", "a:b")) and told.count(Invalidate("blocks", "x")))
    settle(running)
    assert [one.message for one in told.web][-2:] == [Invalidate("user", "a:b"), Invalidate("blocks", "x")]


def test_a_lost_listener_is_replaced_and_everything_outdated_after_it_listens_again(
    running: System, store: Database, told: Told
) -> None:
    for times in (2, 3):
        assert end_backends(store.conninfo, LISTENER) == 1
        until(lambda n=times: told.count(DatabaseReady()) == n)  # type: ignore[misc]
        assert told.count(Invalidate("all")) == times
    assert board_of(running) == {}
    commit(store.conninfo, notify("user", "ann"))
    until(lambda: told.count(Invalidate("user", "ann")))
    assert rows_of(store.conninfo, "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
                   " AND datname = current_database()", LISTENER) == [(1,)]  # fmt: skip


def test_a_killed_incarnation_leaves_no_connection_and_the_next_one_misses_no_notice(
    running: System, store: Database, told: Told
) -> None:
    before = told.count(Invalidate("all"))
    kill(running, "/database")
    # Whatever was changed while nobody listened is covered by this.
    until(lambda: told.count(Invalidate("all")) > before)
    until(lambda: told.count(DatabaseReady()) == 2)
    assert store.is_ready
    assert board_of(running) == {}
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"
    until(lambda: rows_of(store.conninfo, query, LISTENER) == [(1,)])


def test_ticks_renew_the_node_make_partitions_and_purge_old_answers(
    running: System, store: Database, told: Told
) -> None:
    commit(store.conninfo, *(claim(Claim(f"{n}".encode(), b"t"), b"body", "boot") for n in range(3)))
    rows_of(store.conninfo, "UPDATE idempotency SET created_at = now() - interval '2 days'"
            " WHERE digest <> '2'::bytea RETURNING 1")  # fmt: skip
    execute(store.conninfo, "UPDATE nodes SET heartbeat_at = now() - interval '1 hour'")
    partition = rows_of(store.conninfo, "SELECT max(relname) FROM pg_class WHERE relname ~ '^decisions_2.*[0-9]$'")
    execute(store.conninfo, f"DROP TABLE {partition[0][0]}")
    for message in (Heartbeat(), EnsurePartitions(), PurgeIdempotency()):
        running.cast("/database", message)
    settle(running)
    assert rows_of(store.conninfo, "SELECT digest FROM idempotency") == [(b"2",)]
    assert rows_of(store.conninfo, "SELECT heartbeat_at > now() - interval '1 minute' FROM nodes") == [(True,)]
    assert rows_of(store.conninfo, "SELECT 1 FROM pg_class WHERE relname = %s", partition[0][0]) == [(1,)]


def test_more_old_answers_than_one_transaction_deletes_are_all_purged(running: System, store: Database) -> None:
    rows_of(store.conninfo, "INSERT INTO idempotency (digest, body_digest, boot_id, created_at)"
            " SELECT n::text::bytea, 'b', 'boot', now() - interval '2 days' FROM generate_series(1, 10001) AS n"
            " RETURNING 1")  # fmt: skip
    running.cast("/database", PurgeIdempotency())
    settle(running)
    assert rows_of(store.conninfo, "SELECT count(*) FROM idempotency") == [(0,)]


def test_housekeeping_that_fails_is_said_and_tried_again_by_the_next_tick(running: System, store: Database) -> None:
    execute(store.conninfo, "ALTER TABLE nodes RENAME TO hidden")
    running.cast("/database", Heartbeat())
    settle(running)
    assert list(board_of(running)) == ["housekeeping"]
    execute(store.conninfo, "ALTER TABLE hidden RENAME TO nodes")
    running.cast("/database", Heartbeat())
    settle(running)
    assert board_of(running) == {}
    assert running.registry.actors["/database"].incarnation == 1


def test_a_schema_of_a_newer_version_ends_the_process_with_a_sentence(store: Database, told: Told) -> None:
    execute(store.conninfo, "UPDATE alembic_version SET version_num = '9999'")
    with start_supervised(*children(store, told)) as system:
        assert told.gave_up_once.wait(PATIENCE_S)
        settle(system)
        assert len(told.gave_up) == 1
        assert "9999" in told.gave_up[0]
        assert told.journal == []
        assert not store.is_ready


def test_a_database_that_is_not_there_yet_is_waited_for(store: Database, told: Told, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(config.load().database, connect_timeout_s=2)
    away = Database(f"host={tmp_path} port=5432 dbname=x", settings)
    with start_supervised(*children(away, told)) as system:
        until(lambda: board_of(system))
        assert system.registry.actors["/database"].status == "reconnecting"
        assert told.gave_up == []
        away.conninfo = store.conninfo
        away.dispose()
        until(lambda: told.count(DatabaseReady()))
        assert board_of(system) == {}


def test_a_killed_server_is_started_again_and_everybody_is_told(
    make_server: Callable[[Path], EmbeddedServer], data_dir: Path, told: Told
) -> None:
    server = make_server(data_dir)
    database = Database(server.conninfo, config.load().database)
    with start_supervised(*children(database, told, server)) as system:
        until(lambda: told.count(DatabaseReady()))
        before = server.postmaster_pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        until(lambda: told.count(DatabaseReady()) == 2)
        assert told.count(Invalidate("all")) == 2
        assert server.postmaster_pid not in (None, before)
        assert system.registry.actors["/database"].incarnation == 1
        kill(system, "/database")
        until(lambda: told.count(DatabaseReady()) == 3)
        assert server.postmaster_pid is not None
    database.dispose()
