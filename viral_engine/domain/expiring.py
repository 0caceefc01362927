"""A bounded table of packed rows that live a fixed time past their last entry.

The base of the moving windows and of the counts of distinct users. A row is one `bytes` object whose last eight bytes
are the instant of its newest entry: bytes are not tracked by the garbage collector, so a million rows cost it nothing.

Expiry is in order and needs no scan: a key stands in exactly one slot of a wheel, the slot in which its row may die.
A due slot is worked off key by key, some on every insertion and the rest by the clean-up tick; a row that was touched
in the meantime moves to its new slot. So every row is looked at about once in its lifetime, whatever the table's size.
"""

from collections import deque
from sys import byteorder

__all__ = ["ExpiringRows"]

SLOTS_PER_LIFETIME = 64
DUE_PER_INSERT = 4
DUE_WHEN_FULL = 64


class ExpiringRows:
    """Rows by key; never more than `keys_max`, and a live row is never dropped to make room.

    Args:
        lifetime_ms: How long a row lives past its newest entry; at exactly this age it still lives.
        keys_max: Rows held at once.
    """

    __slots__ = ("_due", "_slot_ms", "keys_max", "lifetime_ms", "now_ms", "rows")

    def __init__(self, lifetime_ms: int, keys_max: int) -> None:
        if lifetime_ms < 1 or keys_max < 1:
            msg = "a table needs a lifetime and a size of at least one"
            raise ValueError(msg)
        self.lifetime_ms = lifetime_ms
        self.keys_max = keys_max
        self.rows: dict[str, bytes] = {}
        self.now_ms = 0
        self._slot_ms = max(1, lifetime_ms // SLOTS_PER_LIFETIME)
        self._due: deque[tuple[int, list[str]]] = deque()

    def __len__(self) -> int:
        return len(self.rows)

    def advance(self, now_ms: int) -> int:
        """The table's time: never earlier than any instant it has seen, so a clock set back frees nobody."""
        if now_ms > self.now_ms:
            self.now_ms = now_ms
            return now_ms
        return self.now_ms

    def has_room(self, spare: int = 0) -> bool:
        """Whether a new key may be inserted and `spare` places stay free; drops rows that are due before it says no."""
        rows_max = self.keys_max - spare
        if len(self.rows) >= rows_max:
            self.expire(self.now_ms, DUE_WHEN_FULL)
        return len(self.rows) < rows_max

    def insert(self, key: str, row: bytes) -> None:
        """Put a new key's row in; the caller has asked `has_room`."""
        self.rows[key] = row
        self._schedule(key, self.now_ms + self.lifetime_ms)
        if self._due[0][0] <= self.now_ms:
            self.expire(self.now_ms, DUE_PER_INSERT)

    def expire(self, now_ms: int, budget: int) -> int:
        """Look at up to `budget` rows that are due and drop the dead ones; returns how many were dropped."""
        now_ms = self.advance(now_ms)
        dead_before_ms = now_ms - self.lifetime_ms
        due, rows = self._due, self.rows
        dropped = 0
        while budget > 0 and due and due[0][0] <= now_ms:
            keys = due[0][1]
            while keys and budget > 0:
                budget -= 1
                key = keys.pop()
                last_ms = int.from_bytes(rows[key][-8:], byteorder)
                if last_ms < dead_before_ms:
                    del rows[key]
                    dropped += 1
                else:
                    self._schedule(key, last_ms + self.lifetime_ms)
            if not keys:
                due.popleft()
        return dropped

    def _schedule(self, key: str, dies_ms: int) -> None:
        """Note the key in the slot that ends after `dies_ms`; slots stand in ascending order."""
        slot_ms = (dies_ms // self._slot_ms + 1) * self._slot_ms
        due = self._due
        if not due or due[-1][0] < slot_ms:
            due.append((slot_ms, [key]))
            return
        for at_ms, keys in reversed(due):
            if at_ms == slot_ms:
                keys.append(key)
                return
            if at_ms < slot_ms:
                break
        index = next(i for i, (at_ms, _) in enumerate(due) if at_ms > slot_ms)
        due.insert(index, (slot_ms, [key]))
