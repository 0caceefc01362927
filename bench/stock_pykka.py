"""Actors in stock pykka, as its users write them."""

from __future__ import annotations

import asyncio
from typing import Any

import pykka


class PykkaEcho(pykka.ThreadingActor):
    """The same in stock pykka."""

    def on_receive(self, message: Any) -> Any:
        """Answers."""
        return message


class _BridgedFuture(pykka.ThreadingFuture[Any]):
    """A future that wakes a coroutine when the actor answers: the bridge that pykka leaves to its user."""

    def __init__(self) -> None:
        super().__init__()
        # pykka makes one for its own `stop()` too, where no loop runs.
        self.loop = asyncio._get_running_loop()  # noqa: SLF001  (the public one raises where none runs)
        self.waiter = None if self.loop is None else self.loop.create_future()

    def set(self, value: Any | None = None) -> None:
        super().set(value)
        if self.loop is not None and self.waiter is not None:
            self.loop.call_soon_threadsafe(self.waiter.set_result, None)


class BridgedEcho(PykkaEcho):
    """Stock pykka that can be asked from a loop."""

    @staticmethod
    def _create_future() -> _BridgedFuture:
        return _BridgedFuture()
