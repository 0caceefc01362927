"""Whom a block would hit: the question, asked before the block is made, and its answer."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from viral_engine.messages.access import EntryKind
from viral_engine.runtime.flight_recorder import personal

HIT_IDS_MAX = 200
"""Users, households and schools that an answer names; it counts all of them."""


@personal("value")
class WouldHitBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/blocks/would-hit`: what might be blocked."""

    kind: EntryKind
    value: int | str


@personal("value")
class ReadWouldHit(Struct, frozen=True, kw_only=True):
    """Asks whom a block would have hit since an instant; answers a `WouldHit`.

    Attributes:
        value: canonical.
    """

    kind: EntryKind
    value: str
    since_ms: int


@personal("value", "user_ids", "households", "school_ids")
class WouldHit(Struct, frozen=True, kw_only=True):
    """Whom a block would have hit: ids alone, of each at most 200, and how many there are in all.

    Attributes:
        kind: what the block would name.
        value: the same in its usual spelling.
        user_ids: a device, an address and a network hit whoever had a decision with it; a domain whoever has an e-mail
            address in it; a block of a user hits that user, who is known.
        households: each verified one (a guardian's live consent makes it one) that a user who is hit belongs to, named
            by its guardians, at most 8 of them.
        school_ids: the schools of these users.
        looked_at: how many decisions were looked at, newest first; of a domain how many users; of a user none.
        since: when the oldest decision was recorded that was looked at, or could have been; null of a domain.
        complete: false when there was more to look at than is looked at, or more users than are told: the counts are
            the least that it can be.
    """

    kind: EntryKind
    value: str
    user_count: int
    user_ids: list[str]
    household_count: int
    households: list[list[str]]
    school_count: int
    school_ids: list[str]
    looked_at: int
    since: datetime | None
    complete: bool
