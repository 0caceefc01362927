"""The CLI's end of the operators' socket."""

from __future__ import annotations

import socket
import time
from collections.abc import Generator
from contextlib import closing, suppress
from typing import Any

import msgspec

from viral_engine.control.protocol import ANSWER_BYTES_MAX, Answer, Refusal, Request, encode

CHUNK_BYTES = 64 * 1024


class NotRunning(Exception):
    """Nobody listens on the socket."""


class NoAnswer(Exception):
    """Somebody listens, but no answer came in time."""


def ask(path: str, request: Request, timeout_s: float) -> Any:
    """Sends one request and returns the data of the answer.

    Args:
        path: the socket.
        request: what is asked.
        timeout_s: for the whole exchange.

    Raises:
        NotRunning: no daemon.
        NoAnswer: no answer, or only a part of one, within the time.
        Refusal: the daemon's own words.
        PermissionError: the socket belongs to somebody else.
    """
    with closing(_lines(path, request, timeout_s, until_s=time.monotonic() + timeout_s)) as lines:
        return next(lines)


def follow(path: str, request: Request, timeout_s: float) -> Generator[Any]:
    """Sends one request and yields the data of line after line, None for a sign of life, until there are no more.

    Args:
        path: the socket.
        request: what is asked.
        timeout_s: from one line to the next.

    Raises:
        NotRunning, NoAnswer, Refusal, PermissionError: as `ask`.
    """
    yield from _lines(path, request, timeout_s)


def _lines(path: str, request: Request, timeout_s: float, until_s: float | None = None) -> Generator[Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            raise NotRunning(path) from error
        except (TimeoutError, BlockingIOError) as error:
            raise NoAnswer(f"the daemon took no connection within {timeout_s:g} s") from error
        # A daemon that refuses says why before it closes: that may still be read when the sending failed.
        with suppress(ConnectionError):
            connection.sendall(encode(request))
        received, is_first = bytearray(), True
        while True:
            try:
                line = _next_line(connection, received, until_s or time.monotonic() + timeout_s)
            except TimeoutError as error:
                raise NoAnswer(f"the daemon gave no answer within {timeout_s:g} s") from error
            except ConnectionError as error:
                raise NoAnswer("the daemon closed the connection without an answer") from error
            if line is None and is_first:
                raise NoAnswer("the daemon closed the connection without an answer")
            if line is None:
                return
            is_first = False
            answer = msgspec.json.decode(line, type=Answer)
            if answer.error is not None:
                raise Refusal(answer.error.code, answer.error.message, answer.error.hint)
            yield answer.data


def _next_line(connection: socket.socket, received: bytearray, until_s: float) -> bytes | None:
    """Returns the next line and keeps what follows it; None when there is no more."""
    while (end := received.find(b"\n")) < 0:
        connection.settimeout(max(until_s - time.monotonic(), 0.001))
        chunk = connection.recv(CHUNK_BYTES)
        if not chunk and received:
            raise ConnectionResetError
        if not chunk:
            return None
        received += chunk
        if len(received) > ANSWER_BYTES_MAX:
            raise ConnectionAbortedError
    line = bytes(received[:end])
    del received[: end + 1]
    return line
