"""A policy: every number and table that decides, in one versioned value."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

from viral_engine.domain.actions import CATALOGUE, UNLISTED, Action
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.content import CONTENT_RULES, NO_CONTENT_RULES, ContentRules
from viral_engine.domain.errors import Invalid
from viral_engine.domain.facts import ListKind, Referral, Trust, Velocity
from viral_engine.domain.limits import WindowKey
from viral_engine.domain.matrix import MATRIX, STRICTEST, ActionClass, Cells, Matrix
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.plain import from_plain, to_plain
from viral_engine.domain.rules import Rule, check_rule
from viral_engine.domain.weights import WEIGHTS, WEIGHTS_TO_3, WEIGHTS_TO_5, Weights

__all__ = ["DEFAULT_POLICY", "SHIPPED", "Mode", "Policy", "policy_from_dict", "policy_to_dict", "versioned"]

SCHEMA = 1


class Mode(StrEnum):
    """Whether a version's decisions are answers or only recorded beside them."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of all rules' data.

    Attributes:
        actions: The catalogue.
        unlisted: The row of every action it lacks.
        matrix: Consent by jurisdiction, action class and age band.
        allow_lifts: Whose limits a row of the allow-list lifts, by its kind. A user is trusted wholly, a device for
            itself, a network or address for what its users share: one pupil's script is still held by that pupil's own
            limits.
        signup_device_others_max: Others who may have signed up on a device within a day.
        signup_address_others_max: The same for an address group: the fourth signup is a duplicate.
        consent_version_min: Oldest version of the privacy policy whose consents still hold.
        reconsent_supersedes: Whether a withdrawal is told no more once its own guardian lifted it by consenting again.
        withdrawal_ends_older: Whether a withdrawal ends every older consent for good, also once it is lifted.
        household_members_max: Members of a verified household whose sign-ups go through without a person's look; 0 for
            any number.
        household_new_max: The same of children who joined it within 30 days.
        content: What content leads to.
        rules: What the policy weighs beside `weights`, in the order in which decisions tell them.
    """

    id: str
    version: int
    mode: Mode = Mode.ENFORCE
    actions: Mapping[str, Action]
    unlisted: Action
    matrix: Matrix
    weights: Weights
    allow_lifts: Mapping[ListKind, tuple[WindowKey, ...]]
    signup_device_others_max: int = 0
    signup_address_others_max: int = 2
    consent_version_min: int = 1
    reconsent_supersedes: bool = False
    withdrawal_ends_older: bool = False
    household_members_max: int = 0
    household_new_max: int = 0
    content: ContentRules = NO_CONTENT_RULES
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        _check_matrix(self.matrix)
        _check_weights(self.weights)
        _check_rules(self.rules)
        if set(self.content.private) != set(AgeBand):
            raise Invalid("policy.content.private", f"must name {', '.join(AgeBand)}")

    def action(self, name: str) -> Action:
        """The row of an action, the strictest if it has none."""
        return self.actions.get(name, self.unlisted)


def policy_to_dict(policy: Policy) -> dict[str, Any]:
    """Plain values for storage, without what equals its default."""
    plain: dict[str, Any] = to_plain(policy)
    plain["schema"] = SCHEMA
    return plain


def policy_from_dict(plain: Mapping[str, Any]) -> Policy:
    """The policy of a stored version.

    Raises:
        Invalid: The schema is another one, a field is unknown, missing or of another type, or the numbers cannot work.
    """
    if plain.get("schema") != SCHEMA:
        raise Invalid("policy.schema", f"must be {SCHEMA}")
    return from_plain(Policy, {name: item for name, item in plain.items() if name != "schema"}, "policy")


def versioned(policy: Policy, version: int) -> Policy:
    """The same policy as that version, and so are the rules that it brought."""
    return replace(policy, version=version, rules=tuple(rule._replace(version=version) for rule in policy.rules))


def _check_matrix(matrix: Matrix) -> None:
    if STRICTEST not in matrix:
        raise Invalid(f"policy.matrix.{STRICTEST}", "is missing")
    for jurisdiction, rows in matrix.items():
        for action_class in ActionClass:
            cells: Cells = rows.get(action_class, {})
            for band in AgeBand:
                if band not in cells:
                    raise Invalid(f"policy.matrix.{jurisdiction}.{action_class}.{band}", "is missing")


def _check_weights(weights: Weights) -> None:
    """Refuse numbers by which more suspicion could lower a score, or whose tiers are out of order."""
    ramps = {**weights.velocity, **weights.referral}
    for name, ramp in ramps.items():
        if ramp.each < 0 or ramp.free < 0 or ramp.cap < 0:
            raise Invalid(f"policy.weights.{name}", "must not be negative")
    for part, rules in ((Velocity, weights.velocity), (Referral, weights.referral), (Trust, weights.trust)):
        for name in rules:
            if name not in part._fields:
                raise Invalid(f"policy.weights.{part.__name__.lower()}.{name}", "is not known")
    own, household = (weights.referral.get(name) for name in ("self_referral", "same_household"))
    if household is not None and (own is None or own.each < household.each):
        # A self-referral replaces the household's weight, and more suspicion must not lower a score.
        raise Invalid("policy.weights.referral.self_referral", "must not weigh less than same_household")
    numbers = [*weights.missing.values(), *weights.trust.values(), *weights.flags.severities.values()]
    if min(numbers, default=0) < 0 or min(weights.trust_cap, weights.referral_cap) < 0:
        raise Invalid("policy.weights", "must not be negative")
    if weights.flags.decay_days < 1:
        raise Invalid("policy.weights.flags.decay_days", "must be at least 1")
    order = list(Outcome)
    tiers = [(tier.score, order.index(tier.outcome)) for tier in weights.tiers]
    if any(low[0] >= high[0] or low[1] >= high[1] for low, high in pairwise(tiers)):
        raise Invalid("policy.weights.tiers", "must rise in score and in outcome")


def _check_rules(rules: tuple[Rule, ...]) -> None:
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.name in _TERMS or rule.name in seen:
            raise Invalid(f"policy.rule[{index}].name", "is the name of another rule")
        seen.add(rule.name)
        check_rule(rule, f"policy.rule[{index}]")


_TERMS = frozenset({
    *Velocity._fields, *Referral._fields, *Trust._fields, "email_disposable", "unknown_action", "signups_unknown",
    "referral_cap", "trust_cap", "flags_cap", "flag_source_cap",
})  # fmt: skip
"""Names that decisions tell already."""

_EVERY_LIMIT = tuple(WindowKey)
DEFAULT_POLICY = Policy(
    id="default",
    version=6,
    actions=CATALOGUE,
    unlisted=UNLISTED,
    matrix=MATRIX,
    weights=WEIGHTS,
    allow_lifts={
        ListKind.USER: _EVERY_LIMIT,
        ListKind.DEVICE: (WindowKey.DEVICE,),
        ListKind.IP: (WindowKey.ADDRESS,),
        ListKind.NETWORK: (WindowKey.ADDRESS,),
    },
    reconsent_supersedes=True,
    withdrawal_ends_older=True,
    household_members_max=8,
    household_new_max=2,
    content=CONTENT_RULES,
)

_FIFTH = replace(DEFAULT_POLICY, version=5, weights=WEIGHTS_TO_5)
_FOURTH = replace(_FIFTH, version=4, withdrawal_ends_older=False)
_THIRD = replace(_FOURTH, version=3, weights=WEIGHTS_TO_3, content=NO_CONTENT_RULES)
_SECOND = replace(_THIRD, version=2, household_members_max=0, household_new_max=0)

SHIPPED: Mapping[int, Policy] = {
    1: replace(_SECOND, version=1, reconsent_supersedes=False),
    2: _SECOND,
    3: _THIRD,
    4: _FOURTH,
    5: _FIFTH,
    6: DEFAULT_POLICY,
}
"""Every version of the default policy that ever decided: what it decided can be evaluated again."""
