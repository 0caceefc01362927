"""Accepts connections on the operators' socket and serves each in a small thread of its own."""

from __future__ import annotations

import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress

import structlog

from viral_engine.control.protocol import (
    CONNECTIONS_MAX,
    READ_TIMEOUT_S,
    REQUEST_BYTES_MAX,
    Answer,
    Failure,
    Refusal,
    Request,
    decode_request,
    encode,
)
from viral_engine.control.service import Peer, Served
from viral_engine.control.trace import Line

_UCRED = struct.Struct("3i")
_log = structlog.stdlib.get_logger("viral_engine.control")


class Server:
    """One accepting thread and at most `CONNECTIONS_MAX` serving ones.

    Args:
        listener: a listening, non-blocking socket that somebody else owns: this never closes it.
        serve: answers one request.
        failed: called from the accepting thread when it can't go on.
    """

    def __init__(
        self,
        listener: socket.socket,
        serve: Callable[[Request, Peer], Served],
        failed: Callable[[BaseException], object],
    ) -> None:
        self._listener = listener
        self._serve = serve
        self._failed = failed
        self._allowed_uids = frozenset({0, os.geteuid()})
        self._wake_read, self._wake_write = socket.socketpair()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._accept_all, name="control-accept", daemon=True)
        self.served = 0
        self.refused = 0

    @property
    def open_connections(self) -> int:
        """Connections that are being served."""
        return len(self._connections)

    def start(self) -> None:
        """Begins to accept."""
        self._thread.start()

    def abort(self) -> None:
        """Stops accepting; never waits, callable from any thread.

        Requests that were accepted are answered all the same: they lean on nothing of the actor that was killed, and
        each ends by its own time-out.
        """
        with self._lock:
            self._stopping = True
        with suppress(OSError):
            self._wake_write.send(b"x")

    def _cut(self) -> None:
        """Cuts the connections that are still open."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self, grace_s: float) -> None:
        """Stops accepting, lets open requests finish within the grace time, and waits for the threads."""
        until_s = time.monotonic() + grace_s
        with self._lock:
            self._stopping = True
            threads = list(self._connections.values())
        with suppress(OSError):
            self._wake_write.send(b"x")
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(until_s - time.monotonic(), 0.0))
        self._cut()
        self._thread.join(1.0)

    def _accept_all(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._listener, selectors.EVENT_READ)
                selector.register(self._wake_read, selectors.EVENT_READ)
                while not self._stopping:
                    selector.select()
                    if not self._stopping:
                        self._accept()
        except Exception as error:  # noqa: BLE001  (whatever it is, the actor must hear of it)
            self._failed(error)
        finally:
            self._wake_read.close()
            self._wake_write.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            return
        except OSError:
            # No descriptor is free, say: the connection stays in the backlog; a pause keeps this from spinning.
            threading.Event().wait(0.1)
            return
        with self._lock:
            full = len(self._connections) >= CONNECTIONS_MAX
            if not full:
                thread = threading.Thread(target=self._converse, args=(connection,), name="control", daemon=True)
                self._connections[connection] = thread
                thread.start()
        if full:
            self.refused += 1
            _send(connection, Answer(error=Failure("busy", f"{CONNECTIONS_MAX} operators are connected already")))
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        after = None
        try:
            served = self._answer(connection)
            after = served.after
            if served.stream is not None:
                self.served += self._stream(connection, served.stream)
            else:
                self.served += _send(connection, served.answer)
        except Exception:  # noqa: BLE001  (one operator's request must not end the others')
            _log.exception("an operator's request failed")
        finally:
            with self._lock:
                del self._connections[connection]
            connection.close()
        if after is not None:
            after()

    def _answer(self, connection: socket.socket) -> Served:
        try:
            peer = self._peer(connection)
            request = decode_request(_read_line(connection))
        except Refusal as refusal:
            return Served(Answer(error=refusal.failure))
        try:
            return self._serve(request, peer)
        except Exception as error:  # noqa: BLE001  (the same; the operator is told)
            _log.exception("an operator's request failed", verb=request.verb)
            return Served(Answer(error=Failure("failed", f"the daemon failed to answer: {type(error).__name__}")))

    def _stream(self, connection: socket.socket, lines: Generator[Line]) -> bool:
        """Sends line by line; ends early when the operator is gone or this stops, and tells whether it did not."""
        with closing(lines):
            for line in lines:
                if self._stopping:
                    _send(connection, Answer(error=Failure("failed", "the control actor ended", "trace again")))
                    return False
                if not _say(connection, Answer(data=line)):
                    return False
        return _hang_up(connection)

    def _peer(self, connection: socket.socket) -> Peer:
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        pid, uid, _gid = _UCRED.unpack(credentials)
        if uid not in self._allowed_uids:
            self.refused += 1
            _log.warning("operator refused", uid=uid, pid=pid)
            raise Refusal(
                "not_allowed", f"user {uid} may not operate this daemon", "run it as the daemon's user or root"
            )
        return Peer(pid, uid)


def _read_line(connection: socket.socket) -> bytes:
    """Reads one line within the time and the length.

    Raises:
        Refusal: it did not come, or it is too long.
    """
    until_s = time.monotonic() + READ_TIMEOUT_S
    received = bytearray()
    while b"\n" not in received:
        connection.settimeout(max(until_s - time.monotonic(), 0.001))
        try:
            chunk = connection.recv(REQUEST_BYTES_MAX)
        except OSError as error:
            raise Refusal("wrong_request", f"no request came within {READ_TIMEOUT_S:g} s") from error
        if not chunk:
            raise Refusal("wrong_request", "the connection was closed before the end of the request")
        received += chunk
        if len(received) > REQUEST_BYTES_MAX:
            raise Refusal("wrong_request", f"a request has at most {REQUEST_BYTES_MAX} bytes")
    return bytes(received[: received.index(b"\n")])


def _send(connection: socket.socket, answer: Answer) -> bool:
    """Sends the last line; False when the operator is gone."""
    return _say(connection, answer) and _hang_up(connection)


def _say(connection: socket.socket, answer: Answer) -> bool:
    try:
        connection.settimeout(READ_TIMEOUT_S)
        connection.sendall(encode(answer))
    except OSError:
        return False
    return True


def _hang_up(connection: socket.socket) -> bool:
    """Ends what we say, then reads away what is left: closing with unread input would reset the connection."""
    try:
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.0)
        with suppress(BlockingIOError):
            while connection.recv(REQUEST_BYTES_MAX):
                continue
    except OSError:
        return False
    return True
