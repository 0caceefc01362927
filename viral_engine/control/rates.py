"""Messages a second, from two snapshots: no actor counts time for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from viral_engine.runtime.snapshot import Node

AGE_MIN_S = 0.5
AGE_MAX_S = 60.0
"""Samples of this age are compared with; an older one would tell of a past that nobody asked about."""


@dataclass(frozen=True, slots=True)
class _Sample:
    taken_s: float
    handled: dict[tuple[str, int], int]


class Rates:
    """Remembers one snapshot; safe to use from several threads."""

    def __init__(self) -> None:
        self._sample: _Sample | None = None
        self._lock = threading.Lock()

    def measure(self, take: Callable[[], Iterable[Node]]) -> dict[str, float]:
        """Returns messages a second by path; an incarnation that was not there before has none.

        Waits until the snapshot to compare with is `AGE_MIN_S` old: what is counted over less says nothing.
        """
        with self._lock:
            earlier = self._sample
        if earlier is None or time.monotonic() - earlier.taken_s > AGE_MAX_S:
            earlier = _sample(take())
        threading.Event().wait(max(earlier.taken_s + AGE_MIN_S - time.monotonic(), 0.0))
        later = _sample(take())
        with self._lock:
            self._sample = later
        seconds = later.taken_s - earlier.taken_s
        return {
            path: round((handled - earlier.handled[path, incarnation]) / seconds, 1)
            for (path, incarnation), handled in later.handled.items()
            if (path, incarnation) in earlier.handled
        }


def _sample(nodes: Iterable[Node]) -> _Sample:
    return _Sample(time.monotonic(), {(node.path, node.incarnation): node.handled for node in nodes})
