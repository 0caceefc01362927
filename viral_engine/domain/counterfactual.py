"""What would have let an attempt through: the smallest sets of things that its user or their guardian could do."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from itertools import combinations

from viral_engine.domain.consent import Consent, ConsentMethod
from viral_engine.domain.decision import Decision
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import Policy

__all__ = ["Step", "what_would_allow"]

STEPS_MAX = 3
"""More at once is no advice."""


class Step(StrEnum):
    """One thing that could be done. Nothing of it lifts a block: that is for people."""

    VERIFY_EMAIL = "verify_email"
    VERIFY_PHONE = "verify_phone"
    VERIFY_PAYMENT = "verify_payment"
    CONSENT = "consent"
    WAIT = "wait"
    NAME_DEVICE_AND_ADDRESS = "name_device_and_address"
    LEAVE_OUT_DETAILS = "leave_out_details"


def what_would_allow(policy: Policy, facts: Facts) -> tuple[tuple[Step, ...], ...]:
    """The smallest sets of steps after which the same attempt is allowed, flagged or not.

    Returns:
        Nothing when it is allowed as it is, or when nothing of this kind helps.
    """
    decision = evaluate(policy, facts)
    if decision.outcome in _LET_THROUGH:
        return ()
    possible = [step for step in Step if _STEPS[step](facts, decision) != facts]
    for count in range(1, min(STEPS_MAX, len(possible)) + 1):
        found = tuple(steps for steps in combinations(possible, count) if _allows(policy, facts, decision, steps))
        if found:
            return found
    return ()


_LET_THROUGH = frozenset({Outcome.ALLOW, Outcome.ALLOW_FLAGGED})


def _allows(policy: Policy, facts: Facts, decision: Decision, steps: tuple[Step, ...]) -> bool:
    for step in steps:
        facts = _STEPS[step](facts, decision)
    return evaluate(policy, facts).outcome in _LET_THROUGH


def _consent(facts: Facts, decision: Decision) -> Facts:
    """A consent for the scope that was asked for, by the strongest method, newer than every withdrawal."""
    scope = decision.consent.scope
    if scope is None:
        return facts
    given = Consent(
        id="would-be",
        scope=str(scope),
        method=ConsentMethod.SIGNED_FORM,
        guardian=next((one.guardian for one in facts.consents), "a guardian"),
        granted_ms=facts.now_ms,
        policy_version=2**31,
    )
    # Whoever withdrew has to change their mind for it.
    standing = tuple(one for one in facts.consents if one.withdrawn_ms is None)
    return facts._replace(consents=(*standing, given))


def _wait(facts: Facts, _decision: Decision) -> Facts:
    return facts._replace(windows=tuple(use._replace(used=0, reset_ms=0) for use in facts.windows))


_STEPS: Mapping[Step, Callable[[Facts, Decision], Facts]] = {
    Step.VERIFY_EMAIL: lambda facts, _: facts._replace(trust=facts.trust._replace(email_verified=True)),
    Step.VERIFY_PHONE: lambda facts, _: facts._replace(trust=facts.trust._replace(phone_verified=True)),
    Step.VERIFY_PAYMENT: lambda facts, _: facts._replace(trust=facts.trust._replace(payment_verified=True)),
    Step.CONSENT: _consent,
    Step.WAIT: _wait,
    Step.NAME_DEVICE_AND_ADDRESS: lambda facts, _: facts._replace(missing=()),
    # Signs of an adult who draws a child away are left as they are: how not to be noticed is no advice.
    Step.LEAVE_OUT_DETAILS: lambda facts, _: facts if facts.content_signals else facts._replace(content_kinds=()),
}
