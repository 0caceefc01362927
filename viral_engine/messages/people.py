"""Users, their consents and signals: requests, internal messages, answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from msgspec import Struct

from viral_engine.runtime.flight_recorder import personal

Persona = Literal["student", "parent", "tutor", "staff"]
ATTESTED: tuple[Persona, ...] = ("parent", "tutor", "staff")
"""Whose adulthood the company can attest."""
AgeBandName = Literal["unknown", "under_13", "13_17", "18_plus"]


@personal(
    "date_of_birth",
    "age_band",
    "stated_on",
    "guardian_ids",
    "tutor_ids",
    "household_id",
    "school_id",
    "email",
    "phone",
    "referrer_id",
)
class UserBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `PUT /v1/users/{id}`: replaces what is known of the user.

    `date_of_birth`, or `age_band` with the day it was stated; neither means that the age is unknown.

    Attributes:
        adulthood_attested: whether the company knows this parent, tutor or member of the staff to be of age; it counts
            for their own acts. Of a student it is refused.
        tutor_ids: who teaches the user: they may do what teaching needs with the user's data, by the user's age and
            consents.
        referrer_id: who brought the user; the first that is ever reported counts, here or as a signal.
    """

    persona: Persona
    date_of_birth: date | None = None
    age_band: AgeBandName | None = None
    stated_on: date | None = None
    adulthood_attested: bool = False
    guardian_ids: list[int | str] = []
    tutor_ids: list[int | str] = []
    household_id: str | None = None
    school_id: str | None = None
    jurisdiction: str | None = None
    email: str | None = None
    phone: str | None = None
    referrer_id: int | str | None = None


@personal(
    "user_id",
    "date_of_birth",
    "age_band",
    "stated_on",
    "guardian_ids",
    "guardians_confirmed",
    "tutor_ids",
    "household_id",
    "school_id",
    "email",
    "phone",
    "referrer_id",
    "signals",
    "consents",
)
class UserView(Struct, frozen=True, kw_only=True):
    """Answer of `GET /v1/users/{id}`; e-mail and phone are shown to keys of scope `pii_read` only.

    `persona`, `created_at` and `updated_at` are null for a user of whom only signals or consents were reported.

    Attributes:
        guardians_confirmed: those of `guardian_ids` that count, the others waiting for a confirmation.
    """

    user_id: str
    persona: str | None
    age_band: str
    date_of_birth: date | None
    stated_on: date | None
    adulthood_attested: bool
    guardian_ids: list[str]
    guardians_confirmed: list[str]
    tutor_ids: list[str]
    household_id: str | None
    school_id: str | None
    jurisdiction: str | None
    email: str | None
    phone: str | None
    referrer_id: str | None
    signals: dict[str, Any]
    consents: list[ConsentView]
    created_at: datetime | None
    updated_at: datetime | None


@personal("guardian_id", "evidence")
class ConsentBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/users/{id}/consents`.

    Attributes:
        evidence: what proves the method, in the fields that it needs: references and dates, never an image of an id.
        policy_version: number of the privacy policy consented to, as a number or as decimal text: whole, for versions
            are compared.
    """

    scope: str
    method: str
    guardian_id: int | str
    evidence: Mapping[str, str | int | float | bool | None]
    policy_version: int | str
    expires_at: datetime | None = None


@personal("guardian_id")
class ConsentView(Struct, frozen=True, kw_only=True):
    """One consent; its evidence is not shown here.

    Attributes:
        by_minor: whether who gave it was a minor then, by what is known of them now: it counts for nothing.
        policy_version: number of the privacy policy consented to, as text: as it is kept, for older consents may hold
            a name.
    """

    consent_id: str
    scope: str
    method: str
    guardian_id: str
    policy_version: str
    granted_at: datetime
    expires_at: datetime | None
    withdrawn_at: datetime | None
    by_minor: bool = False


@personal("confirmed_by")
class ConfirmBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/users/{id}/guardians/{guardian_id}/confirm`.

    Attributes:
        confirmed_by: another confirmed guardian of the user, or somebody of the staff of the user's school.
    """

    confirmed_by: int | str


@personal("value")
class SignalBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /v1/users/{id}/signals`.

    `email_verified`, `phone_verified` and `payment_verified` are true or false, and the last report counts;
    `referrer_id` is a user's id, and the first report counts.
    """

    signal: str
    value: bool | int | str


@personal("user_id")
class PutUser(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to replace a user; answers True when the user is new."""

    user_id: str
    body: UserBody
    author: str


@personal("user_id")
class AddConsent(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to record a consent; answers its id."""

    user_id: str
    body: ConsentBody
    author: str


@personal("user_id")
class WithdrawConsent(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to withdraw a consent; answers None, refuses an unknown one with not_found."""

    user_id: str
    consent_id: str
    author: str


@personal("user_id", "guardian_id", "confirmed_by")
class ConfirmGuardian(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to let a further guardian count; answers None, refuses whoever may not confirm one."""

    user_id: str
    guardian_id: str
    confirmed_by: str
    author: str


@personal("user_id")
class SetSignal(Struct, frozen=True, kw_only=True):
    """Asks trust_safety to record a signal about a user, known or not; answers the value that counts."""

    user_id: str
    body: SignalBody
    author: str
