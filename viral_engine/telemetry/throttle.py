"""At most one line in a while for each subject; the next one tells how many were left out. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

SUBJECTS_MAX = 1_000
"""Subjects remembered; beyond it all are forgotten, which costs a few lines more."""


@dataclass(slots=True)
class Throttle:
    """Decides what is told.

    Args:
        interval_s: how long a subject that was told is not told again.
    """

    interval_s: float
    _told: dict[object, tuple[float, int]] = field(default_factory=dict)

    def admit(self, subject: object, now_s: float) -> int | None:
        """Returns how many were left out since the last one that was told; None when this one is left out too."""
        told = self._told.get(subject)
        if told is not None and now_s - told[0] < self.interval_s:
            self._told[subject] = (told[0], told[1] + 1)
            return None
        if len(self._told) >= SUBJECTS_MAX:
            self._told.clear()
        self._told[subject] = (now_s, 0)
        return told[1] if told is not None else 0
