"""How people stand to each other, for who may see whose records: the relations that a check goes by, but for tutors."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from viral_engine.domain.facts import Relation
from viral_engine.messages.disclosures import ReadStandings, Standing
from viral_engine.store.minors import is_known_minor
from viral_engine.store.profiles import band_today

__all__ = ["read_standings"]

# Each part is one look-up in an index, whatever the number of people asked for.
_STANDINGS = text(
    f"""
SELECT asked.number, asked.id, u.date_of_birth, u.age_band, u.stated_on,
    coalesce(asked.id = asked.asker, false) AS is_self,
    EXISTS (SELECT FROM user_guardians AS g
        WHERE g.user_id = asked.id AND g.guardian_id = asked.asker AND g.confirmed_at IS NOT NULL
        AND g.removed_at IS NULL
        AND NOT {is_known_minor("asked.asker", "(now() AT TIME ZONE 'UTC')::date")}) AS is_guardian,
    EXISTS (SELECT FROM users AS staff WHERE staff.user_id = asked.asker AND staff.persona = 'staff'
        AND staff.school_id = u.school_id) AS is_school,
    EXISTS (SELECT FROM blocks WHERE kind = 'user' AND value = asked.asker AND lifted_at IS NULL
        AND (expires_at IS NULL OR expires_at > now())) AS is_blocked
FROM unnest(CAST(:numbers AS int[]), CAST(:ids AS text[]), CAST(:askers AS text[])) AS asked (number, id, asker)
LEFT JOIN users AS u ON u.user_id = asked.id
ORDER BY asked.number
"""  # noqa: S608 - made of constants
)


def read_standings(connection: Connection, messages: Sequence[ReadStandings]) -> list[list[Standing]]:
    """How old everybody is who was asked for, and how who asks stands to them, all in one statement."""
    pairs = [
        (number, user_id, message.asker_id) for number, message in enumerate(messages) for user_id in message.user_ids
    ]
    numbers, ids, askers = ([pair[place] for pair in pairs] for place in range(3))
    today = datetime.now(UTC).date()
    found: list[dict[str, Standing]] = [{} for _ in messages]
    for row in connection.execute(_STANDINGS, {"numbers": numbers, "ids": ids, "askers": askers}):
        found[row.number][row.id] = _standing(row, today)
    return [
        [standings[user_id] for user_id in message.user_ids] for standings, message in zip(found, messages, strict=True)
    ]


def _standing(row: Row[Any], today: date) -> Standing:
    relation = Relation.NONE
    if row.is_self:
        relation = Relation.SELF
    elif row.is_guardian:
        relation = Relation.GUARDIAN
    elif row.is_school:
        relation = Relation.SCHOOL
    return Standing(user_id=row.id, band=band_today(row, today), relation=relation, asker_is_blocked=row.is_blocked)
