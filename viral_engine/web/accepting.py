"""Taking new connections in bursts: uvloop takes one a turn of its loop, so under load the others wait for seconds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

ACCEPTS_MAX = 128
"""Connections taken in one turn of the loop; then those that are open have their turn."""

PAUSE_S = 0.5
"""How long nothing is taken after the process ran out of descriptors: callers wait in the kernel's queue."""


class Accepting:
    """Takes connections from a listening socket until it is closed; on the loop only.

    Args:
        listener: left open by `close`: it belongs to whoever made it.
        make_protocol: makes the protocol of one connection.
    """

    def __init__(self, listener: socket.socket, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._make_protocol = make_protocol
        self._opening: set[asyncio.Task[Any]] = set()
        self._paused: asyncio.TimerHandle | None = None
        listener.settimeout(0)
        self._go_on()

    async def close(self) -> None:
        """Takes no further connection; returns when each that was taken is open."""
        self._loop.remove_reader(self._listener)
        if self._paused is not None:
            self._paused.cancel()
        if self._opening:
            await asyncio.wait(self._opening)

    def _go_on(self) -> None:
        self._paused = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTS_MAX):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError:
                self._loop.remove_reader(self._listener)
                self._paused = self._loop.call_later(PAUSE_S, self._go_on)
                return
            # As uvloop's own server does: an answer is written whole, and must not wait for a further one.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._open(connection))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, connection)
        except OSError:
            # It was gone before it was open.
            connection.close()
