"""The fraud score: signed whole thousandths that sum exactly, with the reason of every one of them.

Each suspicious signal can only raise the score and each proof only lower it. A cap, a decay and the floor at zero are
terms of their own with the opposite sign, so whoever adds the list up gets the score and sees where it was held.
"""

from collections.abc import Sequence

from viral_engine.domain.decision import Contribution
from viral_engine.domain.facts import NO_REFERRAL, NO_TRUST, QUIET, Facts, Flag, ListHit, Referral, Trust
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.rules import Rule, rule_terms
from viral_engine.domain.weights import FlagWeights, Ramp, Tier, Weights

__all__ = ["contributions_of", "flag_terms", "tier_of"]


def contributions_of(
    weights: Weights, facts: Facts, *, unlisted: bool, signup: bool, rules: Sequence[Rule] = ()
) -> list[Contribution]:
    """The terms of the score, in a fixed order: suspicion, then what proofs take off it.

    Args:
        weights: The policy's numbers.
        facts: What is known.
        unlisted: The catalogue has no such action.
        signup: The action creates an account.
        rules: The policy's own rules.
    """
    terms: list[Contribution] = []
    for field in facts.missing:
        weight = weights.missing.get(field, 0)
        if weight:
            terms.append(Contribution(f"missing_{field}", 1, weight, f"the request has no {field}"))
    if unlisted:
        _flag(terms, "unknown_action", weights.unknown_action, facts.allows)
    if facts.email_disposable:
        _flag(terms, "email_disposable", weights.email_disposable, facts.allows)
    if signup and not facts.signup.known:
        _flag(terms, "signups_unknown", weights.signups_unknown, facts.allows)
    velocity = facts.velocity
    if velocity is not QUIET:
        for name, ramp in weights.velocity.items():
            count = getattr(velocity, name)
            if count > ramp.free and not _lifted(ramp, facts.allows):
                _ramp(terms, name, ramp, count)
    if facts.referral is not NO_REFERRAL:
        terms += _referral_terms(weights, facts.referral, facts.allows)
    if facts.flags:
        terms += flag_terms(weights.flags, facts.flags)
    if rules:
        terms += rule_terms(rules, facts)
    if terms and facts.trust is not NO_TRUST:
        terms += _trust_terms(weights, facts.trust, sum(term.weight for term in terms))
    return terms


def tier_of(tiers: Sequence[Tier], score: int) -> Outcome:
    """The outcome of the highest tier that the score reaches."""
    outcome = Outcome.ALLOW
    for tier in tiers:
        if score < tier.score:
            break
        outcome = tier.outcome
    return outcome


def _lifted(ramp: Ramp, allows: Sequence[ListHit]) -> bool:
    return any(hit.kind in ramp.lifted_by for hit in allows)


def _flag(terms: list[Contribution], rule: str, ramp: Ramp, allows: Sequence[ListHit]) -> None:
    if not _lifted(ramp, allows):
        _ramp(terms, rule, ramp, 1)


def _ramp(terms: list[Contribution], rule: str, ramp: Ramp, count: int) -> None:
    weight = (count - ramp.free) * ramp.each
    if weight <= 0:
        return
    terms.append(Contribution(rule, ramp.version, weight, ramp.why.replace("{n}", str(count))))
    _cap(terms, f"{rule}_cap", ramp.version, weight, ramp.cap)


def _cap(terms: list[Contribution], rule: str, version: int, weight: int, cap: int) -> None:
    if weight > cap:
        terms.append(Contribution(rule, version, cap - weight, f"no more than {cap}"))


def _referral_terms(weights: Weights, referral: Referral, allows: Sequence[ListHit]) -> list[Contribution]:
    terms: list[Contribution] = []
    for name, ramp in weights.referral.items():
        count = int(getattr(referral, name))
        if count > ramp.free and not _lifted(ramp, allows):
            _ramp(terms, name, ramp, count)
    if referral.self_referral:
        # Whoever refers themself lives with themself: that says nothing new.
        terms = [term for term in terms if not term.rule.startswith("same_household")]
    _cap(terms, "referral_cap", 1, sum(term.weight for term in terms), weights.referral_cap)
    return terms


def flag_terms(weights: FlagWeights, flags: Sequence[Flag]) -> list[Contribution]:
    """Reports, weighed by severity, decayed by age, capped per source and in all: one reporter denies nobody."""
    terms: list[Contribution] = []
    by_source: dict[str, int] = {}
    for flag in flags:
        weight = weights.severities.get(flag.severity, 0)
        rule = f"{flag.kind}_flagged"
        terms.append(Contribution(rule, weights.version, weight, f"a {flag.severity} report"))
        decay = weight * max(0, min(flag.age_days, weights.decay_days)) // weights.decay_days
        if decay:
            why = f"{flag.age_days} of {weights.decay_days} days old"
            terms.append(Contribution(f"{rule}_decay", weights.version, -decay, why))
        by_source[flag.source] = by_source.get(flag.source, 0) + weight - decay
    total = 0
    for weight in by_source.values():
        _cap(terms, "flag_source_cap", weights.version, weight, weights.source_cap)
        total += min(weight, weights.source_cap)
    _cap(terms, "flags_cap", weights.version, total, weights.cap)
    return terms


def _trust_terms(weights: Weights, trust: Trust, suspicion: int) -> list[Contribution]:
    """What proofs take off a suspicion; they never make a credit to be spent on another day."""
    terms = [
        Contribution(name, 1, -weight, name.replace("_", " "))
        for name, weight in weights.trust.items()
        if weight and getattr(trust, name)
    ]
    off = -sum(term.weight for term in terms)
    most = min(weights.trust_cap, suspicion)
    if off > most:
        terms.append(Contribution("trust_cap", 1, off - most, f"no more than {most} off"))
    return terms
