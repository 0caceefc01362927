"""Who was brought by whom in the last day, and who of them sits at the same device or address.

A farm is one person who brings many: the book shows how many others the same referrer brought and how many of those
share a device or an address group with the user at hand or with one another.
"""

from typing import NamedTuple

from viral_engine.domain.duplicates import DAY_MS

__all__ = ["ReferralBook", "ReferralUse"]

REFEREES_MAX = 64


class ReferralUse(NamedTuple):
    """What the book holds of a referrer, the user at hand not counted."""

    referees: int = 0
    sharing: int = 0


class _Referee(NamedTuple):
    at_ms: int
    user: str
    device: str | None
    address_group: str | None


class ReferralBook:
    """Referees of the last 24 hours by referrer.

    At `referrers_max` the referrer who was quiet longest is dropped; of one referrer the newest 64 are kept.
    """

    __slots__ = ("_referees", "_referrers_max")

    def __init__(self, referrers_max: int) -> None:
        self._referrers_max = referrers_max
        self._referees: dict[str, tuple[_Referee, ...]] = {}

    def __len__(self) -> int:
        return len(self._referees)

    def book(self, referrer: str, user: str, device: str | None, address_group: str | None, now_ms: int) -> None:
        """Note that `referrer` brought `user`; a second note of the same user replaces the first."""
        known = self._referees.pop(referrer, ())
        live = [row for row in known if row.user != user and row.at_ms >= now_ms - DAY_MS]
        # Popped and put back, a referrer is the youngest of the dict's order.
        self._referees[referrer] = (*live[1 - REFEREES_MAX :], _Referee(now_ms, user, device, address_group))
        if len(self._referees) > self._referrers_max:
            del self._referees[next(iter(self._referees))]

    def look(self, referrer: str, user: str, device: str | None, address_group: str | None, now_ms: int) -> ReferralUse:
        """Tells whom else the referrer brought."""
        others = [row for row in self._referees.get(referrer, ()) if row.user != user and row.at_ms >= now_ms - DAY_MS]
        if not others:
            return ReferralUse()
        devices = _repeated([device, *(row.device for row in others)])
        groups = _repeated([address_group, *(row.address_group for row in others)])
        sharing = sum(row.device in devices or row.address_group in groups for row in others)
        return ReferralUse(len(others), sharing)

    def expire(self, now_ms: int, budget: int) -> int:
        """Drop up to `budget` referrers who brought nobody in the last day; for the clean-up tick."""
        dropped = 0
        for referrer in list(self._referees)[:budget]:
            if self._referees[referrer][-1].at_ms < now_ms - DAY_MS:
                del self._referees[referrer]
                dropped += 1
        return dropped


def _repeated(values: list[str | None]) -> set[str]:
    seen: set[str] = set()
    twice: set[str] = set()
    for value in values:
        if value is not None:
            (twice if value in seen else seen).add(value)
    return twice
