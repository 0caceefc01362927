"""What is done under an `Idempotency-Key`: its answer is kept in the transaction that does the work, or neither is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from viral_engine.messages.journal import Statement


class Claim(Struct, frozen=True, gc=False):
    """A key that a request works for.

    Attributes:
        digest: of the key, the API key and the route.
        token: of this attempt; who takes the key over has another one, and this attempt can't commit any more.
    """

    digest: bytes
    token: bytes


class ItemClaim(Struct, frozen=True, gc=False):
    """One item of a request that has a claim: what is committed of it is its alone.

    Attributes:
        digest: of the request's digest, the item's place and its body.
        boot_id: of the daemon that works for it.
    """

    digest: bytes
    boot_id: str


class Once(Struct, frozen=True):
    """Asks for a change whose answer is kept with it.

    Attributes:
        message: the change.
        keep: makes of its answer the statements that keep what the caller is told.
    """

    message: Any
    keep: Callable[[Any], tuple[Statement, ...]]


class ClaimLost(Exception):
    """Somebody else has taken over the key, or has done the work already: nothing of this attempt is committed."""

    def __init__(self) -> None:
        super().__init__("another request with the same Idempotency-Key has taken this one over")
