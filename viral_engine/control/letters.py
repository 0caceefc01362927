"""Dead letters as operators see them: from the database, and from the history while that is away."""

from __future__ import annotations

from typing import Any

import msgspec

from viral_engine.control.context import ControlContext
from viral_engine.control.names import flat
from viral_engine.control.protocol import Refusal, Request
from viral_engine.messages.dead_letters import ReadDeadLetters
from viral_engine.messages.reading import NotRead
from viral_engine.runtime import snapshot
from viral_engine.runtime.errors import ActorError
from viral_engine.runtime.system import System
from viral_engine.telemetry import history_file

READER = "/reader"
READ_TIMEOUT_S = 3.0
LETTERS_MAX = 1_000


class Letters:
    """Answers `dead-letters list`."""

    def __init__(self, system: System, context: ControlContext) -> None:
        self._system = system
        self._context = context

    def show(self, request: Request) -> dict[str, Any]:
        """The newest ones, oldest first; how many each name refuses now; what the database does not know yet."""
        limit = min(max(request.limit or LETTERS_MAX, 1), LETTERS_MAX)
        source, why = "database", None
        try:
            found = self._system.call(READER, ReadDeadLetters(limit=limit), READ_TIMEOUT_S).get()
            letters: list[dict[str, Any]] = msgspec.to_builtins(found)
        except (NotRead, ActorError) as error:
            source, why, letters = "history", str(error), self._from_history(limit)
        return {
            "letters": letters,
            "source": source,
            "why": why,
            "refused_now": self._refused(),
            "waiting": self._context.letters_waiting(),
        }

    def _from_history(self, limit: int) -> list[dict[str, Any]]:
        self._context.flush_history()
        entries = history_file.read(self._context.data_dir, only="dead_letter", limit=limit)
        return [
            {
                "at": entry.time,
                "path": entry.path,
                "message_type": entry.message_type,
                "message": entry.killer,
                "error": entry.reason.rpartition(": ")[2],
            }
            for entry in entries
        ]

    def _refused(self) -> dict[str, int]:
        root = snapshot.take(self._system)
        if root is None:
            raise Refusal("busy", "the tree is not up yet", "try again in a moment")
        refused = {}
        for node in flat(root):
            actor = self._system.registry.whereis(node.path)
            if actor is not None and actor.context.suspects.letters:
                refused[node.path] = len(actor.context.suspects.letters)
        return refused
