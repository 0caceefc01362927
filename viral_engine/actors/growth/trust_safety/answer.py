"""From a decision to its answer and its row: encoded once, used for both."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from viral_engine.domain.consent import ConsentStatus
from viral_engine.domain.facts import facts_for_json
from viral_engine.domain.uuid7 import text_of
from viral_engine.messages.checks import (
    CheckAnswer,
    ConsentState,
    Contribution,
    Decided,
    LimitState,
    PolicyRef,
    Shadowed,
)
from viral_engine.messages.journal import DecisionRow, RecordDecision
from viral_engine.store.idempotency import keep_answer

if TYPE_CHECKING:
    from viral_engine.domain.decision import Decision
    from viral_engine.domain.facts import Facts
    from viral_engine.domain.policy import Policy
    from viral_engine.messages.checks import CheckAction
    from viral_engine.messages.journal import Statement

HTTP_OK = 200

_encoder = msgspec.json.Encoder()


_NOT_REQUIRED = ConsentState(required=False, scope=None, basis=None, state=ConsentStatus.NOT_REQUIRED.value)


@lru_cache(maxsize=16)
def _policy_ref(policy_id: str, version: int, mode: str) -> PolicyRef:
    return PolicyRef(id=policy_id, version=version, mode=mode)


def _consent_state(decision: Decision) -> ConsentState:
    consent = decision.consent
    return ConsentState(required=consent.required, scope=consent.scope, basis=consent.basis, state=consent.state.value)


def _contributions(decision: Decision) -> list[Contribution]:
    return [
        Contribution(rule=term.rule, version=term.version, weight=term.weight, why=term.why)
        for term in decision.contributions
    ]


def shadow_of(policy: Policy, decision: Decision) -> Shadowed:
    """Builds what is recorded of a policy in shadow."""
    return Shadowed(
        policy=_policy_ref(policy.id, policy.version, str(policy.mode)),
        decision=str(decision.outcome),
        reasons=list(map(str, decision.reasons)),
        score=decision.score,
    )


def answer_of(
    policy: Policy, decision: Decision, shadow: list[Shadowed], decision_id: bytes, latency_ms: float
) -> CheckAnswer:
    """Builds what the caller reads."""
    limits = decision.limits
    return CheckAnswer(
        decision_id=text_of(decision_id),
        decision=str(decision.outcome),
        recorded=True,
        reasons=list(map(str, decision.reasons)),
        score=decision.score,
        contributions=_contributions(decision) if decision.contributions else [],
        policy=_policy_ref(policy.id, policy.version, str(policy.mode)),
        limits=None
        if limits is None
        else LimitState(
            limit=limits.limit,
            remaining=limits.remaining,
            reset_s=limits.reset_ms / 1_000,
            retry_after_s=None if limits.retry_after_ms is None else limits.retry_after_ms / 1_000,
        ),
        consent=_consent_state(decision) if decision.consent.required else _NOT_REQUIRED,
        shadow=shadow,
        missing=list(decision.missing),
        latency_ms=latency_ms,
    )


def record_of(
    request: CheckAction,
    facts: Facts,
    decision: Decision,
    answer: CheckAnswer,
    decision_id: bytes,
    statements: tuple[Statement, ...],
) -> RecordDecision:
    """Builds the row with the facts that it was decided on, and the reply that its commit releases."""
    encoded = _encoder.encode(answer)
    row = DecisionRow(
        decision_id=decision_id,
        occurred_ms=facts.now_ms,
        user_id=request.user_id,
        action_type=request.action_type,
        decision=answer.decision,
        reasons=tuple(answer.reasons),
        score=decision.score,
        policy_version=decision.policy_version,
        device_id=request.device_id,
        ip_address=request.ip_address,
        api_key_id=request.api_key_id,
        counted=bool(decision.places_taken),
        backfill=request.occurred_ms is not None,
        answer=encoded,
        facts=_encoder.encode(facts_for_json(facts)),
    )
    if request.idempotency is not None:
        # In the decision's own transaction: whoever asks again with the same key gets this answer or a new decision.
        statements = (*statements, keep_answer(request.idempotency, HTTP_OK, encoded))
    return RecordDecision(row=row, reply=Decided(answer.decision, encoded), statements=statements)
