"""COPY on libpq's socket in one message and on libpq's functions in two round trips: the same to the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from psycopg.errors import AdminShutdown, BadCopyFileFormat, InvalidTextRepresentation, UndefinedTable
from psycopg.pq import TransactionStatus
from rows import NOON_MS, decision

from viral_engine.store.copy_at_once import can_copy_at_once, copy_at_once
from viral_engine.store.copy_in import copy_in
from viral_engine.store.engine import Database
from viral_engine.store.pack import COPY_DECISIONS, COPY_HEADER, COPY_TRAILER, pack_decision

Copy = Callable[[psycopg.AsyncConnection[Any], bytes, list[bytes]], Awaitable[None]]

BOTH = pytest.mark.parametrize("copy", [copy_at_once, copy_in])
INTO_DECISIONS = COPY_DECISIONS.encode()


def parts(*rows: bytes) -> list[bytes]:
    return [COPY_HEADER, *rows, COPY_TRAILER]


def on_connection(store: Database, work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with await psycopg.AsyncConnection.connect(store.conninfo, autocommit=True) as connection:
            return await work(connection)

    return asyncio.run(run())


async def count(connection: psycopg.AsyncConnection[Any]) -> int:
    row = await (await connection.execute("SELECT count(*) FROM decisions")).fetchone()
    return int(row[0]) if row else -1


@BOTH
def test_rows_are_there_when_it_returns_and_the_connection_goes_on(store: Database, copy: Copy) -> None:
    rows = [pack_decision(decision(at_ms=NOON_MS + n)) for n in range(3)]

    async def work(connection: psycopg.AsyncConnection[Any]) -> None:
        assert can_copy_at_once(connection)
        for number, row in enumerate(rows, 1):
            await copy(connection, INTO_DECISIONS, parts(row))
            assert await count(connection) == number

    on_connection(store, work)


@BOTH
def test_more_than_the_sockets_buffers_hold_arrives_whole(store: Database, copy: Copy) -> None:
    answer = b'"' + b"x" * 60_000 + b'"'
    rows = [pack_decision(decision(at_ms=NOON_MS + n, answer=answer)) for n in range(200)]

    async def work(connection: psycopg.AsyncConnection[Any]) -> int:
        await copy(connection, INTO_DECISIONS, parts(*rows))
        return await count(connection)

    assert on_connection(store, work) == 200


@BOTH
@pytest.mark.parametrize(
    ("statement", "rows", "error_class"),
    [
        (INTO_DECISIONS, [pack_decision(decision(answer=b"{"))], InvalidTextRepresentation),
        (INTO_DECISIONS, [pack_decision(decision()), b"\0\x01"], BadCopyFileFormat),
        (b"COPY nowhere FROM STDIN (FORMAT binary)", [b"x" * 3_000_000], UndefinedTable),
    ],
)
def test_an_error_is_the_drivers_own_and_the_connection_goes_on(
    store: Database, copy: Copy, statement: bytes, rows: list[bytes], error_class: type[psycopg.Error]
) -> None:
    async def work(connection: psycopg.AsyncConnection[Any]) -> None:
        with pytest.raises(error_class) as raised:
            await copy(connection, statement, parts(*rows))
        assert str(raised.value)
        assert connection.info.transaction_status == TransactionStatus.IDLE
        await copy(connection, INTO_DECISIONS, parts(pack_decision(decision())))
        assert await count(connection) == 1

    on_connection(store, work)


@BOTH
def test_in_a_transaction_rows_stay_and_go_with_it(store: Database, copy: Copy) -> None:
    async def work(connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute("BEGIN")
        await copy(connection, INTO_DECISIONS, parts(pack_decision(decision())))
        assert await count(connection) == 1
        await connection.rollback()
        assert await count(connection) == 0
        await connection.execute("BEGIN")
        with pytest.raises(InvalidTextRepresentation):
            await copy(connection, INTO_DECISIONS, parts(pack_decision(decision(answer=b"{"))))
        await connection.rollback()
        assert await count(connection) == 0

    on_connection(store, work)


@BOTH
def test_what_the_server_says_in_between_disturbs_nothing(store: Database, copy: Copy) -> None:
    async def work(connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute("LISTEN news")
        await connection.execute(
            "CREATE FUNCTION speak() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE WARNING 'a row came'; PERFORM set_config('TimeZone', 'UTC', false); NOTIFY news;"
            " RETURN NULL; END$$"
        )
        await connection.execute("CREATE TABLE talking (a int)")
        await connection.execute("CREATE TRIGGER speak AFTER INSERT ON talking FOR EACH ROW EXECUTE FUNCTION speak()")
        one_row = b"\0\x01\0\0\0\x04\0\0\0\x07"
        await copy(connection, b"COPY talking FROM STDIN (FORMAT binary)", parts(*[one_row] * 100))
        row = await (await connection.execute("SELECT count(*) FROM talking")).fetchone()
        assert row == (100,)

    on_connection(store, work)


@BOTH
def test_a_backend_that_is_ended_is_an_error_with_the_servers_own_state(store: Database, copy: Copy) -> None:
    """A trigger has its own backend ended in the middle of the COPY."""

    async def work(connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute("CREATE TABLE deadly (a int)")
        await connection.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END$$"
        )
        await connection.execute("CREATE TRIGGER die BEFORE INSERT ON deadly FOR EACH ROW EXECUTE FUNCTION die()")
        with pytest.raises((AdminShutdown, psycopg.OperationalError)):
            await copy(connection, b"COPY deadly FROM STDIN (FORMAT binary)", parts(b"\0\x01\0\0\0\x04\0\0\0\x07"))
        with pytest.raises(psycopg.OperationalError):
            await copy(connection, INTO_DECISIONS, parts())

    on_connection(store, work)
