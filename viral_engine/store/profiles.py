"""Reading users: what a check must know, and what operators are shown."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, text

from viral_engine.domain.ages import AgeBand, band_from_birth_date, band_from_statement
from viral_engine.domain.errors import Invalid
from viral_engine.messages.people import ConsentView, UserView
from viral_engine.messages.reading import HOUSEHOLD_MAX, ProfileRow, ReadProfile, ReadUser
from viral_engine.store.minors import consented_as_minor, is_known_minor
from viral_engine.store.signals import FIRST_COUNTS, REFERRER

__all__ = ["band_today", "profiles_then", "read_profiles", "read_users", "ties"]

_CONSENTS = """coalesce((
    SELECT json_agg(json_build_object(
        'consent_id', id, 'scope', scope, 'method', method, 'guardian_id', guardian_id,
        'policy_version', policy_version, 'granted_at', granted_at, 'expires_at', expires_at,
        'withdrawn_at', {withdrawn_at}, 'by_minor', {by_minor}) ORDER BY granted_at, id)
    FROM parental_consents WHERE user_id = asked.id{granted}
), '[]')::text"""
_BY_MINOR = consented_as_minor("parental_consents.")
_CONSENTS_NOW = _CONSENTS.format(withdrawn_at="withdrawn_at", by_minor=_BY_MINOR, granted="")
_CONSENTS_THEN = _CONSENTS.format(
    withdrawn_at="CASE WHEN withdrawn_at <= asked.at THEN withdrawn_at END",
    by_minor=_BY_MINOR,
    granted=" AND granted_at <= asked.at",
)


def ties(row: str, at: str = "now()") -> str:
    """The condition that a consent ties a household at an instant.

    It was given by then, by no minor, by nobody who is a guardian no more, and is neither withdrawn nor expired. A
    profile in memory learns of an expiry when it is read anew.

    Args:
        row: What stands before a column of `parental_consents`, with its dot.
        at: SQL of an instant.
    """
    gone = f"gone.user_id = {row}user_id AND gone.guardian_id = {row}guardian_id AND gone.removed_at <= {at}"
    return (
        f"{row}granted_at <= {at} AND ({row}withdrawn_at IS NULL OR {row}withdrawn_at > {at})"
        f" AND ({row}expires_at IS NULL OR {row}expires_at > {at}) AND NOT {consented_as_minor(row)}"
        f" AND NOT EXISTS (SELECT FROM user_guardians AS gone WHERE {gone})"
    )


def _tie_then(row: str) -> str:
    return ties(row, "asked.at")


def _profiles(held: Callable[[str], str], consents: str, *, then: bool) -> str:
    """Everything about a user in one row: each part is one look-up in an index, whatever the number asked for.

    `then`: as of the instant `asked.at`, for what has the times of its changes; `asked` has the rows then.
    """
    today = "(asked.at AT TIME ZONE 'UTC')::date" if then else "(now() AT TIME ZONE 'UTC')::date"
    listed = "(removed_at IS NULL OR removed_at > asked.at)" if then else "removed_at IS NULL"
    of_then = {
        name: f" AND {name} <= asked.at" if then else ""
        for name in ("u.created_at", "confirmed_at", "created_at", "first_at")
    }
    return f"""
SELECT asked.id, u.user_id IS NOT NULL AS is_known, u.persona, u.date_of_birth::text, u.age_band, u.stated_on::text,
    u.adulthood_attested, u.household_id, u.school_id, u.jurisdiction, u.email_domain, u.referrer_id,
    (extract(epoch FROM u.created_at) * 1000)::bigint AS created_ms,
    coalesce(s.ferpa, u.school_id IS NOT NULL) AS school_ferpa,
    ARRAY(SELECT guardian_id FROM user_guardians
        WHERE user_id = asked.id AND confirmed_at IS NOT NULL{of_then["confirmed_at"]} AND {listed}
        AND NOT {is_known_minor("guardian_id", today)} ORDER BY guardian_id)
        AS guardian_ids,
    ARRAY(SELECT tutor_id FROM user_tutors
        WHERE user_id = asked.id{of_then["created_at"]} ORDER BY tutor_id) AS tutor_ids,
    h.members AS household_members, h.size AS household_size, h.joined_ms AS household_joined_ms,
    coalesce((SELECT json_object_agg(signal, json_build_array(value, (extract(epoch FROM first_at) * 1000)::bigint))
        FROM signals WHERE user_id = asked.id{of_then["first_at"]}), '{{}}')::text AS signals,
    {consents} AS consents{_CHANGED if then else ""}
FROM {_ASKED_THEN if then else _ASKED_NOW}
LEFT JOIN users u ON u.user_id = asked.id{of_then["u.created_at"]} LEFT JOIN schools s ON s.school_id = u.school_id
LEFT JOIN LATERAL (
    WITH guardians AS (
        SELECT DISTINCT guardian_id FROM parental_consents WHERE user_id = asked.id AND {held("parental_consents.")}
        UNION SELECT other.guardian_id FROM parental_consents AS own JOIN parental_consents AS other USING (user_id)
        WHERE own.guardian_id = asked.id AND {held("own.")} AND {held("other.")}
    ), children AS (
        SELECT parental_consents.user_id, min(granted_at) AS joined_at
        FROM parental_consents JOIN guardians USING (guardian_id)
        WHERE {held("parental_consents.")} GROUP BY parental_consents.user_id
    ), household AS (
        SELECT guardian_id AS member FROM guardians UNION SELECT user_id FROM children
    )
    SELECT ARRAY(SELECT member FROM household WHERE member <> asked.id ORDER BY member LIMIT :members) AS members,
        count(*) AS size,
        coalesce((SELECT array_agg((extract(epoch FROM joined_at) * 1000)::bigint ORDER BY joined_at DESC)
            FROM children), ARRAY[]::bigint[]) AS joined_ms
    FROM household
) AS h ON true
"""  # noqa: S608 - made of constants


_ASKED_NOW = "unnest(CAST(:ids AS text[])) AS asked (id)"
_ASKED_THEN = "unnest(CAST(:ids AS text[]), CAST(:ats AS timestamptz[])) WITH ORDINALITY AS asked (id, at, number)"
# A guardian's row decides only where it says that they are a minor.
_CHANGED = f""",
    asked.number, coalesce(u.updated_at > asked.at, false) OR EXISTS (
        SELECT FROM parental_consents AS c JOIN users AS g ON g.user_id = c.guardian_id
        WHERE c.user_id = asked.id AND g.updated_at > asked.at AND {consented_as_minor("c.")}
    ) AS user_changed,
    EXISTS (SELECT FROM signals WHERE user_id = asked.id AND first_at <= asked.at AND updated_at > asked.at
        AND signal <> ALL(CAST(:first_counts AS text[]))) AS signals_changed"""  # noqa: S608 - made of constants

_PROFILES = text(_profiles(ties, _CONSENTS_NOW, then=False))
_PROFILES_THEN = text(_profiles(_tie_then, _CONSENTS_THEN, then=True))

_USERS = text(
    f"""
SELECT asked.id AS asked_id, u.*,
    ARRAY(SELECT guardian_id FROM user_guardians WHERE user_id = asked.id AND removed_at IS NULL
        ORDER BY guardian_id) AS guardian_ids,
    ARRAY(SELECT guardian_id FROM user_guardians WHERE user_id = asked.id AND confirmed_at IS NOT NULL
        AND removed_at IS NULL
        ORDER BY guardian_id) AS guardians_confirmed,
    ARRAY(SELECT tutor_id FROM user_tutors WHERE user_id = asked.id ORDER BY tutor_id) AS tutor_ids,
    coalesce((SELECT json_object_agg(signal, value) FROM signals WHERE user_id = asked.id), '{{}}')::text AS signals,
    {_CONSENTS_NOW} AS consents
FROM unnest(CAST(:ids AS text[])) AS asked (id) LEFT JOIN users u ON u.user_id = asked.id
"""  # noqa: S608 - made of the constant above
)

_signals = msgspec.json.Decoder(dict[str, tuple[Any, int]])
_values = msgspec.json.Decoder(dict[str, Any])
_consents = msgspec.json.Decoder(list[ConsentView])


def read_profiles(connection: Connection, messages: Sequence[ReadProfile]) -> list[ProfileRow | None]:
    """Each user's profile: None for one that nobody told anything of, whether as a user, by a signal or a consent.

    `guardian_ids` are the confirmed ones. A school that is not registered counts as bound by FERPA: what is unknown is
    protected.
    """
    ids = list({message.user_id for message in messages})
    rows = connection.execute(_PROFILES, {"ids": ids, "members": HOUSEHOLD_MAX})
    found = {row.id: _profile(row) for row in rows}
    return [found[message.user_id] for message in messages]


def profiles_then(
    connection: Connection, asked: Sequence[tuple[str, datetime]]
) -> list[tuple[ProfileRow | None, list[str]]]:
    """For each user and instant the profile as it was then, and what of it holds its present state, changed since.

    Consents, guardians' confirmations and first reports of signals have their times. A user's row, their lists of
    guardians and tutors, and the value of a signal whose last report counts, are what they are now.
    """
    parameters = {
        "ids": [user_id for user_id, _ in asked], "ats": [at for _, at in asked], "members": HOUSEHOLD_MAX,
        "first_counts": list(FIRST_COUNTS),
    }  # fmt: skip
    found: dict[int, tuple[ProfileRow | None, list[str]]] = {}
    for row in connection.execute(_PROFILES_THEN, parameters):
        changed = {"user": row.user_changed, "signals": row.signals_changed}
        found[row.number] = (_profile(row), [name for name, is_changed in changed.items() if is_changed])
    return [found[number] for number in range(1, len(asked) + 1)]


def _profile(row: Row[Any]) -> ProfileRow | None:
    if not row.is_known and row.signals == "{}" and row.consents == "[]" and not row.household_members:
        return None
    signals = _signals.decode(row.signals)
    return ProfileRow(
        user_id=row.id,
        persona=row.persona,
        date_of_birth=row.date_of_birth,
        age_band=row.age_band,
        stated_on=row.stated_on,
        adulthood_attested=bool(row.adulthood_attested),
        guardian_ids=row.guardian_ids,
        tutor_ids=row.tutor_ids,
        household_id=row.household_id,
        household_members=row.household_members,
        household_size=row.household_size,
        household_joined_ms=row.household_joined_ms[:HOUSEHOLD_MAX],
        school_id=row.school_id,
        school_ferpa=row.school_ferpa,
        jurisdiction=row.jurisdiction,
        email_domain=row.email_domain,
        referrer_id=_referrer(signals[REFERRER][0] if REFERRER in signals else None, row),
        created_ms=row.created_ms,
        signals=signals,
        consents=_consents.decode(row.consents),
    )


def read_users(connection: Connection, messages: Sequence[ReadUser]) -> list[UserView | None]:
    """Each user as told, with the age band of today; None for one that nobody told anything of.

    One that nobody put, but a signal or a consent was told of, has these and no persona.
    """
    ids = list({message.user_id for message in messages})
    today = datetime.now(UTC).date()
    found = {row.asked_id: _view(row, today) for row in connection.execute(_USERS, {"ids": ids})}
    return [found[message.user_id] for message in messages]


def _view(row: Row[Any], today: date) -> UserView | None:
    if row.user_id is None and row.signals == "{}" and row.consents == "[]":
        return None
    signals = _values.decode(row.signals)
    return UserView(
        user_id=row.asked_id,
        persona=row.persona,
        age_band=band_today(row, today),
        date_of_birth=row.date_of_birth,
        stated_on=row.stated_on,
        adulthood_attested=bool(row.adulthood_attested),
        guardian_ids=row.guardian_ids,
        guardians_confirmed=row.guardians_confirmed,
        tutor_ids=row.tutor_ids,
        household_id=row.household_id,
        school_id=row.school_id,
        jurisdiction=row.jurisdiction,
        email=row.email,
        phone=row.phone,
        referrer_id=_referrer(signals.get(REFERRER), row),
        signals=signals,
        consents=_consents.decode(row.consents),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _referrer(signal: Any, row: Row[Any]) -> str | None:
    """Who brought the user: the signal holds who was told first; what the row says came with the last PUT."""
    referrer: str | None = row.referrer_id if signal is None else str(signal)
    return referrer


def band_today(row: Row[Any], today: date) -> AgeBand:
    """The band on `today`: an age is never a number that was stored once."""
    if row.date_of_birth is not None:
        try:
            return band_from_birth_date(row.date_of_birth, today)
        except Invalid:
            return AgeBand.UNKNOWN
    if row.age_band is None or row.stated_on is None:
        return AgeBand.UNKNOWN
    return band_from_statement(AgeBand(row.age_band), row.stated_on, today)
