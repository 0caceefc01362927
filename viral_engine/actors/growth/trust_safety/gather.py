"""From a request and what is held in memory to the facts of one decision. Looks only, changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viral_engine.domain.canonical import email_domain
from viral_engine.domain.consent import DataClass, RecipientClass
from viral_engine.domain.disposable import is_disposable
from viral_engine.domain.duplicates import DAY_MS, SignupUse
from viral_engine.domain.facts import Facts, Relation

if TYPE_CHECKING:
    from viral_engine.actors.growth.trust_safety.lists import Lists
    from viral_engine.actors.growth.trust_safety.memory import Timeline
    from viral_engine.actors.growth.trust_safety.profiles import Profile, Profiles
    from viral_engine.domain.actions import Action
    from viral_engine.domain.facts import WindowUse
    from viral_engine.messages.checks import CheckAction
    from viral_engine.messages.content import Content

_NO_SIGNUP = SignupUse()
_WORK_WITH_CHILDREN = frozenset({"tutor", "staff"})
NEW_MS = 30 * DAY_MS
"""How long a child is new to a household."""


def gather(
    request: CheckAction,
    action: Action,
    group: str | None,
    domain: str | None,
    profile: Profile,
    subject: Profile | None,
    *,
    windows: tuple[WindowUse, ...],
    timeline: Timeline,
    lists: Lists,
    profiles: Profiles,
    now_ms: int,
) -> Facts:
    """Gathers everything `evaluate` needs.

    Args:
        request: canonical.
        action: the catalogue's row.
        group: the address group, None without an address.
        domain: of the e-mail address, None without one.
        profile: of the user who acts.
        subject: of the person whose data it is about, when that is somebody else.
        windows: what the action's limits hold.
        timeline: the recent past that the request belongs to.
        lists: blocks, allows, labels and flags.
        profiles: for the chain of referrers.
        now_ms: the decision's instant.
    """
    concerned = profile if subject is None else subject
    content = request.content
    labels = lists.labels
    # In the order of the fields: thirty names to match would cost more than all that is looked up here.
    facts = Facts(
        request.action_type,
        now_ms,
        concerned.band(now_ms, for_own_act=subject is None),
        _relation(profile, subject),
        concerned.jurisdiction,
        None if request.data_class is None else DataClass(request.data_class),
        None if request.recipient_class is None else RecipientClass(request.recipient_class),
        _missing(request),
        lists.blocks.match(request.user_id, request.device_id, request.ip_address, domain, now_ms),
        lists.allows.match(request.user_id, request.device_id, request.ip_address, domain, now_ms),
        windows,
        timeline.signup(request, group, profile, now_ms) if action.signup else _NO_SIGNUP,
        domain is not None and is_disposable(domain),
        profile.trust,
        lists.flags_of(request.user_id, request.device_id, request.ip_address, now_ms),
        timeline.velocity(request, group, domain, profile, now_ms),
        timeline.referral(request, group, profile, profiles, now_ms),
        concerned.consents,
        None if profile.created_ms is None else max(now_ms - profile.created_ms, 0) // DAY_MS,
        profile.school_id is not None,
        bool(profile.household),
        # Only sign-ups are looked at for it.
        profile.household_size if action.signup else 0,
        _new_children(profile, now_ms) if action.signup else 0,
        labels=labels.of(request.user_id, request.device_id, request.ip_address, domain, now_ms)
        if labels.names
        else (),
    )
    return facts if content is None else _with_content(facts, content, profile, subject, now_ms)


def domain_of(request: CheckAction, profile: Profile) -> str | None:
    """Tells the e-mail's domain: of the address in the request, else of the user's."""
    return profile.email_domain if request.email is None else email_domain(request.email)


def _with_content(facts: Facts, content: Content, profile: Profile, subject: Profile | None, now_ms: int) -> Facts:
    return facts._replace(
        content_kinds=content.kinds,
        content_signals=content.signals,
        content_unseen=not content.is_seen,
        adult_to_child=_is_adult_to_child(profile, subject, now_ms),
    )


def _is_adult_to_child(profile: Profile, subject: Profile | None, now_ms: int) -> bool:
    """Whether a grown-up writes to a child whose guardian they are not; a tutor who does not tell to whom, does."""
    works_here = profile.persona in _WORK_WITH_CHILDREN
    if subject is None:
        return works_here
    if profile.user_id in subject.guardians or subject.band(now_ms, for_own_act=False).is_adult:
        return False
    return works_here or profile.band(now_ms, for_own_act=True).is_adult


def _new_children(profile: Profile, now_ms: int) -> int:
    return sum(now_ms - joined_ms <= NEW_MS for joined_ms in profile.household_joined_ms)


def _missing(request: CheckAction) -> tuple[str, ...]:
    if request.device_id is not None and request.ip_address is not None:
        return ()
    return tuple(name for name in ("device_id", "ip_address") if getattr(request, name) is None)


def _relation(profile: Profile, subject: Profile | None) -> Relation:
    """How the caller stands to the subject, from what the company recorded; nothing is inferred from a request."""
    if subject is None or subject.user_id == profile.user_id:
        return Relation.SELF
    if profile.user_id in subject.guardians:
        return Relation.GUARDIAN
    if profile.persona == "staff" and profile.school_id is not None and profile.school_id == subject.school_id:
        return Relation.SCHOOL
    if profile.user_id in subject.tutors:
        return Relation.TUTOR
    return Relation.NONE
