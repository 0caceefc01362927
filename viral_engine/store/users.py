"""Users, their guardians and their tutors: written as a whole, never piecemeal."""

from datetime import date

from msgspec import Struct

from viral_engine.domain.canonical import email_domain
from viral_engine.messages.journal import Statement
from viral_engine.store.minors import has_guardian
from viral_engine.store.notify import notify
from viral_engine.store.signals import set_referrer
from viral_engine.store.statements import instant_of, statement

__all__ = ["UserRecord", "put_user"]

_FIELDS = (
    "persona", "date_of_birth", "age_band", "stated_on", "adulthood_attested", "household_id", "school_id",
    "jurisdiction", "email", "email_domain", "phone", "referrer_id", "updated_at",
)  # fmt: skip
_PUT = (
    f"INSERT INTO users (user_id, created_at, {', '.join(_FIELDS)})"  # noqa: S608 - made of the constants above
    f" VALUES (%s, %s{', %s' * len(_FIELDS)}) ON CONFLICT (user_id) DO UPDATE SET"
    f" {', '.join(f'{field} = excluded.{field}' for field in _FIELDS)} RETURNING (xmax = 0)"
)

# Who was left out for a while is no stranger, unless somebody else has been the child's guardian for longer: leaving
# that one out as well brings nobody back unconfirmed.
_STILL_CONFIRMED = (
    "CASE WHEN user_guardians.removed_at IS NULL OR NOT EXISTS (SELECT FROM user_guardians AS other"
    " WHERE other.user_id = excluded.user_id AND other.guardian_id <> excluded.guardian_id"
    " AND other.confirmed_at IS NOT NULL"
    " AND (other.removed_at IS NULL OR other.removed_at > user_guardians.removed_at))"
    " THEN user_guardians.{} END"
)
_GUARDIANS = (
    "INSERT INTO user_guardians (user_id, guardian_id, confirmed_at, confirmed_by, created_at)"  # noqa: S608
    " SELECT %s, guardian_id, CASE WHEN vouched IS NOT NULL THEN %s::timestamptz END, vouched, %s"
    " FROM unnest(%s::text[]) AS guardian_id, (SELECT (%s AT TIME ZONE 'UTC')::date AS today) AS d,"
    " LATERAL (SELECT coalesce(%s::text,"
    f" CASE WHEN NOT {has_guardian('%s', 'd.today')} THEN 'first' END) AS vouched) AS v"
    " ON CONFLICT (user_id, guardian_id) DO UPDATE SET"
    f" confirmed_at = coalesce({_STILL_CONFIRMED.format('confirmed_at')}, excluded.confirmed_at),"
    f" confirmed_by = coalesce({_STILL_CONFIRMED.format('confirmed_by')}, excluded.confirmed_by), removed_at = NULL"
)


class UserRecord(Struct, frozen=True, kw_only=True):
    """Everything that is told of a user; every value canonical (`domain.canonical`).

    Attributes:
        date_of_birth: None when it is not known.
        age_band: as stated on `stated_on`.
        adulthood_attested: by the company, for the user's own acts.
        guardian_ids: all of them.
        tutor_ids: all of them.
        household_id: as the company sees it; proves nothing.
        school_id: need not be registered.
        phone: plus sign and digits.
        referrer_id: who brought the user, as told; the first that was ever told counts.
    """

    user_id: str
    persona: str
    date_of_birth: date | None = None
    age_band: str | None = None
    stated_on: date | None = None
    adulthood_attested: bool = False
    guardian_ids: list[str] = []
    tutor_ids: list[str] = []
    household_id: str | None = None
    school_id: str | None = None
    jurisdiction: str | None = None
    email: str | None = None
    phone: str | None = None
    referrer_id: str | None = None


def put_user(user: UserRecord, *, at_ms: int, guardians_confirmed_by: str | None = None) -> tuple[Statement, ...]:
    """Replaces what is known of a user. The first statement answers whether the user is new.

    Guardians are replaced by the list. Those that were there keep their confirmation. Further ones count as confirmed
    when the user never had any, or known minors only, or when somebody vouches for them; else they wait for
    `confirm_guardian`: nobody becomes the guardian of somebody else's child by being written into a list, nor by others
    being left out of it, which is remembered. Tutors are
    replaced by theirs, and need nobody's word: they teach for the company, which tells so.

    Args:
        user: what is known now.
        at_ms: now.
        guardians_confirmed_by: who vouches for all guardians: an existing one, or the school.

    Raises:
        ValueError: A text that PostgreSQL cannot hold.
    """
    at = instant_of(at_ms)
    domain = None if user.email is None else email_domain(user.email)
    values = (
        user.persona, user.date_of_birth, user.age_band, user.stated_on, user.adulthood_attested, user.household_id,
        user.school_id, user.jurisdiction, user.email, domain, user.phone, user.referrer_id, at,
    )  # fmt: skip
    guardians, tutors = (list(dict.fromkeys(ids)) for ids in (user.guardian_ids, user.tutor_ids))
    return (
        statement(_PUT, user.user_id, at, *values, rows_expected=1),
        # Before the others go, so that replacing the only guardian by a stranger needs a confirmation too.
        statement(_GUARDIANS, user.user_id, at, at, guardians, at, guardians_confirmed_by, user.user_id),
        statement(
            "UPDATE user_guardians SET removed_at = %s"
            " WHERE user_id = %s AND guardian_id <> ALL(%s) AND removed_at IS NULL",
            at,
            user.user_id,
            guardians,
        ),
        statement(
            "INSERT INTO user_tutors (user_id, tutor_id, created_at) SELECT %s, tutor_id, %s"
            " FROM unnest(%s::text[]) AS tutor_id ON CONFLICT DO NOTHING",
            user.user_id,
            at,
            tutors,
        ),
        statement("DELETE FROM user_tutors WHERE user_id = %s AND tutor_id <> ALL(%s)", user.user_id, tutors),
        *(() if user.referrer_id is None else (set_referrer(user.user_id, user.referrer_id, at_ms=at_ms),)),
        notify("user", user.user_id),
    )
