"""Messages between the actor and its process: a length of four bytes, and as many bytes."""

from __future__ import annotations

import socket
import struct
import time

_LENGTH = struct.Struct(">I")
FRAME_BYTES_MAX = 8_388_608
"""A body of 256 KiB grows fivefold at most, where every second character is a name."""

READ_BYTES = 65_536


class Closed(Exception):
    """The other side is gone, or does not speak this."""


def send(connection: socket.socket, message: bytes, until_s: float | None = None) -> None:
    """Sends a message.

    Args:
        connection: a stream.
        message: at most `FRAME_BYTES_MAX` bytes.
        until_s: on the monotonic clock; None waits for ever.

    Raises:
        TimeoutError: not in time.
        OSError: the other side is gone.
    """
    connection.settimeout(_remaining_s(until_s))
    connection.sendall(_LENGTH.pack(len(message)) + message)


def receive(connection: socket.socket, until_s: float | None = None) -> bytes:
    """Returns the next message.

    Raises:
        Closed: there is none.
        TimeoutError: not in time.
    """
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size, until_s))
    if length > FRAME_BYTES_MAX:
        raise Closed
    return _exactly(connection, length, until_s)


def _exactly(connection: socket.socket, length: int, until_s: float | None) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        connection.settimeout(_remaining_s(until_s))
        part = connection.recv(min(READ_BYTES, length - len(parts)))
        if not part:
            raise Closed
        parts += part
    return bytes(parts)


def _remaining_s(until_s: float | None) -> float | None:
    if until_s is None:
        return None
    remaining_s = until_s - time.monotonic()
    if remaining_s <= 0:
        raise TimeoutError
    return remaining_s
