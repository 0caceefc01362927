"""Folders for databases and daemons of tests: in memory where there is room.

A database has hundreds of files, and a file system takes its time to make and forget them: half of the time of a test.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  (a folder of our own is made in it)
FREE_MIN_BYTES = 4 << 30


def quick_folder(prefix: str) -> Path:
    """Makes a folder; whoever asked for it removes it."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if _is_fit() else None))


def _is_fit() -> bool:
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK | os.X_OK):
        return False
    # Copies of PostgreSQL's programs may have to run in it.
    may_run = not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    return may_run and shutil.disk_usage(MEMORY).free >= FREE_MIN_BYTES
