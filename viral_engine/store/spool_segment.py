"""One file of the spool: frames that are appended whole or not at all, and a mark of how far they were recorded.

    header   magic, nonce, CRC of both, then the mark: an offset and its CRC
    frame    magic, payload length, rows, CRC, payload

A frame's CRC covers the file's nonce, the frame's own place, its length, its rows and its payload. So neither bytes
that an earlier append left behind nor text that imitates a frame (callers choose ids) is ever taken for one.
The mark is overwritten in place: acknowledging needs no new block of a disk that is full.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from zlib import crc32

__all__ = ["HEADER_SIZE", "Frame", "Gap", "Segment", "frame_size"]

_MAGIC = b"VESPOOL1"
_NONCE_SIZE = 16
_CRC = Struct("!I")
_MARK = Struct("!QI")
_MARK_AT = len(_MAGIC) + _NONCE_SIZE + _CRC.size
HEADER_SIZE = _MARK_AT + _MARK.size

_FRAME_MAGIC = b"\xf5DEC"
_FRAME = Struct("!4sIII")
_COVERED = Struct("!QII")


@dataclass(frozen=True, slots=True)
class Frame:
    """What one append wrote; `end` is where the next frame begins."""

    payload: bytes
    rows: int
    end: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that are no frame; `end` is where a frame begins again, or the file ends."""

    size_bytes: int
    end: int


def frame_size(payload: bytes) -> int:
    """Bytes that a frame takes up."""
    return _FRAME.size + len(payload)


class Segment:
    """An open file of the spool. Not thread-safe; the spool is.

    Attributes:
        path: The file.
        end: Where the next frame goes: everything before is on disk.
        mark: Everything before was recorded.
        rows: Rows after the mark; kept by the spool.
    """

    def __init__(self, path: Path, descriptor: int, nonce: bytes, end: int, mark: int) -> None:
        self.path = path
        self.end = end
        self.mark = mark
        self.rows = 0
        self._descriptor = descriptor
        self._nonce = nonce
        self._may_be_longer = False

    @classmethod
    def create(cls, path: Path) -> "Segment":
        """A new, empty file, on disk with its name when this returns.

        Raises:
            OSError: It could not be made; nothing of it is left.
        """
        nonce = os.urandom(_NONCE_SIZE)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        segment = cls(path, descriptor, nonce, HEADER_SIZE, HEADER_SIZE)
        try:
            head = _MAGIC + nonce
            segment._write(0, head + _CRC.pack(crc32(head)) + _mark(nonce, HEADER_SIZE))
            _sync_folder(path.parent)
        except OSError:
            segment.remove()
            raise
        return segment

    @classmethod
    def open(cls, path: Path) -> "Segment | None":
        """An existing file; None when its header cannot be read, so that none of its frames can be told."""
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        head = os.pread(descriptor, HEADER_SIZE, 0)
        nonce = head[len(_MAGIC) : len(_MAGIC) + _NONCE_SIZE]
        intact = len(head) == HEADER_SIZE and head.startswith(_MAGIC)
        if not intact or _CRC.pack(crc32(_MAGIC + nonce)) != head[_MARK_AT - _CRC.size : _MARK_AT]:
            os.close(descriptor)
            return None
        size = os.fstat(descriptor).st_size
        offset = _MARK.unpack(head[_MARK_AT:])[0]
        # A mark torn by a power cut: recording everything once more is harmless.
        mark = offset if _mark(nonce, offset) == head[_MARK_AT:] and HEADER_SIZE <= offset <= size else HEADER_SIZE
        return cls(path, descriptor, nonce, size, mark)

    def append(self, payload: bytes, rows: int) -> None:
        """Write one frame; it is on disk when this returns.

        Raises:
            OSError: It is not; what reached the disk of it is cut off again.
        """
        frame = self._head(self.end, payload, rows) + payload
        if self._may_be_longer:
            os.ftruncate(self._descriptor, self.end)
        self._may_be_longer = True
        try:
            self._write(self.end, frame)
        except OSError:
            # If this fails too, the next append begins with it.
            with contextlib.suppress(OSError):
                self.cut(self.end)
            raise
        self._may_be_longer = False
        self.end += len(frame)

    def frames(self, start: int) -> Iterator[Frame | Gap]:
        """Frames and gaps from `start` on, in their order."""
        at = start
        while at < self.end:
            frame = self._frame_at(at)
            if frame is None:
                end = self._next_frame(at + 1)
                yield Gap(end - at, end)
                at = end
            else:
                yield frame
                at = frame.end

    def set_mark(self, offset: int) -> None:
        """Remember on disk that everything before `offset` was recorded."""
        self._write(_MARK_AT, _mark(self._nonce, offset))
        self.mark = offset

    def cut(self, end: int) -> None:
        """Drop everything from `end` on."""
        os.ftruncate(self._descriptor, end)
        os.fdatasync(self._descriptor)
        self.end = end
        self._may_be_longer = False

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """Let go of the file and delete it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _frame_at(self, at: int) -> Frame | None:
        head = os.pread(self._descriptor, _FRAME.size, at)
        if len(head) < _FRAME.size:
            return None
        magic, length, rows, _ = _FRAME.unpack(head)
        end = at + _FRAME.size + length
        if magic != _FRAME_MAGIC or end > self.end:
            return None
        payload = os.pread(self._descriptor, length, at + _FRAME.size)
        return Frame(payload, rows, end) if self._head(at, payload, rows) == head else None

    def _next_frame(self, at: int) -> int:
        rest = os.pread(self._descriptor, self.end - at, at)
        found = rest.find(_FRAME_MAGIC)
        while found >= 0:
            if self._frame_at(at + found) is not None:
                return at + found
            found = rest.find(_FRAME_MAGIC, found + 1)
        return self.end

    def _head(self, at: int, payload: bytes, rows: int) -> bytes:
        covered = self._nonce + _COVERED.pack(at, len(payload), rows)
        return _FRAME.pack(_FRAME_MAGIC, len(payload), rows, crc32(payload, crc32(covered)))

    def _write(self, at: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, at)
            at += written
            view = view[written:]
        os.fdatasync(self._descriptor)


def _mark(nonce: bytes, offset: int) -> bytes:
    return _MARK.pack(offset, crc32(nonce + offset.to_bytes(8, "big")))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
