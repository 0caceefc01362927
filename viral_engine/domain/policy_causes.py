"""Why a decision comes out otherwise under another policy: what of the two differs, as far as it bears on these facts.

Told are the terms of the score that changed, the tier that moved over the score, the limits that became full or have
places again, and what became of content, consent and a sign-up. What differs and changes nothing here is not told.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from viral_engine.domain.content import spoken
from viral_engine.domain.decision import Decision
from viral_engine.domain.evaluate import discloses, lifted_keys
from viral_engine.domain.facts import Facts
from viral_engine.domain.limits import Limit
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import Policy
from viral_engine.domain.reasons import Reason
from viral_engine.domain.score import tier_of

__all__ = ["TERMS_MAX", "Cause", "causes"]

TERMS_MAX = 8
"""Terms of the score that are told of one decision, those that changed most."""

_ORDER = list(Outcome)


class Cause(NamedTuple):
    """One cause.

    Attributes:
        name: What differs, the same for every decision that it changes: by it decisions are counted.
        text: How it differs for this one.
    """

    name: str
    text: str


def causes(before: Policy, after: Policy, facts: Facts, was: Decision, now: Decision) -> tuple[Cause, ...]:
    """What makes two policies decide one attempt otherwise.

    Args:
        before: The one that decided.
        after: The one that is tried.
        facts: What is known of the attempt.
        was: What `before` makes of them.
        now: What `after` makes of them.
    """
    return (
        *_tier(before, after, now.score),
        *_terms(was, now),
        *_limits(before, after, facts),
        *_listing(before, after, facts.action),
        *_signup(before, after, facts),
        *_content(before, after, facts, was, now),
        *_consent(before, after, facts, was, now),
    )


def _tier(before: Policy, after: Policy, score: int) -> Iterator[Cause]:
    """The tier that moved over the score: of a stricter outcome the new one's, of a milder one the old one's."""
    old, new = (tier_of(policy.weights.tiers, score) for policy in (before, after))
    if old is new:
        return
    moved = max(old, new, key=_ORDER.index)
    begins, began = (
        next(tier.score for tier in policy.weights.tiers if tier.outcome is moved) for policy in (after, before)
    )
    yield Cause(f"tier {moved}", f"tier {moved} from {begins:,}, was {began:,}")


def _terms(was: Decision, now: Decision) -> Iterator[Cause]:
    changes: Counter[str] = Counter()
    for decision, sign in ((now, 1), (was, -1)):
        for term in decision.contributions:
            changes[term.rule] += sign * term.weight
    differing = sorted(((name, by) for name, by in changes.items() if by), key=lambda one: (-abs(one[1]), one[0]))
    for name, by in differing[:TERMS_MAX]:
        yield Cause(name, f"{name} {by:+,}")


def _limits(before: Policy, after: Policy, facts: Facts) -> Iterator[Cause]:
    old, new = (
        {limit.window: limit for limit in policy.action(facts.action).limits if limit.key not in lifted}
        for policy, lifted in ((before, lifted_keys(before, facts.allows)), (after, lifted_keys(after, facts.allows)))
    )
    for window, used, _ in facts.windows:
        limits = old.get(window), new.get(window)
        refused, refuses = (limit.reason if limit is not None and used >= limit.places else None for limit in limits)
        if refused is not refuses:
            had, has = (_told(limit) for limit in limits)
            if had == has:
                has, had = f"told as {refuses}", str(refused)
            yield Cause(f"limit {window}", f"limit {window} {has}, was {had}")


def _told(limit: Limit | None) -> str:
    return "none" if limit is None else f"{limit.places:,} in {limit.window_ms // 1_000:,} s"


def _listing(before: Policy, after: Policy, name: str) -> Iterator[Cause]:
    had, has = name in before.actions, name in after.actions
    if had is not has:
        yield Cause(f"actions.{name}", f"actions.{name} {'added' if has else 'removed'}")


def _signup(before: Policy, after: Policy, facts: Facts) -> Iterator[Cause]:
    old, new = (policy.action(facts.action).signup for policy in (before, after))
    if old is not new:
        path = f"actions.{facts.action}.signup"
        yield Cause(path, f"{path} {str(new).lower()}, was {str(old).lower()}")
    if not new:
        return
    signup = facts.signup
    for path, count, (had, has), is_any in (
        ("device_others_max", signup.device_others, _both(before, after, "signup_device_others_max"), False),
        ("address_others_max", signup.address_others, _both(before, after, "signup_address_others_max"), False),
        ("household_members_max", facts.household_members, _both(before, after, "household_members_max"), True),
        ("household_new_max", facts.household_new, _both(before, after, "household_new_max"), True),
    ):
        # Of a household 0 stands for any number.
        was, now = (count > most and not (is_any and most == 0) for most in (had, has))
        if was is not now:
            yield Cause(f"signup.{path}", f"signup.{path} {has:,}, was {had:,}")


def _both(before: Policy, after: Policy, name: str) -> tuple[int, int]:
    return getattr(before, name), getattr(after, name)


def _content(before: Policy, after: Policy, facts: Facts, was: Decision, now: Decision) -> Iterator[Cause]:
    old, new = (
        _worst(policy, facts, disclosure_given=discloses(decision.consent))
        for policy, decision in ((before, was), (after, now))
    )
    for reason in sorted({*old, *new}):
        had, has = old.get(reason, Outcome.ALLOW), new.get(reason, Outcome.ALLOW)
        if had is not has:
            yield Cause(f"content {reason}", f"content {reason} {has}, was {had}")


def _worst(policy: Policy, facts: Facts, *, disclosure_given: bool) -> dict[str, Outcome]:
    worst: dict[str, Outcome] = {}
    for reason, outcome in spoken(policy.content, facts, disclosure_given=disclosure_given):
        worst[reason.value] = max(outcome, worst.get(reason.value, outcome), key=_ORDER.index)
    return worst


def _consent(before: Policy, after: Policy, facts: Facts, was: Decision, now: Decision) -> Iterator[Cause]:
    had, has = was.consent.state, now.consent.state
    if had is not has:
        yield Cause("consent", f"consent {has}, was {had}")
    is_record = [Reason.FERPA_RESTRICTED in decision.reasons for decision in (was, now)]
    old, new = (policy.action(facts.action).action_class for policy in (before, after))
    is_listed = facts.action in before.actions and facts.action in after.actions
    if is_listed and old is not new and (had is not has or is_record[0] is not is_record[1]):
        path = f"actions.{facts.action}.class"
        yield Cause(path, f"{path} {new}, was {old}")
