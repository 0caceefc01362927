"""COPY FROM STDIN in two round trips on libpq's own functions: for encrypted lines, see `copy_at_once`.

psycopg's COPY is made for streams of any size; a batch of the journal is in memory already, and the stream's layers
cost it more than the batch itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from viral_engine.store.readiness import readable, writable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.pq.abc import PGconn, PGresult

__all__ = ["copy_in"]


async def copy_in(connection: psycopg.AsyncConnection[Any], statement: bytes, parts: Sequence[bytes]) -> None:
    """Sends all of `parts`; outside a transaction they are committed when this returns.

    Cancelling leaves the connection in the middle of a command: close it.

    Args:
        connection: idle or in a transaction, and used by nobody else meanwhile.
        statement: COPY ... FROM STDIN.
        parts: header, rows and trailer in the statement's format.

    Raises:
        psycopg.Error: of the server's SQLSTATE, or OperationalError when the connection broke.
    """
    pgconn = connection.pgconn
    pgconn.send_query(statement)
    await _flush(pgconn)
    started = await _result(pgconn)
    if started is None or started.status != ExecStatus.COPY_IN:
        await _raise(pgconn, started)
    pgconn.put_copy_data(b"".join(parts))
    pgconn.put_copy_end()
    await _flush(pgconn)
    done = await _result(pgconn)
    if done is None or done.status != ExecStatus.COMMAND_OK:
        await _raise(pgconn, done)
    await _result(pgconn)


async def _raise(pgconn: PGconn, result: PGresult | None) -> None:
    """Reads what is left of the command and raises its error."""
    if result is None:
        raise psycopg.OperationalError("the connection ended in the middle of COPY")
    while await _result(pgconn) is not None:
        pass
    raise error_from_result(result)


async def _result(pgconn: PGconn) -> PGresult | None:
    """Waits for the next result; None at the command's end."""
    while pgconn.is_busy():
        await readable(pgconn.socket)
        pgconn.consume_input()
    return pgconn.get_result()


async def _flush(pgconn: PGconn) -> None:
    """Waits until everything is on its way; the server may have something to say before it takes more."""
    while pgconn.flush() == 1:
        await writable(pgconn.socket)
        pgconn.consume_input()
