"""New connections are taken in bursts, and none is lost when there is no room for them."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from viral_engine.web.accepting import ACCEPTS_MAX, Accepting

PATIENCE_S = 20.0


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=2 * ACCEPTS_MAX) as made:
        yield made


class Taken:
    """Counts connections, and turns of the loop until there are so many."""

    def __init__(self, wanted: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.open: list[asyncio.BaseTransport] = []
        self.turns = 0
        self.all = asyncio.Event()
        self._wanted = wanted
        self._turn()

    def _turn(self) -> None:
        if not self.all.is_set():
            self.turns += 1
            self.loop.call_soon(self._turn)

    def protocol(self) -> asyncio.Protocol:
        taken = self

        class OneMore(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                taken.open.append(transport)
                if len(taken.open) == taken._wanted:
                    taken.all.set()

        return OneMore()

    async def wait(self) -> None:
        await asyncio.wait_for(self.all.wait(), PATIENCE_S)


async def next_turn() -> None:
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turned.set_result, None)
    await turned


def highest_descriptor() -> int:
    return max(int(one.name) for one in Path("/proc/self/fd").iterdir())


def clients(listener: socket.socket, count: int) -> list[socket.socket]:
    return [socket.create_connection(listener.getsockname(), PATIENCE_S) for _ in range(count)]


def test_all_that_wait_are_open_after_a_few_turns_of_the_loop(listener: socket.socket) -> None:
    count = 2 * ACCEPTS_MAX
    waiting = clients(listener, count)

    async def take() -> int:
        taken = Taken(count)
        accepting = Accepting(listener, taken.protocol)
        await taken.wait()
        await accepting.close()
        for transport in taken.open:
            transport.abort()  # type: ignore[attr-defined]  # each is that of a socket
        return taken.turns

    assert uvloop.run(take()) < count / 10
    for client in waiting:
        client.close()


def test_without_a_free_descriptor_callers_wait_and_are_taken_later(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viral_engine.web.accepting.PAUSE_S", 0.01)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    waiting = clients(listener, 2)

    async def take() -> None:
        taken = Taken(2)
        highest = highest_descriptor()
        fillers = []
        accepting = Accepting(listener, taken.protocol)
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        try:
            while True:
                fillers.append(os.dup(0))
        except OSError:
            pass
        try:
            while accepting._paused is None:
                # Ends by itself: there is somebody to be taken, and no descriptor for it.
                await next_turn()
            assert taken.open == []
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for filler in fillers:
                os.close(filler)
        await taken.wait()
        await accepting.close()
        for transport in taken.open:
            transport.abort()  # type: ignore[attr-defined]  # each is that of a socket

    uvloop.run(take())
    for client in waiting:
        client.close()


def test_who_comes_after_the_end_waits_for_the_next_one(listener: socket.socket) -> None:
    async def take() -> None:
        first, second = Taken(1), Taken(1)
        accepting = Accepting(listener, first.protocol)
        await accepting.close()
        [client] = clients(listener, 1)
        successor = Accepting(listener, second.protocol)
        await second.wait()
        await successor.close()
        assert (first.open, len(second.open)) == ([], 1)
        second.open[0].abort()  # type: ignore[attr-defined]  # it is that of a socket
        client.close()

    uvloop.run(take())
