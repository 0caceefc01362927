"""Before a person's record is shown: may they see it for whom the host asks, and is it in the disclosure log?

A host names the user for whom it asks by `on_behalf_of`; without it the host asks for itself, which its key allows. The
log is written before the answer is given: what cannot be logged is not shown.
"""

from __future__ import annotations

from collections.abc import Iterable

from viral_engine.domain import canonical
from viral_engine.domain.disclosures import DisclosedRecord, Grounds, refusal_of
from viral_engine.domain.facts import Relation
from viral_engine.domain.reasons import Reason
from viral_engine.messages.disclosures import Disclosure, ReadStandings, Standing
from viral_engine.messages.journal import Commit
from viral_engine.store.disclosures import add_disclosures
from viral_engine.web import forms
from viral_engine.web.compliance import refusal
from viral_engine.web.errors import ApiError
from viral_engine.web.routes import Call, Parameter

ON_BEHALF_OF = Parameter(
    "on_behalf_of",
    "The user who is to see it, who must be the person, a confirmed guardian or the school's staff; without it the host"
    " asks for itself.",
    forms.text(),
)


async def subject_of(call: Call, record: DisclosedRecord, user_id: str, record_id: str | None = None) -> Standing:
    """Returns how whoever is asked for stands to the person whose record is to be shown.

    Raises:
        ApiError: 403 when they may not see it; the refusal is in the log.
    """
    asker_id = asker_of(call)
    (standing,) = await _standings(call, (user_id,), asker_id)
    reason = None
    if asker_id is not None:
        reason = refusal_of(standing.relation, standing.band, is_blocked=standing.asker_is_blocked)
    if reason is not None:
        await _log(call, record, (standing,), record_id, reason)
        raise refusal(reason, call.state.context.settings.web.support_contact)
    return standing


async def log_shown(
    call: Call, record: DisclosedRecord, standings: Iterable[Standing], record_id: str | None = None
) -> None:
    """Logs that a record is shown: of those who are or may be minors, and of anybody when it is in a user's name."""
    named = asker_of(call) is not None
    await _log(call, record, [one for one in standings if named or not one.band.is_adult], record_id, None)


async def log_shown_of(call: Call, record: DisclosedRecord, user_ids: Iterable[str]) -> None:
    """Logs that the host is shown records of several people, an entry for each minor."""
    distinct = tuple(dict.fromkeys(user_ids))
    if distinct:
        await log_shown(call, record, await _standings(call, distinct, None))


async def log_cases_shown(call: Call, cases: Iterable[tuple[str, str]]) -> None:
    """Logs that the host is shown a page of cases, an entry for each that is about a minor.

    Each, of the user and the id of a case, names it: by that it is told whether it is one of child safety.
    """
    shown = tuple(cases)
    if not shown:
        return
    standings = await _standings(call, tuple(dict.fromkeys(user_id for user_id, _ in shown)), None)
    minors = {one.user_id: one for one in standings if not one.band.is_adult}
    entries = [
        _entry(call, DisclosedRecord.CASE, minors[user_id], case_id, None)
        for user_id, case_id in shown
        if user_id in minors
    ]
    if entries:
        await call.commit(Commit((add_disclosures(entries),)))


def asker_of(call: Call) -> str | None:
    """Returns the user for whom the host asks; None for itself.

    Raises:
        Invalid: no user id.
    """
    named = call.query.get(ON_BEHALF_OF.name)
    return None if named is None else canonical.user_id(named, ON_BEHALF_OF.name)


def only_for_the_host(call: Call, why: str, field: str = ON_BEHALF_OF.name) -> None:
    """Refuses in somebody's name what is about nobody in particular, or would tell them what users are not told.

    Raises:
        Invalid: no user id.
        ApiError: 403, `on_behalf_of` is given.
    """
    if asker_of(call) is not None:
        raise ApiError(403, "host_only", f"{field} {why}", field=field)


async def _standings(call: Call, user_ids: tuple[str, ...], asker_id: str | None) -> list[Standing]:
    found: list[Standing] = await call.read(ReadStandings(user_ids=user_ids, asker_id=asker_id))
    return found


async def _log(
    call: Call, record: DisclosedRecord, standings: Iterable[Standing], record_id: str | None, reason: Reason | None
) -> None:
    entries = [_entry(call, record, one, record_id, reason) for one in standings]
    if entries:
        await call.commit(Commit((add_disclosures(entries),)))


def _entry(
    call: Call, record: DisclosedRecord, standing: Standing, record_id: str | None, reason: Reason | None
) -> Disclosure:
    asker_id = asker_of(call)
    return Disclosure(
        disclosure_id=call.state.ids.next(call.state.context.system.clock.wall_ms()),
        subject_id=standing.user_id,
        record=record,
        record_id=record_id,
        asked_by=call.author,
        on_behalf_of=asker_id,
        grounds=Grounds.HOST if asker_id is None else _GROUNDS[standing.relation],
        reason=None if reason is None else str(reason),
        request_id=call.request_id,
    )


_GROUNDS = {
    Relation.SELF: Grounds.SELF,
    Relation.GUARDIAN: Grounds.GUARDIAN,
    Relation.SCHOOL: Grounds.SCHOOL,
    Relation.TUTOR: Grounds.NONE,
    Relation.NONE: Grounds.NONE,
}
