"""Exact moving-window rate limits (ADR 0011).

A place is the instant of one counted attempt and is held as long as it is no older than the window: an attempt
exactly one window later still finds it, as `limits`' MovingWindowRateLimiter has it. Looking and taking are apart,
because an attempt that a limit refuses takes no place in that window.

Whoever owns the table calls `test` and `take` within one message, so nothing can come between.
"""

from bisect import bisect_left
from sys import byteorder
from typing import NamedTuple

from viral_engine.domain.expiring import DUE_PER_INSERT, ExpiringRows

__all__ = ["MovingWindows", "Usage"]

COARSE_SHARE = 16
ANY_GROUP = "*"
_PLACE_SIZE = 8


class Usage(NamedTuple):
    """What a key has used of a window.

    Attributes:
        used: Places held now.
        remaining: Attempts that would still pass, 0 or more.
        reset_ms: From now until there is one place more than now: 0 if no place is held.
    """

    used: int
    remaining: int
    reset_ms: int


class MovingWindows:
    """Places taken by key in the last `window_ms`.

    When `keys_max` keys are live, a key that is not among them shares one window with all such keys of its `coarse`
    group, by the same limit; when there are too many groups too, they share one. A key that gets a row of its own
    later inherits what its group holds. So a flood of fresh ids frees nobody and evicts nobody.

    Times never run backwards: an instant earlier than the last one seen counts as the last one seen.

    Args:
        window_ms: Length of the window.
        keys_max: Keys with a window of their own; a key with one place takes about 150 bytes, each further place 8.
        places_max: Largest limit that may be asked for; only that many of the newest places are kept.
    """

    __slots__ = ("_coarse", "_keys", "_places_max", "window_ms")

    def __init__(self, window_ms: int, keys_max: int, places_max: int = 4096) -> None:
        self.window_ms = window_ms
        self._places_max = places_max
        self._keys = ExpiringRows(window_ms, keys_max)
        self._coarse = ExpiringRows(window_ms, max(2, keys_max // COARSE_SHARE))

    def __len__(self) -> int:
        """Keys with a window of their own, those not yet cleaned up included."""
        return len(self._keys)

    @property
    def groups(self) -> int:
        """Coarse windows in use; above 0 the table is or was full."""
        return len(self._coarse)

    def test(self, key: str, limit: int, now_ms: int, coarse: str = ANY_GROUP) -> Usage:
        """What `key` has used of `limit` places; takes none."""
        used, reset_ms = self.look(key, limit, now_ms, coarse)
        return Usage(used, max(0, limit - used), reset_ms)

    def look(self, key: str, limit: int, now_ms: int, coarse: str = ANY_GROUP) -> tuple[int, int]:
        """The same as `test` without the sum: `used` and `reset_ms`."""
        if limit > self._places_max:
            msg = f"the limit {limit} is beyond the {self._places_max} places kept per key"
            raise ValueError(msg)
        table = self._keys
        # As `advance` does, without a frame of its own; so below: both are on the way of every check.
        if now_ms > table.now_ms:  # noqa: PLR1730  (max() is a call)
            table.now_ms = now_ms
        dead_before_ms = table.now_ms - self.window_ms
        row = table.rows.get(key)
        if row is None:
            if not self._coarse.rows and len(table.rows) < table.keys_max:
                return 0, 0 if limit > 0 else self.window_ms
            row = self._shared(coarse)
        first, oldest_ms = 0, int.from_bytes(row[:_PLACE_SIZE], byteorder)
        if oldest_ms < dead_before_ms:
            first = bisect_left(memoryview(row).cast("q"), dead_before_ms)
        count = (len(row) >> 3) - first
        if count == 0:
            return 0, 0 if limit > 0 else self.window_ms
        # After a limit was lowered one place is free only when fewer than `limit` of the newest are left.
        leaves = first if count <= limit else first + count - max(limit, 1)
        leaves_ms = int.from_bytes(row[leaves * 8 : leaves * 8 + 8], byteorder) if leaves else oldest_ms
        return count, leaves_ms - dead_before_ms + 1

    def used(self, key: str, now_ms: int) -> int:
        """Places that `key` holds; the quick way for keys that hold none, which most do."""
        if key not in self._keys.rows and not self._coarse.rows:
            return 0
        return self.look(key, self._places_max, now_ms)[0]

    def take(self, key: str, now_ms: int, coarse: str = ANY_GROUP) -> None:
        """Count one attempt of `key`."""
        table = self._keys
        if now_ms > table.now_ms:  # noqa: PLR1730  (max() is a call)
            table.now_ms = now_ms
        now_ms = table.now_ms
        place = now_ms.to_bytes(_PLACE_SIZE, byteorder)
        row = table.rows.get(key)
        if row is not None:
            oldest_ms = int.from_bytes(row[:_PLACE_SIZE], byteorder)
            if oldest_ms < now_ms - self.window_ms or len(row) >= self._places_max * _PLACE_SIZE:
                row = self._pruned(row, now_ms)
            table.rows[key] = row + place
        elif not self._coarse.rows and len(table.rows) < table.keys_max:
            table.insert(key, place)
        else:
            self._take_when_crowded(key, place, coarse)

    def restore(self, key: str, timestamp_ms: int, coarse: str = ANY_GROUP) -> None:
        """Count an attempt recorded earlier; given in order of time.

        A straggler counts at the latest instant seen: refilled windows may close later than they did, never earlier.
        """
        self.take(key, timestamp_ms, coarse)

    def expire(self, now_ms: int, budget: int) -> int:
        """Drop up to `budget` rows without live places; for the clean-up tick. Returns how many were dropped."""
        self._coarse.expire(now_ms, budget)
        return self._keys.expire(now_ms, budget)

    def respanned(self, window_ms: int) -> "MovingWindows":
        """The same places under another length of the window: what was forgotten stays so, nothing else is."""
        other = MovingWindows(window_ms, self._keys.keys_max, self._places_max)
        for mine, theirs in ((self._keys, other._keys), (self._coarse, other._coarse)):
            theirs.advance(mine.now_ms)
            for key, row in mine.rows.items():
                theirs.insert(key, row)
        return other

    def _take_when_crowded(self, key: str, place: bytes, coarse: str) -> None:
        groups, now_ms = self._coarse, self._keys.now_ms
        groups.expire(now_ms, DUE_PER_INSERT)
        shared = self._pruned(self._shared(coarse), now_ms)
        if self._keys.has_room():
            self._keys.insert(key, shared + place)
            return
        if coarse not in groups.rows and not groups.has_room(spare=1):
            coarse = ANY_GROUP
        row = groups.rows.get(coarse)
        if row is None:
            groups.insert(coarse, shared + place)
        else:
            groups.rows[coarse] = self._pruned(row, now_ms) + place

    def _shared(self, coarse: str) -> bytes:
        """The row that a key without one shares: its group's, else that of all groups beyond the bound."""
        rows = self._coarse.rows
        return rows.get(coarse) or rows.get(ANY_GROUP) or b""

    def _pruned(self, row: bytes, now_ms: int) -> bytes:
        """The row without dead places, with room for one more."""
        dead_before_ms = now_ms - self.window_ms
        if int.from_bytes(row[:_PLACE_SIZE], byteorder) < dead_before_ms:
            row = row[bisect_left(memoryview(row).cast("q"), dead_before_ms) * _PLACE_SIZE :]
        if len(row) >= self._places_max * _PLACE_SIZE:
            row = row[(1 - self._places_max) * _PLACE_SIZE :]
        return row
