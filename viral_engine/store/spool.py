"""Decisions that were answered under an outage policy and wait for the database: a bounded queue of files.

What `append` took is on disk. `read` gives the oldest rows, `acknowledge` forgets them after their commit: a drain that
dies in between repeats at most one batch, whose rows are inserted with ON CONFLICT DO NOTHING.
"""

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from viral_engine.messages.journal import DecisionRow
from viral_engine.store.spool_segment import HEADER_SIZE, Frame, Gap, Segment, frame_size

__all__ = ["Spool", "SpoolBatch", "SpoolFailed", "SpoolFull"]

_SEGMENTS = 8
_CORRUPT_KEPT_MAX = 4
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[DecisionRow]).decode


class SpoolFull(Exception):
    """There is no room for these rows; none of them was taken."""

    def __init__(self, size_bytes: int, bytes_max: int) -> None:
        super().__init__(f"the spool holds {size_bytes} of {bytes_max} bytes and has no room for this decision")
        self.size_bytes = size_bytes
        self.bytes_max = bytes_max


class SpoolFailed(Exception):
    """The disk refused to take these rows (it may be full); none of them was taken."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the spool could not be written: {why}")
        self.why = why


@dataclass(frozen=True, slots=True)
class SpoolBatch:
    """The oldest rows, none at the end of the spool, and where they end.

    `passed` counts `rows` and those that cannot be read any more.
    """

    rows: list[DecisionRow]
    segment: Segment | None
    end: int
    passed: int


class Spool:
    """A queue of decisions in `folder`, safe to use from any thread, by one process.

    At the limit `append` refuses. Of files with bytes that cannot be read, the last four are kept as `*.corrupt` once
    their readable rows are recorded.

    Args:
        folder: Made if it is not there.
        bytes_max: Of all files together; a file is an eighth of it.

    Raises:
        OSError: The folder cannot be made or read.

    Attributes:
        corrupt_bytes: Bytes that were found unreadable and set aside since this object was made.
        torn_bytes: Bytes of a last append that a crash cut short, and that were dropped.
        strangers: What has the name of a file of the spool and is none, a folder say; it is left alone.
    """

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._segment_bytes = max(bytes_max // _SEGMENTS, HEADER_SIZE + 1)
        self._lock = threading.RLock()
        self._segments: list[Segment] = []
        # Where unreadable bytes end, by file.
        self._corrupt: dict[Path, set[int]] = {}
        self.corrupt_bytes = 0
        self.torn_bytes = 0
        self.strangers: list[Path] = []
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._next_number = 1
        self._open_all()

    @property
    def size_bytes(self) -> int:
        """Of all files, as counted against the limit."""
        with self._lock:
            return sum(segment.end for segment in self._segments)

    @property
    def rows(self) -> int:
        """Rows that wait to be recorded."""
        with self._lock:
            return sum(segment.rows for segment in self._segments)

    def append(self, rows: Sequence[DecisionRow]) -> None:
        """Take rows, all or none; they are on disk when this returns.

        Raises:
            SpoolFull: The limit would be passed.
            SpoolFailed: The disk refused.
        """
        if not rows:
            return
        payload = _encode(list(rows))
        with self._lock:
            segment = self._segments[-1] if self._segments else None
            needs_file = segment is None or (segment.end > HEADER_SIZE and segment.end >= self._segment_bytes)
            needed = frame_size(payload) + (HEADER_SIZE if needs_file else 0)
            size_bytes = self.size_bytes
            if size_bytes + needed > self._bytes_max:
                raise SpoolFull(size_bytes, self._bytes_max)
            try:
                if segment is None or needs_file:
                    segment = self._add_segment()
                segment.append(payload, len(rows))
            except OSError as error:
                raise SpoolFailed(error.strerror or str(error)) from error
            segment.rows += len(rows)

    def read(self, rows_max: int) -> SpoolBatch:
        """The oldest rows: those of whole appends, at least one append, up to `rows_max` rows if that is possible.

        Reading again without `acknowledge` gives the same rows again.

        Raises:
            SpoolFailed: A file without readable rows could not be put aside.
        """
        with self._lock:
            for segment in list(self._segments):
                batch = self._read_from(segment, rows_max)
                if batch.rows:
                    return batch
                # Nothing readable is left in it; the newest file stays to be written on.
                self._finish(batch)
            return SpoolBatch([], None, 0, 0)

    def acknowledge(self, batch: SpoolBatch) -> None:
        """Forget rows that are recorded.

        Raises:
            SpoolFailed: The disk refused to remember it: after a restart these rows are read again.
        """
        with self._lock:
            segment = batch.segment
            if segment is None or segment not in self._segments or batch.end <= segment.mark:
                return
            self._finish(batch)

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            for segment in self._segments:
                segment.close()
            self._segments.clear()

    def _read_from(self, segment: Segment, rows_max: int) -> SpoolBatch:
        rows: list[DecisionRow] = []
        end, passed = segment.mark, 0
        for piece in segment.frames(segment.mark):
            found = self._rows_of(segment, piece)
            if rows and len(rows) + len(found) > rows_max:
                break
            rows += found
            end = piece.end
            passed += piece.rows if isinstance(piece, Frame) else 0
        return SpoolBatch(rows, segment, end, passed)

    def _rows_of(self, segment: Segment, piece: Frame | Gap) -> list[DecisionRow]:
        if isinstance(piece, Frame):
            try:
                return _decode(piece.payload)
            except msgspec.DecodeError:
                # Written by a version with other rows.
                self._set_aside(segment, piece.end, frame_size(piece.payload))
        else:
            self._set_aside(segment, piece.end, piece.size_bytes)
        return []

    def _set_aside(self, segment: Segment, end: int, size_bytes: int) -> None:
        ends = self._corrupt.setdefault(segment.path, set())
        if end not in ends:
            ends.add(end)
            self.corrupt_bytes += size_bytes

    def _finish(self, batch: SpoolBatch) -> None:
        """Everything before the batch's end is recorded; a file without anything left goes."""
        segment = batch.segment
        assert segment is not None
        try:
            if batch.end < segment.end:
                segment.set_mark(batch.end)
                segment.rows -= batch.passed
            elif segment.path in self._corrupt:
                self._segments.remove(segment)
                segment.close()
                self._keep(segment.path)
            else:
                self._segments.remove(segment)
                segment.remove()
        except OSError as error:
            raise SpoolFailed(error.strerror or str(error)) from error

    def _add_segment(self) -> Segment:
        segment = Segment.create(self._folder / f"{self._next_number:010d}.spool")
        self._next_number += 1
        self._segments.append(segment)
        return segment

    def _open_all(self) -> None:
        found = sorted(self._folder.glob("*.spool"))
        numbers = [int(path.stem) for path in (*found, *self._folder.glob("*.corrupt")) if path.stem.isdecimal()]
        self._next_number = max(numbers, default=0) + 1
        paths = [path for path in found if path.is_file()]
        self.strangers = [path for path in found if path not in paths]
        for path in paths:
            segment = Segment.open(path)
            if segment is not None:
                self._segments.append(segment)
                self._look_through(segment, is_last=path == paths[-1])
            elif path == paths[-1] and path.stat().st_size <= HEADER_SIZE:
                # The power went while the file was made; nothing was in it.
                self.torn_bytes += path.stat().st_size
                path.unlink()
            else:
                self.corrupt_bytes += path.stat().st_size
                self._keep(path)

    def _look_through(self, segment: Segment, *, is_last: bool) -> None:
        """Count the rows, set aside what cannot be read, drop an append that was cut short."""
        for piece in segment.frames(segment.mark):
            if isinstance(piece, Frame):
                segment.rows += piece.rows
            elif is_last and piece.end == segment.end:
                self.torn_bytes += piece.size_bytes
                segment.cut(segment.end - piece.size_bytes)
            else:
                self._set_aside(segment, piece.end, piece.size_bytes)

    def _keep(self, path: Path) -> None:
        path.rename(path.with_suffix(".corrupt"))
        self._corrupt.pop(path, None)
        kept = sorted(path for path in self._folder.glob("*.corrupt") if path.is_file())
        for old in kept[:-_CORRUPT_KEPT_MAX]:
            with contextlib.suppress(FileNotFoundError):
                old.unlink()
