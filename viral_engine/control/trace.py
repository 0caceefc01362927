"""`trace`: the messages of one actor, live, until there were enough, or too many in too short a time, or time is up."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from fnmatch import fnmatchcase
from typing import Any

from viral_engine.control.names import find
from viral_engine.control.protocol import TRACE_COUNT_MAX, TRACE_S_MAX, Refusal, Request
from viral_engine.runtime import snapshot
from viral_engine.runtime.flight_recorder import describe
from viral_engine.runtime.system import System
from viral_engine.runtime.tracing import AlreadyTraced, Traced, Tracer
from viral_engine.telemetry.personal import mask_text

TRACES_MAX = 4
"""Traces at a time; one more is refused: each holds one of the operators' connections."""

BEAT_S = 0.25
"""So often something is said while nothing happens: who asked may be gone, the daemon may be stopping."""

WORDS_CHARACTERS_MAX = 2_000

Line = dict[str, Any] | None
"""One message, or how it ended, or nothing but a sign of life."""


class Traces:
    """Begins traces; several threads may use it at once."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._places = threading.BoundedSemaphore(TRACES_MAX)

    def follow(self, request: Request) -> Generator[Line]:
        """Returns what happens from now on; whoever got it must close it.

        Raises:
            Refusal: there is no such actor, or it is traced already, or too much is.
        """
        root = snapshot.take(self._system)
        if root is None:
            raise Refusal("busy", "the tree is not up yet", "try again in a moment")
        path = find(root, request.path or "/").path
        pattern = request.match

        def wants(kind: type) -> bool:
            return pattern is None or fnmatchcase(kind.__name__, pattern)

        rate = None if request.rate is None else (max(request.rate, 1), max(request.rate_s, 0.001))
        tracer = Tracer(self._system, path, wants, rate)
        if not self._places.acquire(blocking=False):
            raise Refusal("busy", f"{TRACES_MAX} traces are running already", "wait for one to end")
        try:
            tracer.start()
        except AlreadyTraced as error:
            self._places.release()
            raise Refusal("busy", str(error), "wait until that trace ends") from error
        return self._lines(tracer, path, request)

    def _lines(self, tracer: Tracer, path: str, request: Request) -> Generator[Line]:
        began_s, shown = time.monotonic(), 0
        count = min(max(request.limit or TRACE_COUNT_MAX, 1), TRACE_COUNT_MAX)
        until_s = began_s + min(max(request.for_s, 0.0), TRACE_S_MAX)
        why = "time"
        try:
            # A first sign of life: from here on whoever asked misses nothing.
            yield None
            while (left_s := until_s - time.monotonic()) > 0:
                # Asked first: what came before it was over is shown.
                is_over = tracer.is_over
                taken = tracer.take(min(BEAT_S, left_s))
                for traced in taken[: count - shown]:
                    shown += 1
                    yield _line(traced)
                if shown >= count:
                    why = "count"
                    break
                if is_over:
                    why = "rate"
                    break
                if not taken:
                    yield None
            seconds = time.monotonic() - began_s
            yield {"ended": why, "shown": shown, "lost": tracer.lost, "seconds": round(seconds, 3)} | self._now(path)
        finally:
            tracer.stop()
            self._places.release()

    def _now(self, path: str) -> dict[str, Any]:
        """What the actor is at, for whoever saw nothing and wonders."""
        actor = self._system.registry.whereis(path)
        since_s = actor.busy_since_s if actor is not None else None
        busy_s = None if since_s is None else round(max(self._system.clock.monotonic_s() - since_s, 0.0), 3)
        message = actor.current_message if actor is not None else None
        return {"handling": message, "busy_s": busy_s, "waiting": actor.mailbox.depth if actor is not None else 0}


def _line(traced: Traced) -> dict[str, Any]:
    return {
        "at_ms": traced.at_ms,
        "incarnation": traced.incarnation,
        "message_type": type(traced.message).__name__,
        "kind": traced.kind,
        "waited_ms": round(traced.waited_s * 1_000, 3),
        "took_ms": round(traced.took_s * 1_000, 3),
        "batch": traced.batch,
        "outcome": traced.outcome,
        "message": mask_text(describe(traced.message)[:WORDS_CHARACTERS_MAX]),
    }
