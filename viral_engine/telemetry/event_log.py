"""What happens in the tree, as log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from viral_engine.runtime.discretion import words_of
from viral_engine.runtime.events import (
    ActorEnded,
    ActorStarted,
    ActorStartFailed,
    ChildGaveUp,
    ChildRestarted,
    KeptStateDropped,
    LoopBlocked,
    LoopRecovered,
    MessageDropped,
    SupervisorGaveUp,
    ThreadAbandoned,
)

if TYPE_CHECKING:
    from viral_engine.runtime.events import Event

_log = structlog.stdlib.get_logger("viral_engine.runtime")


def log_event(event: Event) -> None:
    """Logs an event at the level that an operator would give it; a listener for `runtime.events`."""
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
