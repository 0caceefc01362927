"""Whether the disk of the data folder has room left: PostgreSQL must never meet a full one."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class DiskGuard:
    """Looks at the free space at most once per interval; safe to ask from any thread.

    Args:
        folder: on the disk in question.
        free_bytes_min: below it the disk counts as full.
        interval_s: how long an answer holds.
    """

    def __init__(self, folder: Path, free_bytes_min: int, interval_s: float) -> None:
        self._folder = folder
        self._free_bytes_min = free_bytes_min
        self._interval_s = interval_s
        self._looked_s = float("-inf")
        self._reason: str | None = None

    def reason(self) -> str | None:
        """Returns why nothing may be written now; None while there is room."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= self._interval_s:
            self._looked_s = now_s
            self._reason = self._look()
        return self._reason

    def _look(self) -> str | None:
        try:
            status = os.statvfs(self._folder)
        except OSError as error:
            return f"the data folder can't be looked at: {error.strerror}"
        free_bytes = status.f_bavail * status.f_frsize
        if free_bytes >= self._free_bytes_min:
            return None
        return f"{free_bytes >> 20} MiB are free beside the data folder, {self._free_bytes_min >> 20} are needed"
