"""Brings dead letters into the database, however long it is away.

The history has each of them at once (`history.jsonl`, kind `dead_letter`), so none is lost without a word. For the
table they wait here, in the order in which they came, and are asked of the journal until it has committed them.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from viral_engine.messages.dead_letters import DeadLetterView
from viral_engine.messages.journal import Commit, NotCommitted, RowRefused
from viral_engine.runtime.errors import ActorError
from viral_engine.runtime.events import MessageDeadLettered
from viral_engine.store.dead_letters import keep_dead_letter
from viral_engine.telemetry.hand_over import HandOver
from viral_engine.telemetry.history import error_class
from viral_engine.telemetry.personal import mask_text

if TYPE_CHECKING:
    from viral_engine.runtime.events import Event
    from viral_engine.runtime.system import System

JOURNAL = "/journal"
COMMIT_TIMEOUT_S = 5.0
RETRY_S = 0.5

WAITING_MAX = 100
"""Letters that wait for the database; one more is in the history only, which the log says."""

CLOSE_S = 0.1
"""A stop has no time for a database that is away: what still waits is in the history only, which the log says."""

_log = structlog.stdlib.get_logger("viral_engine.dead_letters")


class DeadLetterBox:
    """A listener on `runtime.events`; a thread of its own talks to the journal."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._closing = threading.Event()
        self._unkept = 0
        self._lock = threading.Lock()
        self._letters: HandOver[DeadLetterView] = HandOver("dead-letters", self._keep, WAITING_MAX)

    def __call__(self, event: Event) -> None:
        """Takes a letter; every other event is left."""
        if not isinstance(event, MessageDeadLettered):
            return
        letter = DeadLetterView(
            at=datetime.now(UTC),
            path=event.path,
            message_type=event.message_type,
            message=mask_text(event.message),
            error=error_class(event.error),
        )
        with self._lock:
            self._unkept += 1
        if not self._letters.put(letter):
            self._settle()
            _log.warning("dead letter is in the history only", path=letter.path, why=f"{WAITING_MAX} others wait")

    @property
    def waiting(self) -> int:
        """Letters that are not in the database yet."""
        return self._unkept

    def close(self) -> None:
        """Ends; what still waits is in the history only."""
        self._closing.set()
        self._letters.close(CLOSE_S)
        if self._unkept:
            _log.warning("dead letters are in the history only", count=self._unkept, why="the daemon stops")

    def _keep(self, letter: DeadLetterView) -> None:
        """Returns when the letter is committed, or can never be, or the daemon stops."""
        while not self._closing.is_set():
            try:
                commit = Commit(keep_dead_letter(letter))
                self._system.call(JOURNAL, commit, COMMIT_TIMEOUT_S, patient=True).get()
            except (RowRefused, ValueError) as error:
                _log.warning("dead letter is in the history only", path=letter.path, why=str(error))
            except (NotCommitted, ActorError):
                self._closing.wait(RETRY_S)
                continue
            self._settle()
            return

    def _settle(self) -> None:
        with self._lock:
            self._unkept -= 1
