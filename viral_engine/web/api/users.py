"""Users, what is known of them, and the consents given for them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import msgspec
from msgspec import structs

from viral_engine.domain import canonical
from viral_engine.domain.consent import policy_version
from viral_engine.domain.disclosures import DisclosedRecord
from viral_engine.domain.errors import Invalid
from viral_engine.messages.people import (
    ATTESTED,
    AddConsent,
    ConfirmBody,
    ConfirmGuardian,
    ConsentBody,
    PutUser,
    SetSignal,
    SignalBody,
    UserBody,
    UserView,
    WithdrawConsent,
)
from viral_engine.messages.reading import ReadUser
from viral_engine.messages.refusals import not_found, untimely
from viral_engine.web.api.inputs import expiry, small_json, text, uuid_text
from viral_engine.web.disclosing import log_shown, subject_of
from viral_engine.web.routes import Answer, Call

BORN_MIN = date(1900, 1, 1)
GUARDIANS_MAX = 20
TUTORS_MAX = 20
JURISDICTION_LENGTH_MAX = 16
EVIDENCE_BYTES_MAX = 4096
_SIGNAL = re.compile(r"[a-z][a-z0-9_]{0,63}")


class UserStored(msgspec.Struct, frozen=True):
    """The canonical id under which the user is known."""

    user_id: str


class SignalStored(msgspec.Struct, frozen=True):
    """The signal with the value that counts: of `referrer_id` that is the first one that was ever reported."""

    user_id: str
    signal: str
    value: bool | int | str


class ConsentStored(msgspec.Struct, frozen=True):
    """The consent's id."""

    consent_id: str


async def put_user(call: Call) -> Answer:
    """Replaces what is known of a user."""
    user_id = canonical.user_id(call.path["user_id"])
    today = datetime.fromtimestamp(call.state.context.system.clock.wall_ms() / 1000, UTC).date()
    body = canonical_user(call.body, today)
    is_new = await call.trust_safety(PutUser(user_id=user_id, body=body, author=call.author))
    return Answer(201 if is_new else 200, UserStored(user_id))


async def get_user(call: Call) -> Answer:
    """Returns a user; e-mail and phone only to a key that may see them."""
    user_id = canonical.user_id(call.path["user_id"])
    standing = await subject_of(call, DisclosedRecord.USER, user_id)
    view: UserView | None = await call.read(ReadUser(user_id))
    if view is None:
        raise not_found("this user")
    await log_shown(call, DisclosedRecord.USER, (standing,))
    assert call.grant is not None
    if "pii_read" not in call.grant.scopes:
        view = structs.replace(view, email=None, phone=None)
    return Answer(200, view)


async def post_signal(call: Call) -> Answer:
    """Records a signal about a user, known or not."""
    user_id = canonical.user_id(call.path["user_id"])
    body: SignalBody = call.body
    if _SIGNAL.fullmatch(body.signal) is None:
        raise Invalid("signal", "must begin with a-z and have up to 64 of a-z, 0-9 and underscore")
    if isinstance(body.value, str):
        text(body.value, "value")
    return await call.change(
        SetSignal(user_id=user_id, body=body, author=call.author),
        lambda value: Answer(201, SignalStored(user_id, body.signal, value)),
    )


async def post_consent(call: Call) -> Answer:
    """Records a guardian's consent."""
    user_id = canonical.user_id(call.path["user_id"])
    body: ConsentBody = call.body
    checked = structs.replace(
        body,
        scope=text(body.scope, "scope"),
        method=text(body.method, "method"),
        guardian_id=canonical.user_id(body.guardian_id, "guardian_id"),
        evidence=small_json(body.evidence, "evidence", EVIDENCE_BYTES_MAX),
        policy_version=policy_version(body.policy_version),
        expires_at=expiry(body.expires_at, call.state.context.system.clock.wall_ms()),
    )
    return await call.change(
        AddConsent(user_id=user_id, body=checked, author=call.author),
        lambda consent_id: Answer(201, ConsentStored(consent_id)),
    )


async def confirm_guardian(call: Call) -> Answer:
    """Lets a further guardian count, from the answer on."""
    body: ConfirmBody = call.body
    await call.trust_safety(
        ConfirmGuardian(
            user_id=canonical.user_id(call.path["user_id"]),
            guardian_id=canonical.user_id(call.path["guardian_id"], "guardian_id"),
            confirmed_by=canonical.user_id(body.confirmed_by, "confirmed_by"),
            author=call.author,
        )
    )
    return Answer(204)


async def delete_consent(call: Call) -> Answer:
    """Withdraws a consent; processing stops with the answer."""
    user_id = canonical.user_id(call.path["user_id"])
    consent_id = uuid_text(call.path["consent_id"], "consent_id")
    await call.trust_safety(WithdrawConsent(user_id=user_id, consent_id=consent_id, author=call.author))
    return Answer(204)


def canonical_user(body: UserBody, today: date) -> UserBody:
    """Returns the body with canonical ids and addresses.

    Raises:
        Invalid: a field that cannot be accepted.
        Refused: a date that can't be.
    """
    _check_age(body, today)
    if body.adulthood_attested and body.persona not in ATTESTED:
        reason = f"is for {', '.join(ATTESTED)}: of a {body.persona} tell date_of_birth, or age_band with stated_on"
        raise Invalid("adulthood_attested", reason)
    return structs.replace(
        body,
        guardian_ids=_ids(body.guardian_ids, "guardian_ids", GUARDIANS_MAX),
        tutor_ids=_ids(body.tutor_ids, "tutor_ids", TUTORS_MAX),
        household_id=canonical.optional_text(body.household_id, "household_id"),
        school_id=canonical.optional_text(body.school_id, "school_id"),
        jurisdiction=canonical.optional_text(body.jurisdiction, "jurisdiction", JURISDICTION_LENGTH_MAX),
        email=canonical.email(body.email),
        phone=canonical.phone(body.phone),
        referrer_id=None if body.referrer_id is None else canonical.user_id(body.referrer_id, "referrer_id"),
    )


def _ids(given: list[int | str], field: str, ids_max: int) -> list[int | str]:
    if len(given) > ids_max:
        raise Invalid(field, f"may have {ids_max} ids at most")
    return [canonical.user_id(one, f"{field}[{position}]") for position, one in enumerate(given)]


def _check_age(body: UserBody, today: date) -> None:
    if body.date_of_birth is not None:
        if body.age_band is not None:
            raise Invalid("age_band", "must not stand beside date_of_birth")
        if body.date_of_birth > today:
            raise untimely("date_of_birth", "must not lie in the future")
        if body.date_of_birth < BORN_MIN:
            raise untimely("date_of_birth", f"must not be before {BORN_MIN.year}")
    if body.age_band is not None and body.stated_on is None:
        raise Invalid("stated_on", "must say when the age band was stated")
    if body.stated_on is not None:
        if body.age_band is None:
            raise Invalid("stated_on", "stands with age_band only")
        if body.stated_on > today:
            raise untimely("stated_on", "must not lie in the future")
        if body.stated_on < BORN_MIN:
            raise untimely("stated_on", f"must not be before {BORN_MIN.year}")
