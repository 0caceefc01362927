"""Names: which incarnation answers at a path now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from viral_engine.runtime.errors import NameTaken

if TYPE_CHECKING:
    from collections.abc import Callable

    from viral_engine.runtime.actor import Actor

AWAITERS_MAX = 10_000
"""Callers that may wait for names to come back; beyond it they get `NoSuchActor` at once."""


class Registry:
    """Paths to live incarnations; look-ups take no lock."""

    def __init__(self) -> None:
        self._actors: dict[str, Actor] = {}
        self._awaiters: dict[str, list[Callable[[], None]]] = {}
        self._awaiting = 0
        self._lock = threading.Lock()

    def register(self, path: str, actor: Actor) -> None:
        """Takes the name for an incarnation, before its init runs.

        Raises:
            NameTaken: another live incarnation has it.
        """
        with self._lock:
            if path in self._actors:
                raise NameTaken(path)
            self._actors[path] = actor
            awaiters = self._awaiters.pop(path, [])
            self._awaiting -= len(awaiters)
        for awaiter in awaiters:
            awaiter()

    def unregister(self, path: str, actor: Actor) -> None:
        """Frees the name if this incarnation still has it."""
        with self._lock:
            if self._actors.get(path) is actor:
                del self._actors[path]

    def when_registered(self, path: str, callback: Callable[[], None]) -> bool:
        """Calls `callback` once somebody takes the name, at once if it is taken.

        Returns:
            False when too many callers wait already; `callback` is then never called.
        """
        with self._lock:
            if path not in self._actors:
                if self._awaiting >= AWAITERS_MAX:
                    return False
                self._awaiters.setdefault(path, []).append(callback)
                self._awaiting += 1
                return True
        callback()
        return True

    def whereis(self, path: str) -> Actor | None:
        """Returns the live incarnation at the path, or None."""
        return self._actors.get(path)

    def paths(self) -> list[str]:
        """Returns every taken name, sorted."""
        return sorted(self._actors.copy())

    def __len__(self) -> int:
        return len(self._actors)
