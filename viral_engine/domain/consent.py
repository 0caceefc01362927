"""Parental consent: what a consent covers, which way of giving it proves what, and what holds right now.

A scope is written as text of a small closed grammar, `purpose[:recipient][/data]`:

    service                        collection and use by the operator and its processors, any data class but records
    ai_processing/transcript       a use of its own purpose, of one data class
    third_party:public/profile     disclosure to one recipient class (16 CFR 312.5(a)(2): apart from `service`)
    third_party:public/education_record

The recipient stands with `third_party` only and is never left out: advertising and AI training are recipients of their
own, so no consent to anything else can bundle them. Without `/data` a scope covers every data class except
education records, which FERPA wants named (34 CFR 99.30); the rest is 16 CFR 312.5.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from viral_engine.domain.errors import Invalid

__all__ = [
    "EVIDENCE", "EVIDENCE_DATES", "Consent", "ConsentMethod", "ConsentState", "ConsentStatus", "DataClass", "Purpose",
    "RecipientClass", "Scope", "check_evidence", "check_method", "consent_state", "evidence_ahead", "may_disclose",
    "policy_version",
]  # fmt: skip


class DataClass(StrEnum):
    """What kind of data it is about; `any` in a consent means all but education records."""

    ANY = "any"
    ACCOUNT = "account"
    CONTACT = "contact"
    PROFILE = "profile"
    CONTENT = "content"
    RECORDING = "recording"
    TRANSCRIPT = "transcript"
    EDUCATION_RECORD = "education_record"


class Purpose(StrEnum):
    """What the data is used for; every purpose but `third_party` stays with the operator and its processors."""

    SERVICE = "service"
    AI_PROCESSING = "ai_processing"
    EXPORT = "export"
    INVITE = "invite"
    REWARD = "reward"
    THIRD_PARTY = "third_party"


class RecipientClass(StrEnum):
    """To whom data is disclosed."""

    PUBLIC = "public"
    OTHER_USERS = "other_users"
    PARENT = "parent"
    TUTOR = "tutor"
    SCHOOL = "school"
    PARTNER = "partner"
    AI_TRAINING = "ai_training"
    ADVERTISING = "advertising"


class ConsentMethod(StrEnum):
    """The nine ways of 16 CFR 312.5(b)(2); a ticked box is none of them."""

    SIGNED_FORM = "signed_form"
    PAYMENT = "payment"
    TOLL_FREE_CALL = "toll_free_call"
    VIDEO_CALL = "video_call"
    GOVERNMENT_ID = "government_id"
    KNOWLEDGE_BASED = "knowledge_based"
    PHOTO_ID_MATCH = "photo_id_match"
    EMAIL_PLUS = "email_plus"
    TEXT_PLUS = "text_plus"


_WORDS = (
    f"a purpose is one of {', '.join(Purpose)}; a recipient, with third_party only, one of "
    f"{', '.join(RecipientClass)}; data one of {', '.join(DataClass)}"
)

POLICY_VERSION_MAX = 999_999_999

# What the record of each method must hold: references and dates, never an image of an id, which
# 16 CFR 312.5(b)(2) wants deleted once it was looked at.
EVIDENCE: dict[ConsentMethod, tuple[str, ...]] = {
    ConsentMethod.SIGNED_FORM: ("document_ref", "signed_on"),
    ConsentMethod.PAYMENT: ("payment_ref", "notice_sent_at"),
    ConsentMethod.TOLL_FREE_CALL: ("call_ref", "agent"),
    ConsentMethod.VIDEO_CALL: ("call_ref", "agent"),
    ConsentMethod.GOVERNMENT_ID: ("check_ref", "id_deleted_at"),
    ConsentMethod.KNOWLEDGE_BASED: ("quiz_ref", "attempts"),
    ConsentMethod.PHOTO_ID_MATCH: ("check_ref", "confirmed_by", "images_deleted_at"),
    ConsentMethod.EMAIL_PLUS: ("message_ref", "second_step", "revocation_notice"),
    ConsentMethod.TEXT_PLUS: ("message_ref", "second_step", "revocation_notice"),
}

EVIDENCE_DATES = frozenset({"signed_on", "notice_sent_at", "id_deleted_at", "images_deleted_at"})
"""Fields of evidence that say when: a date, or a time of RFC 3339 with its offset."""

_EARLIEST_ZONE = timedelta(hours=14)
_CLOCKS_DIFFER = timedelta(minutes=5)
_WHEN = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?"
)


def may_disclose(method: ConsentMethod) -> bool:
    """Whether the method can carry a disclosure; e-mail plus and text plus cannot (16 CFR 312.5(b)(2))."""
    return method is not ConsentMethod.EMAIL_PLUS and method is not ConsentMethod.TEXT_PLUS


def check_evidence(method: ConsentMethod, evidence: Mapping[str, Any]) -> None:
    """Refuse a consent whose record lacks what its method must show; null, false and empty text show nothing.

    Raises:
        Invalid: Naming the first field that is missing, or says no date where it must.
    """
    for field in EVIDENCE[method]:
        value = evidence.get(field)
        if value is None or value is False or (isinstance(value, str) and not value.strip()):
            raise Invalid(f"evidence.{field}", f"is required for {method}")
        if field in EVIDENCE_DATES and not _says_when(value):
            raise Invalid(f"evidence.{field}", "must be a date such as 2027-01-31, or a time of RFC 3339")


def evidence_ahead(method: ConsentMethod, evidence: Mapping[str, Any], now_ms: int) -> str | None:
    """The field of evidence that says a day that has begun nowhere yet, or a time that has not come.

    Args:
        method: what the evidence is of.
        evidence: as `check_evidence` has taken it.
        now_ms: milliseconds since 1970.
    """
    now = datetime.fromtimestamp(now_ms / 1_000, UTC)
    for field in EVIDENCE[method]:
        when = _when(evidence[field]) if field in EVIDENCE_DATES else None
        if when is None:
            continue
        if when.tzinfo is None and when.date() > (now + _EARLIEST_ZONE).date():
            return field
        if when.tzinfo is not None and when > now + _CLOCKS_DIFFER:
            return field
    return None


def _says_when(value: object) -> bool:
    return _when(value) is not None


def _when(value: object) -> datetime | None:
    """The date, at midnight without a zone, or the time of RFC 3339 that a value says; None when it says none."""
    if not isinstance(value, str) or _WHEN.fullmatch(value.upper()) is None:
        return None
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        return None


def check_method(method: ConsentMethod, scope: "Scope") -> None:
    """Refuse a consent to a disclosure by a way of consenting that never covers one.

    Raises:
        Invalid: It is such a consent.
    """
    if scope.purpose is Purpose.THIRD_PARTY and not may_disclose(method):
        others = ", ".join(other for other in ConsentMethod if may_disclose(other))
        raise Invalid(
            "method", f"must be one of {others} for {scope}: {method} never covers a disclosure (16 CFR 312.5(b)(2))"
        )


def policy_version(value: object) -> int:
    """The number of the privacy policy that was consented to, from a number or its decimal text.

    Only numbers have an order that everybody agrees on: whether "2026-01" is older than "2025-12b" is anybody's guess.

    Raises:
        Invalid: No whole number from 1 to `POLICY_VERSION_MAX`.
    """
    text = value.strip() if isinstance(value, str) else ""
    if text.isascii() and text.isdigit() and len(text) <= len(str(POLICY_VERSION_MAX)):
        value = int(text)
    if type(value) is not int or not 1 <= value <= POLICY_VERSION_MAX:
        raise Invalid("policy_version", f"must be a whole number from 1 to {POLICY_VERSION_MAX}")
    return value


@dataclass(frozen=True, slots=True)
class Scope:
    """What a consent is for; `recipient` is set with the purpose `third_party` and only then."""

    purpose: Purpose
    recipient: RecipientClass | None = None
    data: DataClass = DataClass.ANY

    def __post_init__(self) -> None:
        if (self.recipient is None) == (self.purpose is Purpose.THIRD_PARTY):
            raise Invalid("scope", "must name a recipient after third_party: and only there")

    def __str__(self) -> str:
        head = self.purpose if self.recipient is None else f"{self.purpose}:{self.recipient}"
        return head if self.data is DataClass.ANY else f"{head}/{self.data}"

    @classmethod
    def parse(cls, text: str) -> "Scope":
        """Read the text form.

        Raises:
            Invalid: The text is not of the grammar.
        """
        head, slash, data = text.partition("/")
        purpose, colon, recipient = head.partition(":")
        try:
            return cls(
                Purpose(purpose),
                RecipientClass(recipient) if colon else None,
                DataClass(data) if slash else DataClass.ANY,
            )
        except Invalid:
            raise
        except ValueError:
            raise Invalid("scope", f"must be purpose[:recipient][/data]: {_WORDS}") from None

    def covers(self, required: "Scope") -> bool:
        """Whether a consent of this scope is enough for `required`."""
        if self.purpose is not required.purpose or self.recipient is not required.recipient:
            return False
        if self.data is DataClass.ANY:
            return required.data is not DataClass.EDUCATION_RECORD
        return self.data is required.data


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One row of consent, reduced to what decides; `guardian` and `id` are opaque, instants are epoch milliseconds."""

    id: str
    scope: str
    method: ConsentMethod
    guardian: str
    granted_ms: int
    policy_version: int = 1
    expires_ms: int | None = None
    withdrawn_ms: int | None = None


class ConsentStatus(StrEnum):
    """What is known about the consent that an action needs."""

    NOT_REQUIRED = "not_required"
    GIVEN = "given"
    MISSING = "missing"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    POLICY_OUTDATED = "policy_outdated"
    METHOD_INSUFFICIENT = "method_insufficient"


@dataclass(frozen=True, slots=True)
class ConsentState:
    """The `consent` part of a decision; `basis` is the id of the consent relied on."""

    required: bool
    scope: str | None
    basis: str | None
    state: ConsentStatus


# Of several reasons why no consent holds, the first of these is told: a withdrawal is somebody's word.
_WORST_FIRST = (
    ConsentStatus.WITHDRAWN,
    ConsentStatus.EXPIRED,
    ConsentStatus.POLICY_OUTDATED,
    ConsentStatus.METHOD_INSUFFICIENT,
)


def consent_state(
    required: Scope,
    consents: Sequence[Consent],
    now_ms: int,
    guardians: Collection[str] | None = None,
    policy_version_min: int = 1,
    *,
    reconsent_supersedes: bool = True,
    withdrawal_ends_older: bool = True,
) -> ConsentState:
    """What holds for `required` at `now_ms`.

    Any one guardian can consent and any one can withdraw. A withdrawal ends for good every consent given before it or
    at the same instant, the other guardians' too: only one that is given afterwards, by whomever, can be relied on. Who
    withdrew lifts their own withdrawal by consenting again: it is told no more, and revives nothing. A withdrawal of
    `service` withdraws everything: what may not be held may not be disclosed. All rows are weighed, so any number of
    them, contradictory ones too, gives one answer.

    Args:
        required: The scope an action needs.
        consents: Rows about the subject, any scope, any order.
        now_ms: The instant of the decision; rows granted after it are not seen yet.
        guardians: Confirmed guardians; rows of others are ignored. None if the rows are filtered already.
        policy_version_min: Oldest version of the privacy policy whose consents still hold: a material change asks
            again (16 CFR 312.5(a)(1)).
        reconsent_supersedes: Whether a withdrawal that its own guardian lifted is not told either: what is told then
            is what keeps the new consent from holding. Version 1 of the policy went on telling the withdrawal.
        withdrawal_ends_older: Whether what a withdrawal ended stays ended once it is lifted. Up to version 4 of the
            policy the older consents held again then, even after the new one had run out.
    """
    rows = [
        (Scope.parse(row.scope), row)
        for row in consents
        if row.granted_ms <= now_ms and (guardians is None or row.guardian in guardians)
    ]
    by_guardian = _withdrawals(required, rows, now_ms)
    withdrawn_ms = _last_unlifted(required, rows, now_ms, by_guardian)
    ended_ms = max(by_guardian.values(), default=None) if withdrawal_ends_older else withdrawn_ms
    found: set[ConsentStatus] = set()
    for scope, row in rows:
        if not scope.covers(required):
            continue
        status = _status_of(row, required, now_ms, ended_ms, policy_version_min)
        if status is ConsentStatus.GIVEN:
            return ConsentState(required=True, scope=str(required), basis=row.id, state=status)
        found.add(status)
    if withdrawn_ms is not None:
        found.add(ConsentStatus.WITHDRAWN)
    elif reconsent_supersedes:
        # Every withdrawal there was is lifted, by a consent whose own state is among those found.
        found.discard(ConsentStatus.WITHDRAWN)
    state = next((status for status in _WORST_FIRST if status in found), ConsentStatus.MISSING)
    return ConsentState(required=True, scope=str(required), basis=None, state=state)


def _status_of(
    row: Consent, required: Scope, now_ms: int, ended_ms: int | None, policy_version_min: int
) -> ConsentStatus:
    if _is_withdrawn(row, now_ms):
        return ConsentStatus.WITHDRAWN
    if ended_ms is not None and row.granted_ms <= ended_ms:
        return ConsentStatus.WITHDRAWN
    if row.expires_ms is not None and row.expires_ms <= now_ms:
        return ConsentStatus.EXPIRED
    if row.policy_version < policy_version_min:
        return ConsentStatus.POLICY_OUTDATED
    if required.purpose is Purpose.THIRD_PARTY and not may_disclose(row.method):
        return ConsentStatus.METHOD_INSUFFICIENT
    return ConsentStatus.GIVEN


def _is_withdrawn(row: Consent, now_ms: int) -> bool:
    return row.withdrawn_ms is not None and row.withdrawn_ms <= now_ms


def _withdrawals(required: Scope, rows: Iterable[tuple[Scope, Consent]], now_ms: int) -> dict[str, int]:
    """When each guardian who withdrew what is required did so last."""
    found: dict[str, int] = {}
    for scope, row in rows:
        if row.withdrawn_ms is not None and row.withdrawn_ms <= now_ms and _withdraws(scope, required):
            found[row.guardian] = max(row.withdrawn_ms, found.get(row.guardian, 0))
    return found


def _withdraws(scope: Scope, required: Scope) -> bool:
    """Whether the withdrawal of a consent of this scope withdraws what is required."""
    return scope.covers(required) or (scope.purpose is Purpose.SERVICE and scope.data is DataClass.ANY)


def _last_unlifted(
    required: Scope, rows: Iterable[tuple[Scope, Consent]], now_ms: int, withdrawn: Mapping[str, int]
) -> int | None:
    """The latest withdrawal that is not lifted by its own guardian's later consent."""
    granted: dict[str, int] = {}
    for scope, row in rows:
        if not _is_withdrawn(row, now_ms) and scope.covers(required):
            granted[row.guardian] = max(row.granted_ms, granted.get(row.guardian, 0))
    return max((at for who, at in withdrawn.items() if granted.get(who, -1) <= at), default=None)
