"""What is wrong right now, by part: the reasons behind `/readyz` and `health`, and what only somebody must look at."""

from __future__ import annotations

import threading

import structlog

TOLD_MAX = 8
"""Reasons that the log tells of one illness, each once: retries, and errors that count something, fill no log."""

_log = structlog.stdlib.get_logger("viral_engine.telemetry")


class ConditionBoard:
    """One line per part that is not well; parts put theirs up and take it down, anybody reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reasons: dict[str, str] = {}
        self._remarks: dict[str, str] = {}
        self._told: dict[str, set[str]] = {}

    def report(self, part: str, reason: str | None) -> None:
        """Says why `part` is not well, or with None that it is."""
        self._put(self._reasons, part, reason)

    def remark(self, part: str, reason: str | None) -> None:
        """The same of a part that no answer needs: the daemon is ready all the same, and somebody must look at it."""
        self._put(self._remarks, part, reason)

    def _put(self, board: dict[str, str], part: str, reason: str | None) -> None:
        with self._lock:
            told = self._told.setdefault(part, set())
            if reason is None:
                is_news = board.pop(part, None) is not None
                told.clear()
            else:
                board[part] = reason
                is_news = reason not in told and len(told) < TOLD_MAX
                told.update([reason] if is_news else ())
        if is_news and reason is None:
            _log.info("part well again", part=part)
        elif is_news:
            _log.warning("part not well", part=part, why=reason)

    def reasons(self) -> dict[str, str]:
        """Returns why each part is not well that is not, sorted by part."""
        with self._lock:
            return dict(sorted(self._reasons.items()))

    def remarks(self) -> dict[str, str]:
        """Returns what else somebody must look at, sorted by part."""
        with self._lock:
            return dict(sorted(self._remarks.items()))
