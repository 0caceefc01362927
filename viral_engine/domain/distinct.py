"""How many distinct users were seen on a key (a device, an address) in a moving span of time.

The count behind duplicate signups and behind the signs of a script that runs many accounts. Users are kept as 64-bit
hashes: the process's own keyed hash, so nobody can aim at a collision, and one by chance has odds below 1 in 10^12.
"""

from collections.abc import Iterable
from sys import byteorder

from viral_engine.domain.expiring import ExpiringRows

__all__ = ["DistinctUsers"]

_HASH_MASK = (1 << 64) - 1
_PAIR_SIZE = 16


def _mark(user: str) -> bytes:
    return (hash(user) & _HASH_MASK).to_bytes(8, byteorder)


def _find(row: bytes, mark: bytes) -> int:
    """Offset of the pair that begins with `mark`, or -1; a match that straddles two fields is none."""
    at = row.find(mark)
    while at >= 0 and at % _PAIR_SIZE:
        at = row.find(mark, at + 1)
    return at


class DistinctUsers:
    """Users by key within the last `window_ms`; a pair (user, last seen) takes 16 bytes.

    At `keys_max` live keys a further key is not kept: `add` says so by False and `full` stays True until there is
    room, so that a rule can tell "nobody else" from "not known". Of one key the newest `users_max` are kept; the
    count stops growing there.

    Args:
        window_ms: Span of time; a user seen exactly that long ago still counts.
        keys_max: Keys held at once.
        users_max: Users held per key.
    """

    __slots__ = ("_table", "_users_max", "window_ms")

    def __init__(self, window_ms: int, keys_max: int, users_max: int = 64) -> None:
        self.window_ms = window_ms
        self._users_max = users_max
        self._table = ExpiringRows(window_ms, keys_max)

    def __len__(self) -> int:
        return len(self._table)

    def knows(self, key: str) -> bool:
        """False if the table is full and holds nothing of `key`: then a count of 0 means nothing."""
        return key in self._table.rows or len(self._table) < self._table.keys_max

    def others(self, key: str, user: str, now_ms: int, besides: Iterable[str] = ()) -> int:
        """Users seen on `key` within the window, without `user` and without those in `besides`."""
        row = self._table.rows.get(key)
        if row is None or (len(row) == _PAIR_SIZE and row[:8] == _mark(user)):
            # Nobody, or nobody but this user: a person's own phone.
            return 0
        now_ms = self._table.advance(now_ms)
        first = self._first_live(row, now_ms)
        count = (len(row) - first) // _PAIR_SIZE
        for known in {user, *besides} if besides else (user,):
            if _find(row, _mark(known)) >= first:
                count -= 1
        return count

    def add(self, key: str, user: str, now_ms: int) -> bool:
        """Note that `user` was seen on `key` now; False if the table is full and the key is not kept."""
        table = self._table
        now_ms = table.advance(now_ms)
        pair = _mark(user) + now_ms.to_bytes(8, byteorder)
        row = table.rows.get(key)
        if row is None:
            if not table.has_room():
                return False
            table.insert(key, pair)
            return True
        if len(row) == _PAIR_SIZE and row[:8] == pair[:8]:
            table.rows[key] = pair
            return True
        row = row[self._first_live(row, now_ms) :]
        at = _find(row, pair[:8])
        if at >= 0:
            row = row[:at] + row[at + _PAIR_SIZE :]
        elif len(row) >= self._users_max * _PAIR_SIZE:
            row = row[_PAIR_SIZE:]
        table.rows[key] = row + pair
        return True

    def expire(self, now_ms: int, budget: int) -> int:
        """Drop up to `budget` dead rows; for the clean-up tick. Returns how many were dropped."""
        return self._table.expire(now_ms, budget)

    def _first_live(self, row: bytes, now_ms: int) -> int:
        """Offset of the first pair that still counts; pairs stand in order of time."""
        dead_before_ms = now_ms - self.window_ms
        at = 0
        while at < len(row) and int.from_bytes(row[at + 8 : at + _PAIR_SIZE], byteorder) < dead_before_ms:
            at += _PAIR_SIZE
        return at
