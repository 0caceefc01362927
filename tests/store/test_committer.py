"""Batches over one connection: a bad row fails its own sender, and what became of a cut transaction can be told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from data_actors import Line, record, recorded, rows_of
from rows import decision

from viral_engine.messages.journal import Commit, RowRefused, Statement
from viral_engine.messages.once import ClaimLost
from viral_engine.store.committer import Attempt, Committer, ConnectionLost, Piece, piece_of
from viral_engine.store.engine import Database

NOTE = "INSERT INTO nodes (boot_id, url, started_at, heartbeat_at) VALUES (%s, 'x', now(), now())"

_numbers = count(1)


def on_connection(conninfo: str, work: Callable[[Committer], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        committer = Committer(conninfo, f"committer test {next(_numbers)}")
        await committer.connect()
        try:
            return await work(committer)
        finally:
            committer.abandon()

    return asyncio.run(run())


def commit(conninfo: str, *requests: Any) -> list[Any]:
    """The fate of each request of one batch."""
    fates: dict[int, Any] = {}
    pieces = [piece_of(request) for request in requests]

    def settle(piece: Piece, result: Any) -> None:
        assert id(piece) not in fates
        fates[id(piece)] = result

    on_connection(conninfo, lambda committer: committer.commit(pieces, settle))
    return [fates[id(piece)] for piece in pieces]


def lost_attempt(conninfo: str, *requests: Any) -> Attempt:
    """The attempt that was under way when the connection broke."""

    async def work(committer: Committer) -> Attempt:
        with pytest.raises(ConnectionLost):
            await committer.commit([piece_of(request) for request in requests], lambda *_: None)
        assert committer.attempt is not None
        return committer.attempt

    attempt: Attempt = on_connection(conninfo, work)
    return attempt


def was_committed(conninfo: str, attempt: Attempt) -> bool:
    return bool(on_connection(conninfo, lambda committer: committer.was_committed(attempt)))


def note(key: str, rows_expected: int | None = None) -> Statement:
    return Statement(NOTE, (key,), rows_expected)


def notes(conninfo: str) -> list[str]:
    return [row[0] for row in rows_of(conninfo, "SELECT boot_id FROM nodes ORDER BY boot_id")]


def test_a_batch_is_one_transaction(store: Database) -> None:
    requests = [record(decision()) for _ in range(300)]
    assert commit(store.conninfo, *requests) == [[]] * 300
    assert rows_of(store.conninfo, "SELECT count(*), count(DISTINCT xmin::text) FROM decisions") == [(300, 1)]


BAD_REQUESTS: dict[str, Callable[[], Any]] = {
    "no JSON": lambda: record(decision(facts=b"{")),
    "a value of the wrong kind": lambda: Commit((Statement("SELECT %s::int", ("x",)),)),
    "an unknown table": lambda: Commit((Statement("SELECT 1 FROM nowhere", ()),)),
    "too few parameters": lambda: Commit((Statement("SELECT %s, %s", (1,)),)),
    "the NUL character": lambda: Commit((Statement("SELECT %s::text", ("\0",)),)),
    "a lone surrogate": lambda: Commit((Statement("SELECT %s::text", ("\ud800",)),)),
    "an object that is no value": lambda: Commit((Statement("SELECT %s", (object(),)),)),
    "too long for an index": lambda: record(decision(user_id="".join(map(chr, range(0x4E00, 0x4E00 + 9_000))))),
    "an exception of the server's own language": lambda: Commit((Statement("DO 'BEGIN RAISE ''no''; END'", ()),)),
    "a division by zero": lambda: record(decision(), Statement("SELECT 1 / 0", ())),
}


@pytest.mark.parametrize("bad", BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_a_bad_row_fails_its_own_sender_and_nobody_else(store: Database, bad: Callable[[], Any]) -> None:
    good = [record(decision()) for _ in range(6)]
    fates = commit(store.conninfo, *good[:4], bad(), *good[4:])
    assert isinstance(fates.pop(4), RowRefused)
    assert fates == [[]] * 6
    assert recorded(store.conninfo) == sorted(one.reply for one in good)


def test_an_id_that_is_there_already_fails_the_second_sender(store: Database) -> None:
    first, other = record(decision()), record(decision())
    commit(store.conninfo, first)
    fates = commit(store.conninfo, first, other)
    assert isinstance(fates[0], RowRefused)
    assert fates[1] == []
    assert recorded(store.conninfo) == sorted([first.reply, other.reply])


def test_a_decision_and_its_statements_are_committed_together_or_not_at_all(store: Database) -> None:
    good, bad = record(decision(), note("a")), record(decision(), note("b"), note("b2", rows_expected=2))
    fates = commit(store.conninfo, good, bad)
    assert fates[0] == [[]]
    assert isinstance(fates[1], ClaimLost)
    assert recorded(store.conninfo) == [good.reply]
    assert notes(store.conninfo) == ["a"]


def test_rows_are_returned_per_statement_to_the_sender_they_belong_to(store: Database) -> None:
    asked = [Commit((Statement("SELECT %s::int", (n,)), Statement("SELECT 1 WHERE false", ()))) for n in range(3)]
    assert commit(store.conninfo, *asked) == [[[(n,)], []] for n in range(3)]


def test_what_follows_of_a_change_s_rows_is_committed_with_it_or_not_at_all(store: Database) -> None:
    def follows(rows_expected: int) -> Any:
        return lambda rows: (note(f"{rows[0][0][0]} of {rows_expected}", rows_expected=rows_expected),)

    row = Statement("SELECT 7", ())
    good, bad = Commit((row, note("a")), follows(1)), Commit((row, note("b")), follows(2))
    fates = commit(store.conninfo, good, bad)
    assert fates[0] == [[(7,)], []]
    assert isinstance(fates[1], ClaimLost)
    assert notes(store.conninfo) == ["7 of 1", "a"]


def test_a_copy_whose_answer_was_lost_is_known_to_be_committed(store: Database, folder: Path) -> None:
    with Line(folder, store.conninfo) as line:
        line.cut_at("server", b"COPY 1\0")
        attempt = lost_attempt(line.conninfo, one := record(decision()))
    assert line.was_cut.is_set()
    assert was_committed(store.conninfo, attempt)
    assert recorded(store.conninfo) == [one.reply]


def test_a_copy_that_never_reached_the_server_is_known_not_to_be_committed(store: Database, folder: Path) -> None:
    with Line(folder, store.conninfo) as line:
        line.cut_at("client", b"PGCOPY")
        attempt = lost_attempt(line.conninfo, record(decision()))
    assert not was_committed(store.conninfo, attempt)
    assert recorded(store.conninfo) == []


@pytest.mark.parametrize("speaker", ["client", "server"])
@pytest.mark.parametrize("with_decision", [True, False])
def test_the_fate_of_a_transaction_cut_at_its_commit_is_known(
    store: Database, folder: Path, *, speaker: str, with_decision: bool
) -> None:
    request: Any = record(decision(), note("a")) if with_decision else Commit((note("a"),))
    with Line(folder, store.conninfo) as line:
        line.cut_at(speaker, b"COMMIT")
        attempt = lost_attempt(line.conninfo, request)
    committed = speaker == "server"
    assert attempt.results == ([[]],)
    assert was_committed(store.conninfo, attempt) is committed
    assert notes(store.conninfo) == (["a"] if committed else [])


def test_a_transaction_that_a_crash_left_no_trace_of_counts_as_not_committed(store: Database) -> None:
    never_begun = Attempt("nobody", (piece_of(Commit(())),), transaction_id=str(1 << 40))
    assert not was_committed(store.conninfo, never_begun)
    # The number was given out again after the crash, and that transaction committed.
    reused = rows_of(store.conninfo, "SELECT pg_current_xact_id()::text")[0][0]
    missing = Attempt("nobody", (piece_of(record(decision())),), transaction_id=None)
    assert not was_committed(store.conninfo, missing)
    assert was_committed(store.conninfo, Attempt("nobody", (piece_of(Commit(())),), transaction_id=reused))


def test_a_backend_that_is_ended_from_outside_is_a_lost_connection(store: Database) -> None:
    async def work(committer: Committer) -> None:
        await committer.commit([piece_of(record(decision()))], lambda *_: None)
        with psycopg.connect(store.conninfo, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                          " WHERE application_name LIKE 'committer test%'")  # fmt: skip
        with pytest.raises(ConnectionLost):
            await committer.commit([piece_of(record(decision()))], lambda *_: None)

    on_connection(store.conninfo, work)
    assert len(recorded(store.conninfo)) == 1


def test_a_cut_line_ends_a_commit_that_waits_for_the_server(store: Database, folder: Path) -> None:
    async def work(committer: Committer) -> None:
        line.hold()
        waiting = asyncio.create_task(committer.commit([piece_of(record(decision()))], lambda *_: None))
        asyncio.get_running_loop().call_later(0.01, committer.cut)
        with pytest.raises(ConnectionLost):
            await waiting
        committer.abandon()
        committer.cut()

    with Line(folder, store.conninfo) as line:
        on_connection(line.conninfo, work)


def test_spooled_rows_are_recorded_once_and_a_refused_one_does_not_stop_the_others(store: Database) -> None:
    rows = [decision() for _ in range(5)]
    bad = [decision(facts=b"{"), decision(user_id="\0")]

    async def work(committer: Committer) -> list[int]:
        return [await committer.record_again([*rows[:2], *bad, *rows[2:]]) for _ in range(2)]

    assert on_connection(store.conninfo, work) == [2, 2]
    assert recorded(store.conninfo) == sorted(row.decision_id.hex() for row in rows)
