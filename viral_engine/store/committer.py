"""One connection that commits batches: COPY for decisions, statements for the rest, one transaction a batch.

The journal's engine. Asynchronous psycopg on the runtime's loop: while a batch is on its way the next one gathers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from viral_engine.messages.journal import Commit, RecordDecision, RowRefused, RowsDiffer
from viral_engine.store.pack import COPY_DECISIONS, COPY_HEADER, COPY_TRAILER, insert_decision, pack_decision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from viral_engine.messages.journal import DecisionRow, Statement

    Request = RecordDecision | Commit
    Settle = Callable[["Piece", list[list[tuple[Any, ...]]] | Exception], None]

ROW_ERRORS = ("22", "23", "42", "44")
"""SQLSTATE classes that are a row's own fault: data, constraints, wrong statement, check option."""

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
        transaction_id: of an explicit transaction; None for a lone COPY, which is found by its rows.
        decision_id: of one decision in it.
        pieces: what it would commit.
    """

    application_name: str
    transaction_id: str | None
    decision_id: bytes | None
    pieces: tuple[Piece, ...]


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

    async def was_committed(self, attempt: Attempt) -> bool:
        """Tells whether a transaction of a lost connection committed, after making sure that it can't any more.

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
            rows = await self._query("SELECT pg_xact_status(%s::xid8) = 'committed'", (attempt.transaction_id,))
            return bool(rows[0][0])
        rows = await self._query("SELECT 1 FROM decisions WHERE id = %s::uuid", (_uuid_text(attempt.decision_id),))
        return bool(rows)

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
        except (RowsDiffer, psycopg.Error) as error:
            await self._recover(error)
            if len(pieces) == 1:
                settle(pieces[0], error if isinstance(error, RowsDiffer) else RowRefused(_in_short(error)))
                return
            middle = len(pieces) // 2
            await self.commit(pieces[:middle], settle)
            await self.commit(pieces[middle:], settle)
            return
        self.attempt = None
        for piece, result in zip(pieces, results, strict=True):
            settle(piece, result)

    async def record_again(self, rows: Sequence[DecisionRow]) -> None:
        """Inserts decisions that may be there already, in one transaction.

        Raises:
            ConnectionLost: nothing was inserted, or all was; doing it again is harmless.
        """
        connection = self._live()
        try:
            async with connection.transaction(), connection.cursor() as cursor:
                for row in rows:
                    statement = insert_decision(row)
                    await cursor.execute(statement.sql, statement.parameters)
        except psycopg.Error as error:
            raise ConnectionLost(_in_short(error)) from error

    async def _commit_once(self, pieces: tuple[Piece, ...]) -> list[list[list[tuple[Any, ...]]]]:
        connection = self._live()
        packed = [piece.packed for piece in pieces if piece.packed is not None]
        requests = [piece.request for piece in pieces]
        first_id = next((one.row.decision_id for one in requests if isinstance(one, RecordDecision)), None)
        if len(packed) == len(pieces) and not any(request.statements for request in requests):
            self.attempt = Attempt(self.application_name, None, first_id, pieces)
            async with connection.cursor() as cursor:
                await self._copy(cursor, packed)
            return [[] for _ in pieces]
        async with connection.cursor() as cursor:
            await cursor.execute("BEGIN")
            await cursor.execute("SELECT pg_current_xact_id()::text")
            row = await cursor.fetchone()
            assert row is not None
            self.attempt = Attempt(self.application_name, row[0], first_id, pieces)
            if packed:
                await self._copy(cursor, packed)
            results = [[await self._run(cursor, statement) for statement in request.statements] for request in requests]
            await cursor.execute("COMMIT")
        return results

    @staticmethod
    async def _copy(cursor: psycopg.AsyncCursor[tuple[Any, ...]], packed: list[bytes]) -> None:
        rows = b"".join([COPY_HEADER, *packed, COPY_TRAILER])
        async with cursor.copy(COPY_DECISIONS) as copy:
            await copy.write(rows)

    @staticmethod
    async def _run(cursor: psycopg.AsyncCursor[tuple[Any, ...]], statement: Statement) -> list[tuple[Any, ...]]:
        await cursor.execute(statement.sql, statement.parameters)
        if statement.rows_expected is not None and cursor.rowcount != statement.rows_expected:
            raise RowsDiffer(statement.rows_expected, cursor.rowcount)
        return await cursor.fetchall() if cursor.description is not None else []

    async def _recover(self, error: Exception) -> None:
        """Makes the connection usable again after a row's error.

        Raises:
            ConnectionLost: the error was not a row's, or the connection is gone.
        """
        connection = self._connection
        if isinstance(error, psycopg.Error) and (error.sqlstate or "")[:2] not in ROW_ERRORS:
            raise ConnectionLost(_in_short(error)) from error
        if connection is None or connection.broken:
            raise ConnectionLost(str(error)) from error
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


def _uuid_text(identifier: bytes | None) -> str:
    assert identifier is not None
    return identifier.hex()


def _in_short(error: Exception) -> str:
    """Returns the first line of an error: later ones may quote the row."""
    return str(error).partition("\n")[0] or type(error).__name__
