"""One daemon per data folder: an flock that the kernel gives back however the daemon ends."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from viral_engine.store.embedded.errors import DataFolderInUse, DataFolderUnusable
from viral_engine.store.embedded.layout import prepare_data_dir


class FolderLock:
    """The ownership of a data folder; taken by main() before anything else, and kept until the process ends.

    The number in the file is for the sentence only; what counts is the lock. The file is never removed: a third daemon
    could then lock a new one beside the lock that somebody still holds.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Make the folder if need be and own it, without waiting; owning it already is fine.

        Raises:
            DataFolderInUse: another process owns it.
            DataFolderUnusable: it cannot be made or written.
        """
        if self._descriptor is not None:
            return
        prepare_data_dir(self.data_dir)
        try:
            # Not inherited over exec: a child that outlives the daemon must not go on owning its folder.
            descriptor = os.open(self.data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise DataFolderUnusable(self.data_dir, (error.strerror or str(error)).lower()) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).strip()
            os.close(descriptor)
            raise DataFolderInUse(self.data_dir, int(owner) if owner.isdigit() else None) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the folder up; the end of the process does the same."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
