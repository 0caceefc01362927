"""What happens in the tree, as log lines; what may happen all the time is throttled."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import structlog

from viral_engine.runtime.discretion import words_of
from viral_engine.runtime.events import (
    AbortFailed,
    ActorEnded,
    ActorIgnored,
    ActorStarted,
    ActorStartFailed,
    CallbackFailed,
    ChildGaveUp,
    ChildRestarted,
    HandlerSlow,
    HeartbeatMissed,
    KeptStateDropped,
    LoopBlocked,
    LoopRecovered,
    MessageDeadLettered,
    MessageDropped,
    MessageFailed,
    RestartDelayed,
    SupervisorGaveUp,
    ThreadAbandoned,
)
from viral_engine.telemetry.history import error_class
from viral_engine.telemetry.throttle import Throttle

if TYPE_CHECKING:
    from viral_engine.runtime.events import Event

AGAIN_S = 60.0
"""An actor that is slow, or whose messages fail, is told of once in so long."""

_log = structlog.stdlib.get_logger("viral_engine.runtime")


class EventLog:
    """A listener for `runtime.events`: logs each at the level that an operator would give it."""

    def __init__(self, again_s: float = AGAIN_S) -> None:
        self._throttle = Throttle(again_s)
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Logs an event, unless another of its kind and actor was logged just now."""
        if not isinstance(event, HandlerSlow | MessageFailed):
            _log_event(event)
            return
        with self._lock:
            left_out = self._throttle.admit((type(event), event.path), time.monotonic())
        match event:
            case _ if left_out is None:
                return
            case HandlerSlow(path, message_type, messages, took_s):
                _log.warning(
                    "handler slow", path=path, message_type=message_type, messages=messages,
                    took_s=round(took_s, 3), left_out=left_out,
                )  # fmt: skip
            case MessageFailed(path, message_type, error):
                # Its words may quote what the handler was given.
                _log.error(
                    "message failed", path=path, message_type=message_type, error=error_class(error), left_out=left_out
                )


def _log_event(event: Event) -> None:
    match event:
        case ActorStarted(path, incarnation, start_ms):
            _log.debug("actor started", path=path, incarnation=incarnation, start_ms=round(start_ms, 1))
        case ActorEnded(path, incarnation, exit_reason, message_type, killed_for) if exit_reason.is_clean:
            _log.debug("actor ended", path=path, incarnation=incarnation, reason=words_of(exit_reason))
        case ActorEnded(path, incarnation, exit_reason, message_type, killed_for):
            _log.error(
                "actor ended", path=path, incarnation=incarnation, reason=words_of(exit_reason),
                message_type=message_type, killed_for=killed_for,
            )  # fmt: skip
        case ActorStartFailed(path, incarnation, exit_reason):
            _log.error("actor did not start", path=path, incarnation=incarnation, reason=words_of(exit_reason))
        case ChildRestarted(path, incarnation, by_hand):
            _log.info("actor restarted", path=path, incarnation=incarnation, by_hand=by_hand)
        case SupervisorGaveUp(path, child, restarts, window_s):
            _log.critical("supervisor gave up", path=path, child=child, restarts_max=restarts, window_s=window_s)
        case ChildGaveUp(path, retry_s):
            _log.error("actor gave up", path=path, retry_s=retry_s)
        case ActorIgnored(path, incarnation):
            _log.info("actor has nothing to do", path=path, incarnation=incarnation)
        case RestartDelayed(path, failures, delay_s):
            _log.warning("restart waits", path=path, failures=failures, delay_s=round(delay_s, 3))
        case MessageDeadLettered(path, message_type, _, error):
            _log.error("message refused from now on", path=path, message_type=message_type, error=error_class(error))
        case HeartbeatMissed(path, incarnation, missed):
            _log.error("actor hangs", path=path, incarnation=incarnation, heartbeats_missed=missed)
        case AbortFailed(path, incarnation, resource, error):
            error = error_class(error)
            _log.error("resource not aborted", path=path, incarnation=incarnation, resource=resource, error=error)
        case CallbackFailed(path, error):
            _log.error("callback of a caller failed", path=path, error=error_class(error))
        case KeptStateDropped(path, why):
            _log.warning("kept state dropped", path=path, why=why)
        case MessageDropped(path, message_type, why):
            _log.debug("message dropped", path=path, message_type=message_type, why=why)
        case ThreadAbandoned(path, incarnation, abandoned_threads):
            _log.error("thread abandoned", path=path, incarnation=incarnation, abandoned_threads=abandoned_threads)
        case LoopBlocked(lag_s, stack):
            _log.error("loop blocked", lag_s=round(lag_s, 1), stack=stack)
        case LoopRecovered(blocked_s):
            _log.warning("loop turns again", blocked_s=round(blocked_s, 1))
