"""What is wrong right now, by part: the reasons behind `/readyz` and `health`."""

from __future__ import annotations

import threading


class ConditionBoard:
    """One line per part that is not well; parts put theirs up and take it down, anybody reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reasons: dict[str, str] = {}

    def report(self, part: str, reason: str | None) -> None:
        """Says why `part` is not well, or with None that it is."""
        with self._lock:
            if reason is None:
                self._reasons.pop(part, None)
            else:
                self._reasons[part] = reason

    def reasons(self) -> list[str]:
        """Returns a sentence for each part that is not well, sorted by part."""
        with self._lock:
            return [f"{part}: {reason}" for part, reason in sorted(self._reasons.items())]
