"""How often an API key may ask: exact moving windows of 60 s, kept while the process runs."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Container

from viral_engine.web.errors import invalid
from viral_engine.web.quotas import too_many

WINDOW_S = 60


class KeyRates:
    """The instants of the newest requests of each key that has a rate.

    A request that is refused takes no place. Eight bytes a place, made at the key's first request.

    Args:
        now_s: monotonic seconds.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._rings: dict[str, _Ring] = {}

    def take(self, key_id: str, rate_per_minute: int, count: int = 1, *, taken: int = 0) -> None:
        """Takes places in a key's window.

        Args:
            key_id: whose.
            rate_per_minute: places in the window.
            count: as many as the request asks for things.
            taken: places that the request took before; when it is refused now it gives them back.

        Raises:
            ApiError: 429 key_rate_exceeded, or 422 when there are never so many places.
        """
        ring = self._rings.get(key_id)
        if ring is None:
            ring = self._rings[key_id] = _Ring(rate_per_minute)
        wait_s = math.inf if count > rate_per_minute else ring.take(count - taken, self._now_s())
        if wait_s == 0:
            return
        ring.give_back(taken)
        if wait_s == math.inf:
            raise invalid(None, f"this API key may ask for {rate_per_minute} a minute, never for {count} at once")
        raise too_many(
            "key_rate_exceeded",
            f"this API key may ask {rate_per_minute} times a minute, and each check of a bulk request counts",
            policy="key",
            quota=rate_per_minute,
            window_s=WINDOW_S,
            wait_s=wait_s,
        )

    def keep(self, key_ids: Container[str]) -> None:
        """Forgets every other key."""
        self._rings = {key_id: ring for key_id, ring in self._rings.items() if key_id in key_ids}


class _Ring:
    """The newest instants, the oldest of which is overwritten next."""

    __slots__ = ("_instants", "_oldest")

    def __init__(self, places: int) -> None:
        self._instants = array("d", [float("-inf")]) * places
        self._oldest = 0

    def take(self, count: int, now_s: float) -> float:
        """Takes so many places and returns 0, or takes none and returns the seconds until they are free."""
        places = len(self._instants)
        if count == 0:
            return 0.0
        wait_s = self._instants[(self._oldest + count - 1) % places] + WINDOW_S - now_s
        if wait_s > 0:
            return wait_s
        for _ in range(count):
            self._instants[self._oldest] = now_s
            self._oldest = (self._oldest + 1) % places
        return 0.0

    def give_back(self, count: int) -> None:
        """Frees the newest places: what they overwrote was older than the window."""
        for _ in range(count):
            self._oldest = (self._oldest - 1) % len(self._instants)
            self._instants[self._oldest] = float("-inf")
