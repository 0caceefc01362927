"""The journal: every sender gets an answer, none of what it acknowledged is missing, nothing is recorded twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from data_actors import (
    ANSWER_S,
    Line,
    end_backends,
    journal,
    kill,
    locked,
    outcome,
    record,
    recorded,
    rows_of,
    until,
    wait_until_blocked,
)
from rows import decision

from viral_engine import config
from viral_engine.messages.database import CleanUp, DatabaseReady
from viral_engine.messages.journal import Commit, NotCommitted, NotRecorded, RecordDecision, RowRefused, Statement
from viral_engine.runtime.errors import ActorExited
from viral_engine.runtime.events import KeptStateDropped
from viral_engine.runtime.reply import Reply
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import EventLog, settle, start_supervised
from viral_engine.store.engine import Database

NAME = "viral-engine journal"
PATIENT = {"commit_deadline_ms": 15_000, "stall_deadline_ms": 15_000}
HASTY = {"commit_deadline_ms": 200, "stall_deadline_ms": 300}


def send(system: System, *requests: Any) -> list[Reply[Any]]:
    return [system.call("/journal", request, ANSWER_S) for request in requests]


def note(key: str) -> Statement:
    sql = "INSERT INTO nodes (boot_id, url, started_at, heartbeat_at) VALUES (%s, 'x', now(), now()) RETURNING boot_id"
    return Statement(sql, (key,))


def notes(conninfo: str) -> list[str]:
    return [row[0] for row in rows_of(conninfo, "SELECT boot_id FROM nodes ORDER BY boot_id")]


def state(system: System) -> Any:
    return system.registry.actors["/journal"].order("get_state").get(timeout=ANSWER_S)


def is_incarnation(system: System, number: int) -> bool:
    found = system.registry.whereis("/journal")
    return found is not None and found.incarnation == number


def backends(conninfo: str) -> set[int]:
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE %s"
    return {pid for (pid,) in rows_of(conninfo, query, f"{NAME}%")}


@pytest.fixture
def through(store: Database, folder: Path) -> Iterator[tuple[Line, Database]]:
    """A line to the database, and a handle that goes through it."""
    settings = msgspec.structs.replace(config.load().database, connect_timeout_s=2)
    with Line(folder, store.conninfo) as line:
        handle = Database(line.conninfo, settings)
        yield line, handle
        handle.dispose()


def test_everything_that_waits_is_one_transaction_and_everybody_is_answered(store: Database, tmp_path: Path) -> None:
    requests = [record(decision()) for _ in range(300)]
    with start_supervised(journal(store, tmp_path, **PATIENT)) as system:
        with locked(store.conninfo, "decisions"):
            first = send(system, record(decision()))
            wait_until_blocked(store.conninfo)
            replies = send(system, *requests)
            settle(system)
        assert [outcome(reply) for reply in replies] == [one.reply for one in requests]
        assert outcome(first[0])
    assert rows_of(store.conninfo, "SELECT count(*) FROM decisions GROUP BY xmin::text ORDER BY 1") == [(1,), (300,)]


def test_a_bad_row_fails_its_own_sender_and_the_journal_lives_on(store: Database, tmp_path: Path) -> None:
    good = [record(decision()) for _ in range(20)]
    bad = [record(decision(facts=b"{")), record(decision(user_id="\0")), Commit((Statement("SELECT %s", (object(),)),))]
    log = EventLog()
    with start_supervised(journal(store, tmp_path, **PATIENT), log=log) as system:
        replies = send(system, *good[:10], *bad, *good[10:])
        outcomes = [outcome(reply) for reply in replies]
        assert system.registry.actors["/journal"].incarnation == 1
    assert [type(one) for one in outcomes[10:13]] == [RowRefused] * 3
    assert [one for one in outcomes if isinstance(one, str)] == [one.reply for one in good]
    assert recorded(store.conninfo) == sorted(one.reply for one in good)


def test_connections_ended_under_load_cost_nobody_an_answer_and_no_decision(store: Database, tmp_path: Path) -> None:
    ended = 0
    replies: dict[str, Reply[Any]] = {}
    with start_supervised(journal(store, tmp_path, batch_rows_max=16, **PATIENT)) as system:
        for _ in range(8):
            requests = [record(decision(), *([note(f"n{len(replies) + n}")] * (n % 3 == 0))) for n in range(100)]
            replies |= zip([one.reply for one in requests], send(system, *requests), strict=True)
            ended += end_backends(store.conninfo, NAME)
        outcomes = {key: outcome(reply) for key, reply in replies.items()}
    assert ended > 0
    assert outcomes == {key: key for key in replies}
    assert recorded(store.conninfo) == sorted(replies)


@pytest.mark.parametrize("speaker", ["client", "server"])
@pytest.mark.parametrize("words", [b"COMMIT", b"COPY"])
def test_a_line_cut_around_the_commit_records_once_and_answers_all(
    through: tuple[Line, Database], store: Database, tmp_path: Path, speaker: str, words: bytes
) -> None:
    line, handle = through
    with start_supervised(journal(handle, tmp_path, **PATIENT)) as system:
        until(lambda: state(system)["connected"])
        line.cut_at(speaker, words)
        mixed = words == b"COMMIT"
        one = record(decision(), *([note("a")] if mixed else []))
        with locked(store.conninfo, "decisions"):
            # Both requests in one batch: a first one keeps the writer busy until they wait together.
            head = send(system, record(decision()))
            wait_until_blocked(store.conninfo)
            replies = send(system, one, *([Commit((note("b"),))] if mixed else []))
            settle(system)
        outcomes = [outcome(reply) for reply in (*head, *replies)]
        assert line.was_cut.is_set()
    assert outcomes[1:] == [one.reply, *([[[("b",)]]] if mixed else [])]
    assert recorded(store.conninfo) == sorted([outcomes[0], one.reply])
    assert notes(store.conninfo) == (["a", "b"] if mixed else [])


@pytest.mark.parametrize("speaker", ["client", "server"])
def test_a_change_without_a_decision_is_sent_again_or_said_to_be_unsure(
    through: tuple[Line, Database], store: Database, tmp_path: Path, speaker: str
) -> None:
    line, handle = through
    with start_supervised(journal(handle, tmp_path, **PATIENT)) as system:
        until(lambda: state(system)["connected"])
        line.cut_at(speaker, b"COMMIT")
        answer = outcome(send(system, Commit((note("a"),)))[0])
    if speaker == "client":
        assert answer == [[("a",)]]
    else:
        assert isinstance(answer, NotCommitted)
        assert answer.maybe
    assert notes(store.conninfo) == ["a"]


def test_a_killed_incarnation_leaves_its_batch_to_the_next_one(store: Database, tmp_path: Path) -> None:
    under_way = [record(decision()) for _ in range(3)]
    waiting = [record(decision(), note(f"n{n}")) for n in range(3)]
    with start_supervised(journal(store, tmp_path, **PATIENT)) as system:
        with locked(store.conninfo, "decisions"):
            replies = send(system, *under_way)
            wait_until_blocked(store.conninfo)
            replies += send(system, *waiting)
            settle(system)
            for _ in range(2):
                kill(system, "/journal")
                wait_until_blocked(store.conninfo)
        requests = [*under_way, *waiting]
        assert [outcome(reply) for reply in replies] == [one.reply for one in requests]
        assert state(system)["under_way"] == 0
    assert recorded(store.conninfo) == sorted(one.reply for one in requests)
    assert notes(store.conninfo) == ["n0", "n1", "n2"]


def test_a_killed_incarnation_that_had_nothing_to_do_leaves_no_connection(store: Database, tmp_path: Path) -> None:
    with start_supervised(journal(store, tmp_path, **PATIENT)) as system:
        one = record(decision())
        assert outcome(send(system, one)[0]) == one.reply
        before = backends(store.conninfo)
        old = system.registry.actors["/journal"]
        kill(system, "/journal")
        until(lambda: (now := backends(store.conninfo)) and not before & now)
        # Held until here: the garbage collector would hang up too.
        del old


def test_kills_under_load_lose_nothing_that_was_acknowledged(store: Database, tmp_path: Path) -> None:
    replies: dict[str, Reply[Any]] = {}
    worker = journal(store, tmp_path, batch_rows_max=16, **PATIENT)
    with start_supervised(worker, restarts_max=100) as system:
        for _ in range(8):
            requests = [record(decision()) for _ in range(100)]
            first = send(system, *requests[:50])
            assert outcome(first[0]) == requests[0].reply
            replies |= zip([one.reply for one in requests], first + send(system, *requests[50:]), strict=True)
            kill(system, "/journal")
        outcomes = {key: outcome(reply) for key, reply in replies.items()}
    there = recorded(store.conninfo)
    acknowledged = [key for key, answer in outcomes.items() if answer == key]
    assert len(there) == len(set(there))
    assert set(acknowledged) <= set(there)
    # Whoever was still in the mailbox of a killed incarnation is told so; everybody else has a recorded decision.
    assert all(isinstance(answer, ActorExited) for key, answer in outcomes.items() if key not in acknowledged)


def test_a_kill_in_the_moment_of_the_commit_records_once(
    through: tuple[Line, Database], store: Database, tmp_path: Path
) -> None:
    line, handle = through
    one = record(decision(), note("a"))
    with start_supervised(journal(handle, tmp_path, **PATIENT)) as system:
        until(lambda: state(system)["connected"])
        with locked(store.conninfo, "decisions"):
            replies = send(system, one, Commit((note("b"),)))
            wait_until_blocked(store.conninfo)
            # The server commits, and its word of it is still on the way when the journal dies.
            line.hold_words("server", b"COMMIT")
        assert line.holds.wait(ANSWER_S)
        kill(system, "/journal")
        line.release()
        assert [outcome(reply) for reply in replies] == [one.reply, [[("b",)]]]
    assert recorded(store.conninfo) == [one.reply]
    assert notes(store.conninfo) == ["a", "b"]


def test_who_waits_longer_than_the_deadline_is_told_so_and_may_be_recorded_once(
    store: Database, tmp_path: Path
) -> None:
    worker = journal(store, tmp_path, commit_deadline_ms=100, stall_deadline_ms=15_000)
    with start_supervised(worker) as system:
        with locked(store.conninfo, "decisions"):
            under_way = record(decision())
            replies = send(system, under_way)
            wait_until_blocked(store.conninfo)
            waiting = [record(decision()), Commit((note("a"),))]
            late = [outcome(reply) for reply in (*replies, *send(system, *waiting))]
        assert [type(one) for one in late] == [NotRecorded, NotRecorded, NotCommitted]
        assert late[0].request is under_way
        # It was never begun, so nothing can have come of it.
        assert late[2].maybe is False
        after = record(decision())
        assert outcome(send(system, after)[0]) == after.reply
    assert recorded(store.conninfo) == sorted([under_way.reply, after.reply])
    assert notes(store.conninfo) == []


def test_a_stalled_connection_is_replaced_and_its_batch_not_sent_twice(
    through: tuple[Line, Database], store: Database, tmp_path: Path
) -> None:
    line, handle = through
    with start_supervised(journal(handle, tmp_path, **HASTY)) as system:
        until(lambda: state(system)["connected"])
        line.hold()
        one = record(decision())
        assert isinstance(outcome(send(system, one)[0]), NotRecorded)
        until(lambda: line.accepted > 1)
        line.release()
        after = record(decision())
        until(lambda: outcome(send(system, after)[0]) == after.reply)
    assert sorted(recorded(store.conninfo).count(key) for key in (one.reply, after.reply)) in ([0, 1], [1, 1])


def test_a_batch_stuck_on_a_lock_is_given_up_and_its_backend_ended(store: Database, tmp_path: Path) -> None:
    with start_supervised(journal(store, tmp_path, **HASTY)) as system:
        with locked(store.conninfo, "decisions"):
            stuck = record(decision())
            reply = send(system, stuck)[0]
            wait_until_blocked(store.conninfo)
            before = backends(store.conninfo)
            assert isinstance(outcome(reply), NotRecorded)
            until(lambda: not before & backends(store.conninfo))
        after = record(decision())
        until(lambda: outcome(send(system, after)[0]) == after.reply)
    assert recorded(store.conninfo) == [after.reply]


def test_without_a_database_everybody_is_told_and_its_return_is_noticed(store: Database, tmp_path: Path) -> None:
    worker = journal(store, tmp_path, **HASTY)
    store.is_ready = False
    with start_supervised(worker) as system:
        lost = [outcome(reply) for reply in send(system, record(decision()), Commit((note("a"),)))]
        assert [type(one) for one in lost] == [NotRecorded, NotCommitted]
        assert system.registry.actors["/journal"].status == "reconnecting"
        store.is_ready = True
        system.cast("/journal", DatabaseReady())
        one = record(decision())
        until(lambda: outcome(send(system, one)[0]) == one.reply or None)
        assert system.registry.actors["/journal"].status is None
    assert recorded(store.conninfo) == [one.reply]


def test_the_spool_is_recorded_once_when_the_database_is_back(store: Database, tmp_path: Path) -> None:
    worker = journal(store, tmp_path, spool_batch_rows=4, **PATIENT)
    context = worker.args[0]
    rows = [decision() for _ in range(10)]
    store.is_ready = False
    for row in rows:
        context.spool.append([row])
    context.spool.append([decision(facts=b"{")])
    with start_supervised(worker) as system:
        recorded_too = send(system, RecordDecision(row=rows[3], reply="recorded after all"))
        settle(system)
        store.is_ready = True
        system.cast("/journal", DatabaseReady())
        until(lambda: context.spool.rows == 0)
        assert outcome(recorded_too[0]) == "recorded after all"
        assert until(lambda: state(system)["spooled_rows_refused"]) == 1
        assert system.registry.actors["/journal"].incarnation == 1
    assert recorded(store.conninfo) == sorted(row.decision_id.hex() for row in rows)


def test_a_spool_that_the_disk_refuses_is_no_crash(store: Database, tmp_path: Path) -> None:
    worker = journal(store, tmp_path, **PATIENT)
    context = worker.args[0]
    context.spool.append([decision()])
    # A folder where the spool wants to keep its mark: the disk says no to root too.
    (spooled,) = (tmp_path / "spool").glob("*.spool")
    spooled.unlink()
    spooled.mkdir()
    with start_supervised(worker) as system:
        until(context.board.reasons)
        one = record(decision())
        assert outcome(send(system, one)[0]) == one.reply
        assert system.registry.actors["/journal"].incarnation == 1


def test_a_decision_is_refused_at_once_when_the_disk_is_full(store: Database, tmp_path: Path) -> None:
    with start_supervised(journal(store, tmp_path, free_bytes_min=1 << 62, **PATIENT)) as system:
        full = [outcome(reply) for reply in send(system, record(decision()), Commit((note("a"),)))]
    assert [type(one) for one in full] == [NotRecorded, NotCommitted]
    assert "MiB" in full[0].why
    assert full[1].maybe is False
    assert recorded(store.conninfo) == []


def test_stopping_commits_what_waits(store: Database, tmp_path: Path) -> None:
    requests = [record(decision()) for _ in range(5)]
    worker = journal(store, tmp_path, **PATIENT)
    store.is_ready = False
    with start_supervised(worker) as system:
        replies = send(system, *requests)
        settle(system)
        store.is_ready = True
    assert [outcome(reply) for reply in replies] == [one.reply for one in requests]
    assert recorded(store.conninfo) == sorted(one.reply for one in requests)


def test_stopping_tells_those_who_can_not_be_served(store: Database, tmp_path: Path) -> None:
    with start_supervised(journal(store, tmp_path, **HASTY)) as system, locked(store.conninfo, "decisions"):
        replies = send(system, record(decision()))
        wait_until_blocked(store.conninfo)
        replies += send(system, record(decision()))
        settle(system)
        stopped = threading.Thread(target=system.stop)
        stopped.start()
        assert [type(outcome(reply)) for reply in replies] == [NotRecorded] * 2
        stopped.join(ANSWER_S)
        assert not stopped.is_alive()
    assert recorded(store.conninfo) == []


def test_two_crashes_in_a_row_answer_everybody_and_start_afresh(store: Database, tmp_path: Path) -> None:
    log = EventLog()
    with start_supervised(journal(store, tmp_path, **HASTY), log=log) as system:
        with locked(store.conninfo, "decisions"):
            replies = send(system, record(decision()))
            wait_until_blocked(store.conninfo)
            for incarnation in (1, 2):
                until(partial(is_incarnation, system, incarnation))
                settle(system)
                replies += send(system, record(decision()))
                system.cast("/journal", CleanUp())
                settle(system)
            assert {type(outcome(reply)) for reply in replies} <= {NotRecorded, ActorExited}
        log.wait_for(KeptStateDropped)
        one = record(decision())
        until(lambda: outcome(send(system, one)[0]) == one.reply or None)
    assert recorded(store.conninfo).count(one.reply) == 1
