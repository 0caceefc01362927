"""The book of signups: who else signed up on this device or from this address in the last day.

The rule is (same device OR same address group) AND last 24 hours AND kind signup: the book holds nothing but admitted
signups, so no other kind of record can reach the verdict, and an attempt without a device and
without an address has no key and so no verdict. A user's own retry is never somebody else's signup.
Refused signups are not booked here; they count as refusals in the velocity.

Allowances stand in the policy, as limits of others seen before: three signups per address and day, because siblings,
lodgers and small offices share one; one per device and day, because a device is a person's own or a family's, and a
family proves itself: members of a *verified* household (`household`) are not counted. An inferred household is no
excuse: sharing a device and an address is exactly what a farm looks like.

At the bound a new key is not booked and its verdict says `known=False`: no denial, a small documented weight.
"""

from typing import NamedTuple

from viral_engine.domain.distinct import DistinctUsers

__all__ = ["DAY_MS", "SignupBook", "SignupUse"]

DAY_MS = 86_400_000


class SignupUse(NamedTuple):
    """Distinct other users who signed up within a day, verified household members not counted.

    Attributes:
        device_others: On the same device; 0 without a device.
        address_others: From the same address group; 0 without an address.
        known: False if a book was full, so that a count of 0 says nothing.
    """

    device_others: int = 0
    address_others: int = 0
    known: bool = True


class SignupBook:
    """Signups of the last 24 hours by device and by address group.

    Args:
        keys_max: Devices, and address groups, held at once; about 150 bytes each.
    """

    __slots__ = ("_addresses", "_devices")

    def __init__(self, keys_max: int) -> None:
        self._devices = DistinctUsers(DAY_MS, keys_max)
        self._addresses = DistinctUsers(DAY_MS, keys_max)

    def look(
        self,
        user: str,
        device: str | None,
        address_group: str | None,
        now_ms: int,
        household: frozenset[str] = frozenset(),
    ) -> SignupUse:
        """What the book holds against a signup of `user`; books nothing."""
        devices, addresses = self._devices, self._addresses
        return SignupUse(
            devices.others(device, user, now_ms, household) if device else 0,
            addresses.others(address_group, user, now_ms, household) if address_group else 0,
            (not device or devices.knows(device)) and (not address_group or addresses.knows(address_group)),
        )

    def book(self, user: str, device: str | None, address_group: str | None, now_ms: int) -> None:
        """Note an admitted signup; also refills the book from recorded decisions, in order of time."""
        if device:
            self._devices.add(device, user, now_ms)
        if address_group:
            self._addresses.add(address_group, user, now_ms)

    def expire(self, now_ms: int, budget: int) -> int:
        """Drop up to `budget` dead rows of either kind; for the clean-up tick."""
        return self._devices.expire(now_ms, budget) + self._addresses.expire(now_ms, budget)
