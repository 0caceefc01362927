"""One attempt in, one decision out: pure, and the same for the same input on any day.

Every rule is evaluated, whatever the others said, so that a decision shows all that spoke against an attempt; order
only ranks the reasons. Lists, limits, duplicates, fraud score, consent.

A block always wins, over a row of the allow-list too: a block names what somebody has looked at, while an allow on a
school's network speaks for hundreds at once. Whoever wants an exception lifts the block. The allow-list lifts limits,
duplicates and shared velocity of its own kind; it never touches consent, reports or the other parts of the score.
"""

from collections.abc import Sequence

from viral_engine.domain.actions import Action, effective_class, required_scope
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import ConsentState, ConsentStatus, Purpose, Scope, consent_state
from viral_engine.domain.content import spoken
from viral_engine.domain.decision import Decision, LimitState
from viral_engine.domain.facts import Facts, ListHit, ListKind, Relation
from viral_engine.domain.limits import Limit, WindowKey
from viral_engine.domain.matrix import ActionClass, Need, need
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import Policy
from viral_engine.domain.reasons import Reason, ranked
from viral_engine.domain.relations import may_act
from viral_engine.domain.score import contributions_of, flag_terms, tier_of

__all__ = ["discloses", "evaluate", "lifted_keys"]

_BLOCKED = {
    ListKind.USER: Reason.USER_BLOCKED,
    ListKind.DEVICE: Reason.DEVICE_BLOCKED,
    ListKind.IP: Reason.IP_BLOCKED,
    ListKind.NETWORK: Reason.IP_BLOCKED,
    ListKind.EMAIL_DOMAIN: Reason.EMAIL_DOMAIN_BLOCKED,
}
_LIFTS_ADDRESS_DUPLICATES = frozenset({ListKind.USER, ListKind.IP, ListKind.NETWORK})
_LIFTS_DEVICE_DUPLICATES = _LIFTS_ADDRESS_DUPLICATES | {ListKind.DEVICE}
_NOT_REQUIRED = ConsentState(required=False, scope=None, basis=None, state=ConsentStatus.NOT_REQUIRED)
_OF_CONTENT = frozenset({Reason.CONTENT_PII, Reason.OFF_PLATFORM_CONTACT, Reason.CONTENT_UNSEEN})
# Reasons that are told but refuse nothing by themselves.
_NOTES = frozenset(
    {Reason.UNKNOWN_ACTION, Reason.DEVICE_FLAGGED, Reason.FRAUD_SUSPECTED, Reason.HOUSEHOLD_GREW, *_OF_CONTENT}
)
_ORDER = list(Outcome)


def evaluate(policy: Policy, facts: Facts) -> Decision:
    """Decide one attempt."""
    action = policy.actions.get(facts.action)
    reasons: set[Reason] = set()
    unlisted = action is None
    if action is None:
        action = policy.unlisted
        reasons.add(Reason.UNKNOWN_ACTION)
    for hit in facts.blocks:
        reasons.add(_BLOCKED[hit.kind])
    limits, places = _limits(policy, action.limits, facts, reasons)
    if action.signup and _duplicate_signup(policy, facts):
        reasons.add(Reason.DUPLICATE_SIGNUP)
    action_class = action.action_class
    if facts.recipient is not None or facts.data_class is not None:
        action_class = effective_class(action, facts.data_class, facts.recipient)
    if facts.relation is not Relation.SELF and not may_act(facts.relation, action_class):
        reasons.add(Reason.NOT_AUTHORIZED_FOR_SUBJECT)
    contributions = contributions_of(policy.weights, facts, unlisted=unlisted, signup=action.signup, rules=policy.rules)
    score = 0
    for term in contributions:
        score += term.weight
    outcome = tier_of(policy.weights.tiers, score) if score else Outcome.ALLOW
    if outcome is not Outcome.ALLOW:
        reasons.add(Reason.FRAUD_DETECTED if outcome is Outcome.DENY else Reason.FRAUD_SUSPECTED)
    if facts.flags and _device_flagged(policy, facts):
        reasons.add(Reason.DEVICE_FLAGGED)
    consent = _consent(policy, action, action_class, facts, reasons)
    if action.signup and _household_grew(policy, facts):
        reasons.add(Reason.HOUSEHOLD_GREW)
        outcome = max(outcome, Outcome.REVIEW, key=_ORDER.index)
    if facts.content_kinds or facts.content_signals or facts.content_unseen:
        for reason, weighs in spoken(policy.content, facts, disclosure_given=discloses(consent)):
            reasons.add(reason)
            outcome = max(outcome, weighs, key=_ORDER.index)
    if reasons and not reasons <= _NOTES:
        outcome = Outcome.DENY
    return Decision(
        outcome,
        ranked(reasons) if reasons else (),
        score,
        tuple(contributions),
        limits,
        consent,
        facts.missing,
        places,
        action.signup and outcome is not Outcome.DENY,
        policy.id,
        policy.version,
    )


def _limits(
    policy: Policy, limits: Sequence[Limit], facts: Facts, reasons: set[Reason]
) -> tuple[LimitState | None, tuple[str, ...]]:
    """Refusals by full windows, the limit to show, and the windows in which this attempt takes a place.

    An attempt takes its place in every window that did not refuse it, whatever else refuses it.
    """
    lifted = lifted_keys(policy, facts.allows) if facts.allows else ()
    shown: LimitState | None = None
    places: list[str] = []
    for limit in limits:
        if limit.key in lifted:
            continue
        name, places_max = limit.window, limit.places
        for window, used, reset_ms in facts.windows:  # noqa: B007  (used after the loop)
            if window == name:
                break
        else:
            continue
        if used >= places_max:
            reasons.add(limit.reason)
            wait_ms = max(1, reset_ms)
            if shown is None or shown.retry_after_ms is None or wait_ms > shown.retry_after_ms:
                shown = LimitState(name, places_max, 0, wait_ms, wait_ms)
            continue
        places.append(name)
        remaining = places_max - used - 1
        if shown is None or (shown.retry_after_ms is None and remaining < shown.remaining):
            # The place just taken is the only one and leaves a whole window from now, unless there are older ones.
            shown = LimitState(name, places_max, remaining, reset_ms if used else limit.window_ms + 1, None)
    return shown, tuple(places)


def lifted_keys(policy: Policy, allows: Sequence[ListHit]) -> frozenset[WindowKey]:
    """Whose limits rows of the allow-list lift."""
    return frozenset(key for hit in allows for key in policy.allow_lifts.get(hit.kind, ()))


def _duplicate_signup(policy: Policy, facts: Facts) -> bool:
    kinds = {hit.kind for hit in facts.allows}
    signup = facts.signup
    on_device = signup.device_others > policy.signup_device_others_max and kinds.isdisjoint(_LIFTS_DEVICE_DUPLICATES)
    at_address = signup.address_others > policy.signup_address_others_max and kinds.isdisjoint(
        _LIFTS_ADDRESS_DUPLICATES
    )
    return on_device or at_address


def _household_grew(policy: Policy, facts: Facts) -> bool:
    """Whether a verified household is larger, or grows faster, than its proof alone should carry."""
    members = 0 < policy.household_members_max < facts.household_members
    return members or 0 < policy.household_new_max < facts.household_new


def _device_flagged(policy: Policy, facts: Facts) -> bool:
    """Whether reports about the device still weigh anything."""
    on_device = [flag for flag in facts.flags if flag.kind is ListKind.DEVICE]
    return sum(term.weight for term in flag_terms(policy.weights.flags, on_device)) > 0


def discloses(consent: ConsentState) -> bool:
    """Whether a guardian agreed to a disclosure."""
    given = consent.state is ConsentStatus.GIVEN and consent.scope is not None
    return given and Scope.parse(consent.scope or "").purpose is Purpose.THIRD_PARTY


def _consent(
    policy: Policy, action: Action, action_class: ActionClass, facts: Facts, reasons: set[Reason]
) -> ConsentState:
    if need(policy.matrix, facts.jurisdiction, action_class, facts.band) is Need.NONE:
        return _NOT_REQUIRED
    scope = required_scope(action, action_class, facts.data_class, facts.recipient)
    state = consent_state(
        scope,
        facts.consents,
        facts.now_ms,
        policy_version_min=policy.consent_version_min,
        reconsent_supersedes=policy.reconsent_supersedes,
        withdrawal_ends_older=policy.withdrawal_ends_older,
    )
    if state.state is ConsentStatus.GIVEN:
        return state
    withdrawn = state.state is ConsentStatus.WITHDRAWN
    reasons.add(Reason.CONSENT_WITHDRAWN if withdrawn else Reason.PARENTAL_CONSENT_REQUIRED)
    if facts.band is AgeBand.UNKNOWN:
        reasons.add(Reason.AGE_UNKNOWN)
    if action_class is ActionClass.RECORD_SHARE:
        reasons.add(Reason.FERPA_RESTRICTED)
    return state
