"""COPY FROM STDIN in one message on libpq's socket: statement and data are sent together, one answer comes back.

libpq waits for the server's leave before it takes data: a round trip more in every batch, and half of the batch's time
on a loaded machine. The server needs no such wait: it reads the data after the statement, and skips it when the
statement fails (PostgreSQL's manual, "Message Flow", COPY operations). libpq is idle meanwhile and is told nothing:
the connection is afterwards in the same state as before, so the two can take turns. Not for an encrypted line.
"""

from __future__ import annotations

import os
from struct import Struct
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors

from viral_engine.store.readiness import readable, writable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["can_copy_at_once", "copy_at_once"]

_frame = Struct("!ci").pack
_frame_at = Struct("!ci").unpack_from
_FRAME_SIZE = 5
_COPY_DONE = _frame(b"c", 4)
_READY = b"Z"
_ERROR = b"E"
# CopyInResponse, CommandComplete, and what a server may say at any time: notice, parameter, notification.
_HARMLESS = frozenset({b"G", b"C", b"N", b"S", b"A"})
_READ_SIZE = 65_536


def can_copy_at_once(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Tells whether what is written to the connection's socket reaches the server as it is."""
    return not connection.pgconn.ssl_in_use and not connection.pgconn.used_gssapi


async def copy_at_once(connection: psycopg.AsyncConnection[Any], statement: bytes, parts: Sequence[bytes]) -> None:
    """Sends all of `parts`; outside a transaction they are committed when this returns.

    Cancelling leaves the connection in the middle of a command: close it.

    Args:
        connection: idle or in a transaction, `can_copy_at_once`, and used by nobody else meanwhile.
        statement: COPY ... FROM STDIN.
        parts: header, rows and trailer in the statement's format.

    Raises:
        psycopg.Error: of the server's SQLSTATE, or OperationalError when the connection broke.
    """
    line = connection.pgconn.socket
    query = _frame(b"Q", 4 + len(statement) + 1) + statement + b"\0"
    data = _frame(b"d", 4 + sum(map(len, parts)))
    try:
        await _send(line, b"".join([query, data, *parts, _COPY_DONE]))
        await _answer(line)
    except OSError as error:
        raise psycopg.OperationalError(f"the connection broke in the middle of COPY: {error.strerror}") from error


async def _send(line: int, message: bytes) -> None:
    rest = memoryview(message)
    while True:
        try:
            rest = rest[os.write(line, rest) :]
        except BlockingIOError:
            await writable(line)
        if not rest:
            return


async def _answer(line: int) -> None:
    """Reads up to ReadyForQuery.

    Raises:
        psycopg.Error: what the server said was wrong, also when it hangs up after saying so.
    """
    received = bytearray()
    failure: psycopg.Error | None = None
    while True:
        while len(received) >= _FRAME_SIZE:
            kind, size = _frame_at(received)
            if len(received) <= size:
                break
            body = bytes(received[_FRAME_SIZE : size + 1])
            del received[: size + 1]
            if kind == _READY:
                if failure is not None:
                    raise failure
                return
            if kind == _ERROR:
                failure = failure or _error_of(body)
            elif kind not in _HARMLESS:
                raise psycopg.OperationalError("the server's answer to COPY can't be understood")
        await readable(line)
        try:
            piece = os.read(line, _READ_SIZE)
        except BlockingIOError:
            continue
        if not piece:
            raise failure or psycopg.OperationalError("the connection ended in the middle of COPY")
        received += piece


def _error_of(body: bytes) -> psycopg.Error:
    """Builds the exception that psycopg would raise: fields are a letter and text, each ended by NUL."""
    fields = {field[:1]: field[1:].decode("utf-8", "replace") for field in body.split(b"\0") if field}
    try:
        error_class = errors.lookup(fields.get(b"C", ""))
    except KeyError:
        error_class = psycopg.DatabaseError
    return error_class(fields.get(b"M", "the server gave no reason"))
