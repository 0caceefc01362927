"""What went wrong in the tree, counted by kind and actor; starts and clean ends are no part of it."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from viral_engine.runtime import events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

COUNTED = (
    events.ActorStartFailed, events.ActorIgnored, events.RestartDelayed, events.MessageFailed,
    events.MessageDeadLettered, events.MessageDropped, events.HandlerSlow, events.HeartbeatMissed,
    events.SupervisorGaveUp, events.ChildGaveUp, events.KeptStateDropped, events.ThreadAbandoned, events.AbortFailed,
    events.CallbackFailed,
)  # fmt: skip

PATHS_MAX = 1_000
"""Actors that have counters of their own; beyond it they share one, as names of dynamic children may be endless."""

OTHER = "other"

_NAMES: dict[type, str] = {kind: re.sub(r"(?<!^)([A-Z])", r"_\1", kind.__name__).lower() for kind in COUNTED}


class EventCounter(Collector):
    """A listener on `runtime.events`, from any thread."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._paths: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, event: events.Event) -> None:
        """Counts an event; those that are not counted are left at once."""
        name = _NAMES.get(type(event))
        if name is None or isinstance(event, events.LoopBlocked | events.LoopRecovered):
            return
        with self._lock:
            path = event.path
            if path not in self._paths:
                path = OTHER if len(self._paths) >= PATHS_MAX else path
                self._paths.add(path)
            self._counts[name, path] = self._counts.get((name, path), 0) + 1

    def collect(self) -> Iterator[Metric]:
        """Yields the family."""
        family = CounterMetricFamily(
            "viral_engine_events", "What went wrong in the tree, by kind and actor.", labels=["event", "path"]
        )
        with self._lock:
            counts = dict(self._counts)
        for labels, count in counts.items():
            family.add_metric(labels, count)
        yield family
