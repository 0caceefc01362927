"""A file of lines that never grows beyond its share of the disk."""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from pathlib import Path

FILES_MAX = 3
"""The current file and two older ones, `.1` and `.2`."""


def files_of(path: Path) -> list[Path]:
    """Returns the files that belong to `path`, oldest first, whether they exist or not."""
    return [*(path.with_name(f"{path.name}.{number}") for number in range(FILES_MAX - 1, 0, -1)), path]


class RotatingFile:
    """Appends lines; not thread-safe, one writer has it.

    A line is in the file whole or not at all: what a full disk cut off is taken back, and a fragment that a dead
    process left behind is closed with a line end.

    Args:
        path: the current file; mode 0600, for the logs of a safety system are nobody else's business.
        size_bytes_max: when the next line would make it longer, the files move up by one.
    """

    def __init__(self, path: Path, size_bytes_max: int) -> None:
        self._path = path
        self._size_bytes_max = size_bytes_max
        self._descriptor: int | None = None
        self._size_bytes = 0

    def write_line(self, line: bytes) -> None:
        """Appends `line` and a line end.

        Raises:
            OSError: it could not be written; the next line tries again from the start.
        """
        data = line + b"\n"
        descriptor = self._open()
        if self._size_bytes and self._size_bytes + len(data) > self._size_bytes_max:
            descriptor = self._rotate()
        try:
            _write_whole(descriptor, data)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, self._size_bytes)
            self.close()
            raise
        self._size_bytes += len(data)

    def close(self) -> None:
        """Closes the file; the next line opens it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _open(self) -> int:
        if self._descriptor is None:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._descriptor = descriptor
            self._size_bytes = os.fstat(descriptor).st_size
            if self._size_bytes and os.pread(descriptor, 1, self._size_bytes - 1) != b"\n":
                self._size_bytes += os.write(descriptor, b"\n")
        return self._descriptor

    def _rotate(self) -> int:
        self.close()
        files = files_of(self._path)
        for older, newer in itertools.pairwise(files):
            with suppress(FileNotFoundError):
                newer.replace(older)
        return self._open()


def _write_whole(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
