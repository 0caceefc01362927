"""Which windows an action is counted in, as data.

One window is one table of places (`windows.MovingWindows`). Reads have their own tables and rows, so that looking at
pages eats nobody's budget of actions.
"""

from dataclasses import dataclass
from enum import StrEnum

from viral_engine.domain.reasons import Reason

__all__ = ["READS", "SHARE", "WRITES", "Limit", "WindowKey"]


class WindowKey(StrEnum):
    """Whose window it is. `user_action` is the pair of both; `address` is the address group."""

    USER_ACTION = "user_action"
    USER = "user"
    DEVICE = "device"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `places` attempts in any `window_ms`.

    Attributes:
        window: Name of the table, as facts and answers spell it.
        key: What the caller keys the table by; without a device or an address the limit is left out.
        reason: What a refusal is called.
    """

    window: str
    key: WindowKey
    places: int
    window_ms: int = 60_000
    reason: Reason = Reason.RATE_LIMITED


WRITES = (
    Limit("user_action", WindowKey.USER_ACTION, 10),
    Limit("device", WindowKey.DEVICE, 60),
    Limit("address", WindowKey.ADDRESS, 600),
)
READS = (
    Limit("user_read", WindowKey.USER_ACTION, 120),
    Limit("device_read", WindowKey.DEVICE, 300),
    Limit("address_read", WindowKey.ADDRESS, 3000),
)
SHARE = Limit("share", WindowKey.USER, 5, 300_000, Reason.DUPLICATE_SHARE)
