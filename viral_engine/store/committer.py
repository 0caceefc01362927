"""One connection that commits batches: COPY for decisions, statements for the rest, one transaction a batch.

The journal's engine. Asynchronous psycopg on the runtime's loop: while a batch is on its way the next one gathers.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psycopg

from viral_engine.messages.journal import Commit, RecordDecision, RowRefused, RowsDiffer
from viral_engine.messages.once import ClaimLost
from viral_engine.store.copy_at_once import can_copy_at_once, copy_at_once
from viral_engine.store.copy_in import copy_in
from viral_engine.store.pack import COPY_DECISIONS, COPY_HEADER, COPY_TRAILER, insert_decision, pack_decision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from viral_engine.messages.journal import DecisionRow, Statement

    Request = RecordDecision | Commit
    Rows = list[list[tuple[Any, ...]]]
    Settle = Callable[["Piece", Rows | Exception], None]

SERVER_ERRORS = frozenset({"08", "25", "28", "3D", "40", "53", "55", "57", "58", "F0", "XX"})
"""SQLSTATE classes that speak of the server: away, read-only, out of memory or disk, shutting down, a deadlock.

Every other error is a row's own fault, as are the driver's before it sends anything: such a row fails alone.
"""

TERMINATE_WAIT_MS = 2_000


class ConnectionLost(Exception):
    """The connection broke, or the server refuses to work; `attempt` is what was under way."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(slots=True, eq=False)
class Piece:
    """One sender's part of a batch; its decision is packed already, so that a row that can't be never gets here."""

    request: Request
    packed: bytes | None


def piece_of(request: Request) -> Piece:
    """Prepares a request for a batch.

    Raises:
        ValueError: the database can't hold the decision; names the column.
    """
    return Piece(request, pack_decision(request.row) if isinstance(request, RecordDecision) else None)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One transaction whose fate may have to be looked up.

    Attributes:
        application_name: of the connection, so that its backend can be found and ended.
        pieces: what it would commit.
        transaction_id: set when no decision is among the pieces; decisions are the better witness, see `was_committed`.
        results: rows per piece and statement, known before the commit is sent.
    """

    application_name: str
    pieces: tuple[Piece, ...]
    transaction_id: str | None = None
    results: tuple[Rows, ...] | None = None

    @property
    def decision_ids(self) -> list[str]:
        """Of every decision in it, each once."""
        rows = (piece.request.row for piece in self.pieces if isinstance(piece.request, RecordDecision))
        return list({row.decision_id.hex(): None for row in rows})


def cut(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """Ends the conversation on the socket: whoever waits for the server finds it gone. From any thread."""
    # The copy shares the line: psycopg closes its own socket when it has seen the end.
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.pgconn.socket)) as line:
        line.shutdown(socket.SHUT_RDWR)


class Committer:
    """Commits batches over one connection.

    Args:
        conninfo: for psycopg.
        application_name: unique to this connection.
    """

    def __init__(self, conninfo: str, application_name: str) -> None:
        self._conninfo = conninfo
        self.application_name = application_name
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self.attempt: Attempt | None = None

    async def connect(self) -> None:
        """Opens the connection.

        Raises:
            ConnectionLost: the server is away.
        """
        try:
            self._connection = await psycopg.AsyncConnection.connect(
                self._conninfo, autocommit=True, application_name=self.application_name, prepare_threshold=1
            )
        except psycopg.Error as error:
            raise ConnectionLost(str(error)) from error

    def abandon(self) -> None:
        """Closes the socket without a word to the server, which may be stalled."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.pgconn.finish()

    def cut(self) -> None:
        """Has whoever waits for the server find it gone.

        A cancelled psycopg call would ask the server to cancel and wait for its word, which a stalled one never says.
        """
        if self._connection is not None:
            cut(self._connection)

    async def was_committed(self, attempt: Attempt) -> bool:
        """Tells whether a transaction of a lost connection committed, after making sure that it can't any more.

        Decisions are looked up themselves: after a crash the server may give the number of a transaction that left
        no trace to another one, which then commits.

        Raises:
            ConnectionLost: this connection broke too.
        """
        rows = await self._query(
            "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE application_name = %s",
            (TERMINATE_WAIT_MS, attempt.application_name),
        )
        if not all(ended for (ended,) in rows):
            raise ConnectionLost("the backend of the lost connection does not end")
        if attempt.transaction_id is not None:
            rows = await self._query(
                "SELECT CASE WHEN %s::xid8 < pg_snapshot_xmax(pg_current_snapshot())"
                " THEN pg_xact_status(%s::xid8) = 'committed' END",
                (attempt.transaction_id, attempt.transaction_id),
            )
            return bool(rows[0][0])
        ids = attempt.decision_ids
        rows = await self._query("SELECT count(*) FROM decisions WHERE id = ANY(%s::uuid[])", (ids,))
        return bool(rows[0][0] == len(ids))

    async def commit(self, pieces: Sequence[Piece], settle: Settle) -> None:
        """Commits all pieces, or all but those whose rows the database refuses.

        A batch that fails because of a row is split until the row stands alone and fails its own sender.

        Args:
            pieces: in the order of their arrival.
            settle: called for each piece as soon as its fate is known: rows per statement, or the error.

        Raises:
            ConnectionLost: `attempt` is what was under way; pieces before it are settled, those after it untouched.
        """
        try:
            results = await self._commit_once(tuple(pieces))
        except ConnectionLost:
            raise
        except Exception as error:  # noqa: BLE001  (whatever the driver says of a value it can't send is a row's fault)
            await self._recover(error)
            if len(pieces) == 1:
                settle(pieces[0], error if isinstance(error, RowsDiffer | ClaimLost) else RowRefused(_in_short(error)))
                return
            middle = len(pieces) // 2
            await self.commit(pieces[:middle], settle)
            await self.commit(pieces[middle:], settle)
            return
        self.attempt = None
        for piece, result in zip(pieces, results, strict=True):
            settle(piece, result)

    async def record_again(self, rows: Sequence[DecisionRow]) -> int:
        """Inserts decisions that may be there already, and returns how many the database refuses for good.

        Raises:
            ConnectionLost: some may have been inserted; doing it again is harmless.
        """
        connection = self._live()
        try:
            statements = [insert_decision(row) for row in rows]
            async with connection.transaction(), connection.cursor() as cursor:
                await cursor.executemany(statements[0].sql, [statement.parameters for statement in statements])
        except Exception as error:  # noqa: BLE001  (as in `commit`)
            await self._recover(error)
            if len(rows) == 1:
                return 1
            middle = len(rows) // 2
            return await self.record_again(rows[:middle]) + await self.record_again(rows[middle:])
        return 0

    async def _commit_once(self, pieces: tuple[Piece, ...]) -> tuple[Rows, ...]:
        connection = self._live()
        packed = [piece.packed for piece in pieces if piece.packed is not None]
        requests = [piece.request for piece in pieces]
        attempt = Attempt(self.application_name, pieces)
        if not any(request.statements for request in requests):
            results: tuple[Rows, ...] = tuple([] for _ in pieces)
            if packed:
                self.attempt = replace(attempt, results=results)
                await self._copy(packed)
            return results
        async with connection.cursor() as cursor:
            await cursor.execute("BEGIN")
            if packed:
                self.attempt = attempt
                await self._copy(packed)
            else:
                await cursor.execute("SELECT pg_current_xact_id()::text")
                row = await cursor.fetchone()
                assert row is not None
                self.attempt = attempt = replace(attempt, transaction_id=row[0])
            results = tuple([await self._run_all(cursor, request) for request in requests])
            self.attempt = replace(attempt, results=results)
            await cursor.execute("COMMIT")
        return results

    async def _copy(self, packed: list[bytes]) -> None:
        connection = self._live()
        copy = copy_at_once if can_copy_at_once(connection) else copy_in
        await copy(connection, COPY_DECISIONS.encode(), [COPY_HEADER, *packed, COPY_TRAILER])

    async def _run_all(self, cursor: psycopg.AsyncCursor[tuple[Any, ...]], request: Request) -> Rows:
        """Runs one sender's statements, and those that follow of their rows.

        Raises:
            RowsDiffer: a change found something else than it expected.
            ClaimLost: what is done under a key was, or will be, done by somebody else.
        """
        rows: Rows = []
        try:
            for number, one in enumerate(request.statements):
                rows.append(await self._run(cursor, number, one))
            for one in request.then(rows) if isinstance(request, Commit) and request.then is not None else ():
                await self._run(cursor, len(rows), one)
        except RowsDiffer as differ:
            if isinstance(request, RecordDecision) or differ.position == len(request.statements):
                raise ClaimLost from None
            raise
        return rows

    @staticmethod
    async def _run(
        cursor: psycopg.AsyncCursor[tuple[Any, ...]], position: int, statement: Statement
    ) -> list[tuple[Any, ...]]:
        await cursor.execute(statement.sql, statement.parameters)
        if statement.rows_expected is not None and cursor.rowcount != statement.rows_expected:
            raise RowsDiffer(statement.rows_expected, cursor.rowcount, position)
        return await cursor.fetchall() if cursor.description is not None else []

    async def _recover(self, error: Exception) -> None:
        """Makes the connection usable again after a row's error.

        Raises:
            ConnectionLost: the error was not a row's, or the connection is gone.
        """
        connection = self._connection
        if connection is None or connection.closed or _is_the_servers(error):
            raise ConnectionLost(_in_short(error)) from error
        try:
            if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                await connection.rollback()
        except psycopg.Error as worse:
            raise ConnectionLost(_in_short(worse)) from worse
        self.attempt = None

    async def _query(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            cursor = await self._live().execute(sql, parameters)
            return await cursor.fetchall()
        except psycopg.Error as error:
            raise ConnectionLost(_in_short(error)) from error

    def _live(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        if self._connection is None:
            raise ConnectionLost("the connection is closed")
        return self._connection


def _is_the_servers(error: Exception) -> bool:
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        # The driver's own word: of the line, or of a value that it can't send.
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate[:2] in SERVER_ERRORS


def _in_short(error: Exception) -> str:
    """Returns the first line of an error: later ones may quote the row."""
    return str(error).partition("\n")[0] or type(error).__name__
