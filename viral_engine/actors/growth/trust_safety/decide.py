"""One decision: from a request and what is held in memory to the row that the journal records. Counts the attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from viral_engine.actors.growth.trust_safety.answer import answer_of, record_of, shadow_of
from viral_engine.actors.growth.trust_safety.disclosing import refusal_entry
from viral_engine.actors.growth.trust_safety.gather import domain_of, gather
from viral_engine.domain.canonical import address_group
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.outcome import Outcome
from viral_engine.store.device_flags import signup_attempt
from viral_engine.store.reviews import open_decision_case

if TYPE_CHECKING:
    from viral_engine.actors.growth.trust_safety.held import Memory
    from viral_engine.domain.uuid7 import Uuid7Source
    from viral_engine.messages.checks import CheckAction
    from viral_engine.messages.journal import RecordDecision, Statement
    from viral_engine.runtime.clock import Clock


def decide(memory: Memory, request: CheckAction, clock: Clock, ids: Uuid7Source) -> RecordDecision:
    """Decides on a request whose profiles are in memory.

    Raises:
        Refused: an imported event lies before the last one.
    """
    profile, subject = memory.profiles.get(request.user_id), None
    assert profile is not None
    if request.subject_id is not None and request.subject_id != request.user_id:
        subject = memory.profiles.get(request.subject_id)
    wall_ms = clock.wall_ms()
    timeline, now_ms = memory.timeline_of(request, wall_ms)
    group = None if request.ip_address is None else address_group(request.ip_address)
    domain = domain_of(request, profile)
    policy, shadow = memory.policies.enforced, memory.policies.shadow
    action = policy.action(request.action_type)
    keyed = timeline.keyed(action, request, group)
    facts = gather(
        request,
        action,
        group,
        domain,
        profile,
        subject,
        windows=timeline.look(keyed, group, now_ms),
        timeline=timeline,
        lists=memory.lists,
        profiles=memory.profiles,
        now_ms=now_ms,
    )
    decision = evaluate(policy, facts)
    timeline.commit(request, group, domain, profile, keyed, decision, now_ms, signup=action.signup)
    decision_id = ids.next_bytes(wall_ms)
    latency_ms = round((clock.monotonic_s() - request.received_s) * 1_000, 3)
    # On the same facts, and after everything that counts was counted: a shadow changes nothing but this list.
    shadowed = [] if shadow is None else [shadow_of(shadow, evaluate(shadow, facts))]
    answer = answer_of(policy, decision, shadowed, decision_id, latency_ms)
    statements: tuple[Statement, ...] = ()
    if decision.books_signup:
        statements = (signup_attempt(request, now_ms),)
    if decision.outcome is Outcome.REVIEW and request.occurred_ms is None:
        # Nobody waits for a verdict on what was imported.
        statements = (*statements, open_decision_case(UUID(bytes=decision_id), request.user_id, wall_ms))
    if subject is not None:
        statements = (*statements, *refusal_entry(request, decision, subject, UUID(bytes=decision_id), now_ms))
    return record_of(request, facts, decision, answer, decision_id, statements)
