"""What the reader is asked for: one SELECT per kind and batch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from viral_engine.messages.access import AllowView, BlockView, EntryKind, LabelView, ListName
from viral_engine.messages.keys import KeyRecord
from viral_engine.messages.people import ConsentView, UserView
from viral_engine.messages.policies import StandingPolicy
from viral_engine.messages.reviews import ReportRow
from viral_engine.runtime.flight_recorder import personal

PAGE_MAX = 200
"""Rows of one page."""

HOUSEHOLD_MAX = 64
"""Members of a household that are held: beyond them a member is counted as a stranger. From how many on a person looks
is the policy's to say, and far less."""


class NotRead(Exception):
    """The reader or its database is away, or refused to answer: the error of every question that was not answered."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the database could not be read: {why}")
        self.why = why


@personal("user_id")
class ReadProfile(Struct, frozen=True, gc=False):
    """Asks for what a check must know of a user; answers a `ProfileRow`, None for a user never heard of."""

    user_id: str


@personal(
    "user_id",
    "date_of_birth",
    "age_band",
    "stated_on",
    "guardian_ids",
    "tutor_ids",
    "household_id",
    "household_members",
    "household_size",
    "household_joined_ms",
    "school_id",
    "email_domain",
    "referrer_id",
    "signals",
    "consents",
)
class ProfileRow(Struct, frozen=True, kw_only=True):
    """A user as stored, with signals and consents.

    Attributes:
        household_members: the *verified* household, the user not included: guardians who consented for this user by
            a listed method and did not withdraw, the other children for whom those guardians did, and the children
            for whom this user did, with their other guardians; at most `HOUSEHOLD_MAX`.
        household_size: how many they are, the user included and not cut off; 0 for none.
        household_joined_ms: when its children's first consents were given, the user's own among them, newest first; at
            most `HOUSEHOLD_MAX`.
        signals: name of the signal to (value, milliseconds since 1970 of its first report).
    """

    user_id: str
    persona: str | None
    date_of_birth: str | None
    age_band: str | None
    stated_on: str | None
    adulthood_attested: bool
    guardian_ids: list[str]
    tutor_ids: list[str] = []
    household_id: str | None
    household_members: list[str]
    household_size: int = 0
    household_joined_ms: list[int] = []
    school_id: str | None
    school_ferpa: bool
    jurisdiction: str | None
    email_domain: str | None
    referrer_id: str | None
    created_ms: int | None
    signals: dict[str, tuple[Any, int]]
    consents: list[ConsentView]


@personal("user_id")
class ReadUser(Struct, frozen=True, gc=False):
    """Asks for a `UserView`; answers None when unknown."""

    user_id: str


class ReadDecision(Struct, frozen=True, gc=False):
    """Asks for a `DecisionView`; answers None when unknown."""

    decision_id: str


@personal("user_id", "reason")
class ReadDecisions(Struct, frozen=True, kw_only=True):
    """Asks for a `DecisionPage`, newest first; `before` is the id that the page before ended with."""

    user_id: str | None = None
    since: datetime | None = None
    reason: str | None = None
    before: str | None = None
    limit: int = 50


@personal("user_id", "device_id", "ip_address", "answer", "facts")
class DecisionView(Struct, frozen=True, kw_only=True):
    """A decision as recorded: `answer` and `facts` are JSON texts exactly as they were written."""

    decision_id: str
    recorded_at: datetime
    occurred_at: datetime
    user_id: str
    action_type: str
    decision: str
    reasons: list[str]
    score: int
    policy_version: int
    device_id: str | None
    ip_address: str | None
    api_key_id: str
    backfill: bool
    answer: str
    facts: str


@personal("decisions")
class DecisionPage(Struct, frozen=True, kw_only=True):
    """One page; `next_before` is None on the last one."""

    decisions: list[DecisionView]
    next_before: str | None


@personal("values")
class ReadEntries(Struct, frozen=True, kw_only=True):
    """Asks for live entries of a list, newest first; answers one page of the list's own views.

    Attributes:
        values: canonical ones, of which the entry's is one; None for any.
    """

    list_name: ListName
    kind: EntryKind | None = None
    values: tuple[str, ...] | None = None
    label: str | None = None
    before: str | None = None
    limit: int = 50


class ReadKeys(Struct, frozen=True, gc=False):
    """Asks for every API key that is not revoked; answers a list of `KeyRecord`."""


class ReadIdempotent(Struct, frozen=True, gc=False):
    """Asks for the answer kept under an idempotency digest; answers an `IdempotentRow` or None."""

    digest: bytes


@personal("answer")
class IdempotentRow(Struct, frozen=True, kw_only=True):
    """What is kept under an idempotency key: `answer` is None while its work is under way in `boot_id`.

    Attributes:
        token: of whoever works for it.
    """

    body_digest: bytes
    boot_id: str
    token: bytes
    status: int | None
    answer: bytes | None


class ReadWarmStart(Struct, frozen=True, kw_only=True):
    """Asks for everything that trust_safety holds in memory; answers a `WarmStart`."""

    windows_since_ms: int
    signups_since_ms: int
    rows_max: int


@personal("attempts", "signups", "blocks", "allows", "device_flags", "reports", "labels")
class WarmStart(Struct, frozen=True, kw_only=True):
    """State to start with.

    Attributes:
        attempts: (occurred_ms, user_id, action_type, device_id, ip_address, decision, reasons, counted, backfill)
            of the recent decisions, oldest first.
        signups: (occurred_ms, user_id, device_id, ip_address, backfill, referrer_id) of recent signups, oldest first.
        device_flags: device id to list of (flag_type, risk in thousandths, flagged_ms).
        complete: False when `rows_max` cut something off.
        reports: abuse reports that were not dismissed.
        policies: what stands instead of the shipped policy, and what in its shadow.
    """

    attempts: list[tuple[int, str, str, str | None, str | None, str, list[str], bool, bool]]
    signups: list[tuple[int, str, str | None, str | None, bool, str | None]]
    blocks: list[BlockView]
    allows: list[AllowView]
    device_flags: dict[str, list[tuple[str, int, int]]]
    last_backfill_ms: int | None
    complete: bool
    policies: list[StandingPolicy] = []
    reports: list[ReportRow] = []
    labels: list[LabelView] = []


__all__ = [
    "PAGE_MAX",
    "ConsentView",
    "DecisionPage",
    "DecisionView",
    "IdempotentRow",
    "KeyRecord",
    "NotRead",
    "ProfileRow",
    "ReadDecision",
    "ReadDecisions",
    "ReadEntries",
    "ReadIdempotent",
    "ReadKeys",
    "ReadProfile",
    "ReadUser",
    "ReadWarmStart",
    "UserView",
    "WarmStart",
]
