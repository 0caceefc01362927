"""Ids that sort by time (RFC 9562, version 7) and so name the day's partition that holds their row."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

__all__ = ["Uuid7Source", "day_bounds", "lowest_uuid7", "text_of", "timestamp_ms_of"]

_VERSION = 7 << 76
_VARIANT = 2 << 62
_COUNTER_MAX = 0xFFF
_COUNTER_START_MASK = 0x7FF
# 62 random bits end an id, 11 start a counter.
_RANDOM_SIZE = 10
_POOL_SIZE = 400 * _RANDOM_SIZE
_RANDOM_MASK = (1 << 62) - 1
_EPOCH = date(1970, 1, 1)
_DAY_MS = 86_400_000


class Uuid7Source:
    """Ids that only ever grow within one process, whatever its clock does.

    The twelve bits of rand_a count within a millisecond (RFC 9562, 6.2, method 1) from a random start in their lower
    half; when they are used up the id's millisecond runs ahead of the clock by one.

    Args:
        random_bytes: `os.urandom`, or a seeded source in a test; asked for 4,000 bytes at a time.
    """

    __slots__ = ("_at", "_counter", "_last_ms", "_pool", "_random_bytes")

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._pool = b""
        self._at = 0
        self._last_ms = -1
        self._counter = 0

    def next_int(self, now_ms: int) -> int:
        """The next id as a number of 128 bits."""
        at = self._at
        bits = self._pool[at : at + _RANDOM_SIZE]
        if not bits:
            self._pool = self._random_bytes(_POOL_SIZE)
            at, bits = 0, self._pool[:_RANDOM_SIZE]
        self._at = at + _RANDOM_SIZE
        random = int.from_bytes(bits, "big")
        if now_ms > self._last_ms:
            self._last_ms = now_ms
            self._counter = random >> 64 & _COUNTER_START_MASK
        elif self._counter < _COUNTER_MAX:
            self._counter += 1
        else:
            self._last_ms += 1
            self._counter = 0
        return self._last_ms << 80 | _VERSION | self._counter << 64 | _VARIANT | random & _RANDOM_MASK

    def next_bytes(self, now_ms: int) -> bytes:
        """The next id as PostgreSQL's binary uuid: 16 bytes, big-endian."""
        return self.next_int(now_ms).to_bytes(16, "big")

    def next(self, now_ms: int) -> UUID:
        """The next id."""
        return UUID(int=self.next_int(now_ms))


def text_of(value: bytes) -> str:
    """The usual spelling of 16 bytes, without the detour over a UUID object."""
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def timestamp_ms_of(value: UUID) -> int:
    """The millisecond an id was made in, since 1970 UTC."""
    return value.int >> 80


def lowest_uuid7(at_ms: int) -> UUID:
    """The lowest id that a millisecond can have: ids from then on are not below it."""
    return UUID(int=at_ms << 80 | _VERSION | _VARIANT)


def day_bounds(day: date) -> tuple[UUID, UUID]:
    """The half-open range of the ids made on a UTC day: from the first, to before the second."""
    start_ms = (day - _EPOCH) // timedelta(days=1) * _DAY_MS
    return lowest_uuid7(start_ms), lowest_uuid7(start_ms + _DAY_MS)


def day_of(value: UUID) -> date:
    """The UTC day whose partition holds an id."""
    return datetime.fromtimestamp(timestamp_ms_of(value) / 1000, UTC).date()
