"""Names: which incarnation answers at a path now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from viral_engine.runtime.errors import NameTaken

if TYPE_CHECKING:
    from collections.abc import Callable

    from viral_engine.runtime.actor import Actor
    from viral_engine.runtime.incarnation import Incarnation

AWAITERS_MAX = 10_000
"""Callers that may wait for names to come back; beyond it they get `NoSuchActor` at once."""


class Registry:
    """Paths to live incarnations; look-ups take no lock.

    Attributes:
        actors: read it freely, change it through the methods.
    """

    def __init__(self) -> None:
        self.actors: dict[str, Actor] = {}
        self._awaiters: dict[str, dict[Callable[[], None], None]] = {}
        self._awaiting = 0
        self._closed = False
        self._lock = threading.Lock()

    def register(self, path: str, actor: Actor) -> None:
        """Takes the name for an incarnation, before its init runs.

        Raises:
            NameTaken: another live incarnation has it.
        """
        with self._lock:
            if path in self.actors:
                raise NameTaken(path, self.actors[path])
            self.actors[path] = actor
            awaiters = self._awaiters.pop(path, {})
            self._awaiting -= len(awaiters)
        for awaiter in awaiters:
            awaiter()

    def unregister(self, path: str, actor: Incarnation) -> None:
        """Frees the name if this incarnation still has it."""
        with self._lock:
            if self.actors.get(path) is actor:
                del self.actors[path]

    def when_registered(self, path: str, callback: Callable[[], None]) -> bool:
        """Calls `callback` once somebody takes the name, at once if it is taken.

        Returns:
            False when too many callers wait already, or nobody comes any more; `callback` is then never called.
        """
        with self._lock:
            if path not in self.actors:
                if self._closed or self._awaiting >= AWAITERS_MAX:
                    return False
                awaiters = self._awaiters.setdefault(path, {})
                self._awaiting += callback not in awaiters
                awaiters[callback] = None
                return True
        callback()
        return True

    def close(self) -> None:
        """Says that nobody comes any more: those who wait are called, and nobody waits from now on."""
        with self._lock:
            self._closed = True
            awaiters = [callback for callbacks in self._awaiters.values() for callback in callbacks]
            self._awaiters.clear()
            self._awaiting = 0
        for awaiter in awaiters:
            awaiter()

    def stop_waiting(self, path: str, callback: Callable[[], None]) -> None:
        """Forgets a callback that `when_registered` took; harmless when it was called already."""
        with self._lock:
            awaiters = self._awaiters.get(path, {})
            if callback in awaiters:
                del awaiters[callback]
                self._awaiting -= 1
                if not awaiters:
                    del self._awaiters[path]

    def whereis(self, path: str) -> Actor | None:
        """Returns the live incarnation at the path, or None."""
        return self.actors.get(path)

    def paths(self) -> list[str]:
        """Returns every taken name, sorted."""
        return sorted(self.actors.copy())

    def __len__(self) -> int:
        return len(self.actors)
