"""What a change to users, consents, signals or lists means: statements, what memory must do, the answer.

Pure: nothing is changed here. Bad input is refused with the field's name before anything is sent to the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viral_engine.actors.growth.trust_safety.case_changes import plan_case_change
from viral_engine.actors.growth.trust_safety.change import Change
from viral_engine.actors.growth.trust_safety.lists import expiry_ms
from viral_engine.actors.growth.trust_safety.policy_changes import plan_load, plan_switch
from viral_engine.domain import canonical
from viral_engine.domain.blocks import ListRow
from viral_engine.domain.consent import (
    ConsentMethod,
    Scope,
    check_evidence,
    check_method,
    evidence_ahead,
    policy_version,
)
from viral_engine.domain.errors import Invalid
from viral_engine.domain.facts import ListKind
from viral_engine.messages.access import AddEntry, EntryStands, ListName, RemoveEntry
from viral_engine.messages.people import AddConsent, ConfirmGuardian, PutUser, SetSignal, UserBody, WithdrawConsent
from viral_engine.messages.policies import LoadPolicy, SwitchPolicy
from viral_engine.messages.refusals import Refused, no_guardian, no_tutor, not_found, untimely
from viral_engine.messages.reviews import AddReport, Appeal, ClaimCase, CloseCase
from viral_engine.store.access import CHANGED_AT, LABELS_OF_ONE_MAX, STANDING_AT, add_entry, lift_entry, name_entry
from viral_engine.store.audit import audit_entry
from viral_engine.store.consents import add_consent, withdraw_consent
from viral_engine.store.guardians import confirm_guardian, notify_children, refuse_ward, require_guardian
from viral_engine.store.ids import uuid_of
from viral_engine.store.minors import refuse_minor
from viral_engine.store.signals import set_signal
from viral_engine.store.users import UserRecord, put_user

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    Rows = Sequence[Sequence[tuple[Any, ...]]]

PROOFS = frozenset({"email_verified", "phone_verified", "payment_verified"})
"""Signals whose value is true or false; each lowers a suspicion while it is true."""

REFERRER = "referrer_id"

JURISDICTION_LENGTH_MAX = 16
_LABELLED_ENOUGH = Refused(
    "limit_reached", f"it has {LABELS_OF_ONE_MAX} labels, as many as a thing may have", field="value", http_status=409
)


PeopleMessage = PutUser | AddConsent | WithdrawConsent | ConfirmGuardian | SetSignal
CaseMessage = AddReport | Appeal | ClaimCase | CloseCase
ChangeMessage = PeopleMessage | AddEntry | RemoveEntry | LoadPolicy | SwitchPolicy | CaseMessage
"""What changes something."""


def plan_change(message: ChangeMessage, new_id: Callable[[], UUID], now_ms: int) -> Change:
    """Plans a change.

    Args:
        message: canonical ids, everything else as sent.
        new_id: makes an id for each row that the change makes.
        now_ms: milliseconds since 1970.

    Raises:
        Invalid: a field can't be what it is.
    """
    match message:
        case PutUser():
            return _put_user(message, now_ms)
        case AddConsent():
            return _add_consent(message, new_id(), now_ms)
        case WithdrawConsent():
            return _withdraw_consent(message, new_id(), now_ms)
        case ConfirmGuardian():
            return _confirm_guardian(message, now_ms)
        case SetSignal():
            return _set_signal(message, now_ms)
        case AddEntry():
            return _add_entry(message, new_id(), now_ms)
        case RemoveEntry():
            return _remove_entry(message, now_ms)
        case LoadPolicy():
            return plan_load(message, now_ms)
        case SwitchPolicy():
            return plan_switch(message, now_ms)
        case _:
            return plan_case_change(message, new_id, now_ms)


def _put_user(message: PutUser, now_ms: int) -> Change:
    body, user_id = message.body, message.user_id
    guardians = _ids(body.guardian_ids, "guardian_ids", besides=user_id, refused=no_guardian)
    tutors = _ids(body.tutor_ids, "tutor_ids", besides=user_id, refused=no_tutor)
    return Change(
        statements=(
            *(refuse_minor(guardian, at_ms=now_ms) for guardian in guardians),
            *(refuse_ward(user_id, guardian) for guardian in guardians),
            *put_user(_record(user_id, body, list(guardians), list(tutors)), at_ms=now_ms),
            notify_children(user_id, at_ms=now_ms),
            audit_entry(
                "user.put",
                message.author,
                at_ms=now_ms,
                subject=("user", user_id),
                details={"persona": body.persona, "fields": _given(body)},
            ),
        ),
        users=(user_id, *guardians),
        notices=lambda rows: [notice for notice, _ in rows[-2]],
        answer=lambda rows: bool(rows[2 * len(guardians)][0][0]),
        refusals=dict(
            enumerate(
                [
                    *(_minor(where, guardian) for guardian, where in guardians.items()),
                    *(_ward(where, guardian, user_id) for guardian, where in guardians.items()),
                ]
            )
        ),
    )


def _record(user_id: str, body: UserBody, guardians: list[str], tutors: list[str]) -> UserRecord:
    return UserRecord(
        user_id=user_id,
        persona=body.persona,
        date_of_birth=body.date_of_birth,
        age_band=body.age_band,
        stated_on=body.stated_on,
        adulthood_attested=body.adulthood_attested,
        guardian_ids=guardians,
        tutor_ids=tutors,
        household_id=canonical.optional_text(body.household_id, "household_id"),
        school_id=canonical.optional_text(body.school_id, "school_id"),
        jurisdiction=canonical.optional_text(body.jurisdiction, "jurisdiction", JURISDICTION_LENGTH_MAX),
        email=canonical.email(body.email),
        phone=canonical.phone(body.phone),
        referrer_id=None if body.referrer_id is None else canonical.user_id(body.referrer_id, "referrer_id"),
    )


def _add_consent(message: AddConsent, new_id: UUID, now_ms: int) -> Change:
    body, user_id = message.body, message.user_id
    scope, method = Scope.parse(body.scope), _method(body.method)
    check_method(method, scope)
    guardian = canonical.user_id(body.guardian_id, "guardian_id")
    if guardian == user_id:
        raise no_guardian("guardian_id", "guardian_id must be somebody else than the child")
    check_evidence(method, body.evidence)
    ahead = evidence_ahead(method, body.evidence, now_ms)
    if ahead is not None:
        raise untimely(f"evidence.{ahead}", "must not lie in the future")
    return Change(
        statements=(
            refuse_minor(guardian, at_ms=now_ms),
            refuse_ward(user_id, guardian),
            *require_guardian(user_id, guardian, at_ms=now_ms),
            *add_consent(
                new_id,
                user_id,
                scope=str(scope),
                method=method.value,
                guardian_id=guardian,
                evidence=body.evidence,
                policy_version=str(policy_version(body.policy_version)),
                expires_at_ms=expiry_ms(body.expires_at),
                author=message.author,
                at_ms=now_ms,
            ),
            audit_entry(
                "consent.add",
                message.author,
                at_ms=now_ms,
                subject=("user", user_id),
                details={"scope": str(scope), "method": method.value, "consent_id": str(new_id)},
            ),
        ),
        users=(user_id, guardian),
        answer=lambda _rows: str(new_id),
        refused=no_guardian("guardian_id", f"{guardian} is no confirmed guardian of {user_id}"),
        refusals={0: _minor("guardian_id", guardian), 1: _ward("guardian_id", guardian, user_id)},
    )


def _method(text: str) -> ConsentMethod:
    try:
        return ConsentMethod(text)
    except ValueError:
        raise Invalid("method", f"must be one of {', '.join(ConsentMethod)}") from None


def _withdraw_consent(message: WithdrawConsent, objection_id: UUID, now_ms: int) -> Change:
    consent_id = uuid_of(message.consent_id)
    absent = not_found(f"consent {message.consent_id} of user {message.user_id}")
    if consent_id is None:
        raise absent
    return Change(
        statements=(
            *withdraw_consent(
                consent_id, message.user_id, objection_id=objection_id, author=message.author, at_ms=now_ms
            ),
            audit_entry(
                "consent.withdraw",
                message.author,
                at_ms=now_ms,
                subject=("user", message.user_id),
                details={"consent_id": message.consent_id},
            ),
        ),
        users=(message.user_id,),
        refused=absent,
    )


def _confirm_guardian(message: ConfirmGuardian, now_ms: int) -> Change:
    user_id, guardian_id = message.user_id, message.guardian_id
    return Change(
        statements=(
            refuse_minor(guardian_id, at_ms=now_ms),
            refuse_ward(user_id, guardian_id),
            *confirm_guardian(user_id, guardian_id, confirmed_by=message.confirmed_by, at_ms=now_ms),
            audit_entry(
                "guardian.confirm",
                message.author,
                at_ms=now_ms,
                subject=("user", user_id),
                details={"guardian_id": guardian_id, "confirmed_by": message.confirmed_by},
            ),
        ),
        users=(user_id, guardian_id),
        refused=no_guardian(
            "confirmed_by", f"{message.confirmed_by} may not confirm {guardian_id} as a guardian of {user_id}"
        ),
        refusals={0: _minor("guardian_id", guardian_id), 1: _ward("guardian_id", guardian_id, user_id)},
    )


def _set_signal(message: SetSignal, now_ms: int) -> Change:
    name, value = message.body.signal, message.body.value
    if name in PROOFS:
        if not isinstance(value, bool):
            raise Invalid("value", "must be true or false")
    elif name == REFERRER:
        value = canonical.user_id(value, "value")
    else:
        raise Invalid("signal", f"must be one of {', '.join(sorted((*PROOFS, REFERRER)))}")
    return Change(
        statements=(
            *set_signal(message.user_id, name, value, at_ms=now_ms),
            audit_entry(
                "signal.set",
                message.author,
                at_ms=now_ms,
                subject=("user", message.user_id),
                details={"signal": name, "value": value},
            ),
        ),
        users=(message.user_id,),
        answer=lambda rows: rows[0][0][1],
    )


def _add_entry(message: AddEntry, new_id: UUID, now_ms: int) -> Change:
    if message.kind == "network":
        canonical.network(message.value, "value")
        if message.list_name == "blocks" and message.expires_at is None:
            raise Invalid("expires_at", "is needed: a blocked network hits whoever gets its addresses next")
    labelling = message.list_name == "labels"
    if labelling:
        canonical.label(message.label)
        if message.expires_at is None:
            raise Invalid("expires_at", "is needed: a label always ends")
    statements = add_entry(
        message.list_name,
        new_id,
        kind=message.kind,
        value=message.value,
        reason=message.reason,
        author=message.author,
        expires_at_ms=expiry_ms(message.expires_at),
        at_ms=now_ms,
        label=message.label,
    )

    def standing(rows: Rows) -> tuple[Any, ...]:
        # The thing may have been on the list before: what stands there now is what counts.
        return rows[STANDING_AT][0]

    def row_of(rows: Rows) -> tuple[ListName, ListRow]:
        entry_id, *_, expires_at = standing(rows)
        kind, expires_ms = ListKind(message.kind), expiry_ms(expires_at)
        return message.list_name, ListRow(entry_id, kind, message.value, expires_ms, message.label)

    def stands(rows: Rows) -> EntryStands:
        entry_id, reason, _author, _created_at, expires_at = standing(rows)
        is_new = entry_id == str(new_id)
        return EntryStands(
            entry_id=entry_id, reason=reason, expires_at=expires_at, is_new=is_new,
            is_longer=bool(rows[CHANGED_AT]) and not is_new,
        )  # fmt: skip

    return Change(
        statements=(
            *statements,
            name_entry(
                message.list_name,
                message.kind,
                message.value,
                message.label if labelling else "",
                author=message.author,
                at_ms=now_ms,
                details={
                    "reason": message.reason,
                    "expires_at": None if message.expires_at is None else message.expires_at.isoformat(),
                    **({"label": message.label} if labelling else {}),
                },
            ),
        ),
        adds_to=message.list_name,
        added=row_of,
        answer=stands,
        refused=_LABELLED_ENOUGH if labelling else None,
    )


def _remove_entry(message: RemoveEntry, now_ms: int) -> Change:
    entry_id = uuid_of(message.entry_id)
    absent = not_found(f"entry {message.entry_id} of {message.list_name}")
    if message.list_name == "blocks" and not message.child_safety:
        # One sentence for both: it tells nobody which blocks are child safety's.
        why = f"block {message.entry_id} does not exist, or is not yours to lift"
        absent = Refused("not_found", why, http_status=404)
    if entry_id is None:
        raise absent
    return Change(
        statements=lift_entry(
            message.list_name,
            entry_id,
            author=message.author,
            reason=message.reason,
            at_ms=now_ms,
            child_safety=message.child_safety,
        ),
        removed=(message.list_name, str(entry_id)),
        refused=absent,
    )


def _ward(field: str, guardian: str, user_id: str) -> Refused:
    return no_guardian(field, f"{guardian} has {user_id} as a guardian, and nobody is their own guardian's guardian")


def _minor(field: str, guardian: str) -> Refused:
    return no_guardian(field, f"{guardian} is known to be under 18, and a minor is nobody's guardian")


def _ids(
    values: Sequence[int | str], name: str, besides: str, refused: Callable[[str, str], Refused]
) -> dict[str, str]:
    """Returns canonical ids, each once, with the field where it stands.

    Raises:
        Invalid: one is no id.
        Refused: one is the user's own.
    """
    found: dict[str, str] = {}
    for position, value in enumerate(values):
        where = f"{name}[{position}]"
        identifier = canonical.user_id(value, where)
        if identifier == besides:
            raise refused(where, f"{where} must be somebody else than the user")
        found.setdefault(identifier, where)
    return found


def _given(body: Any) -> list[str]:
    """Returns the names of the fields that were given, for the audit, which holds no personal value."""
    return [name for name in body.__struct_fields__ if getattr(body, name) not in (None, [], False)]
