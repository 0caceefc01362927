"""The CLI's end of the operators' socket."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
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
    until_s = time.monotonic() + timeout_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            raise NotRunning(path) from error
        except (TimeoutError, BlockingIOError) as error:
            raise NoAnswer(f"the daemon took no connection within {timeout_s:g} s") from error
        try:
            line = _exchange(connection, encode(request), until_s)
        except TimeoutError as error:
            raise NoAnswer(f"the daemon gave no answer within {timeout_s:g} s") from error
        except ConnectionError as error:
            raise NoAnswer("the daemon closed the connection without an answer") from error
    answer = msgspec.json.decode(line, type=Answer)
    if answer.error is not None:
        raise Refusal(answer.error.code, answer.error.message, answer.error.hint)
    return answer.data


def _exchange(connection: socket.socket, request: bytes, until_s: float) -> bytes:
    # A daemon that refuses says why before it closes: that may still be read when the sending failed.
    with suppress(ConnectionError):
        connection.sendall(request)
    received = bytearray()
    while not received.endswith(b"\n"):
        connection.settimeout(max(until_s - time.monotonic(), 0.001))
        chunk = connection.recv(CHUNK_BYTES)
        if not chunk:
            raise ConnectionResetError
        received += chunk
        if len(received) > ANSWER_BYTES_MAX:
            raise ConnectionAbortedError
    return bytes(received)
