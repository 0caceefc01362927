"""Waiting on the event loop until a descriptor can be read or written."""

from __future__ import annotations

import asyncio

__all__ = ["readable", "writable"]


async def readable(descriptor: int) -> None:
    """Returns when reading would not block."""
    await _ready(descriptor, write=False)


async def writable(descriptor: int) -> None:
    """Returns when writing would not block, or when there is something to read: the other side may speak first."""
    await _ready(descriptor, write=True)


async def _ready(descriptor: int, *, write: bool) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(descriptor, wake)
    if write:
        loop.add_writer(descriptor, wake)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
        if write:
            loop.remove_writer(descriptor)
