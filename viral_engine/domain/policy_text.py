"""A policy written out whole as TOML, in the form that `policy_file` reads: `policy_of(policy_text(p))` is `p`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from viral_engine.domain.actions import Action
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.limits import Limit
from viral_engine.domain.matrix import ActionClass
from viral_engine.domain.policy import Policy
from viral_engine.domain.rules import Condition, Operator, Rule
from viral_engine.domain.weights import Ramp, Weights

__all__ = ["policy_text"]


def policy_text(policy: Policy) -> str:
    """The TOML of a policy, every number in it."""
    return (
        "\n".join([*_head(policy), *_limits(policy), *_matrix(policy), *_score(policy), *_rules(policy.rules)]) + "\n"
    )


def _head(policy: Policy) -> Iterator[str]:
    yield f"# Version {policy.version}. Whatever is left out of a file is as shipped."
    yield _pair("id", policy.id)
    yield from _table("tiers", {tier.outcome.value: tier.score for tier in policy.weights.tiers})
    yield from _table("signup", {
        "device_others_max": policy.signup_device_others_max, "address_others_max": policy.signup_address_others_max,
        "household_members_max": policy.household_members_max, "household_new_max": policy.household_new_max,
    })  # fmt: skip
    yield from _table("consent", {
        "version_min": policy.consent_version_min, "reconsent_supersedes": policy.reconsent_supersedes,
        "withdrawal_ends_older": policy.withdrawal_ends_older,
    })  # fmt: skip
    content = policy.content
    yield from _table("content", {
        "secret": content.secret, "off_platform": content.off_platform, "unseen": content.unseen,
    })  # fmt: skip
    yield from _table("content.private", {band.value: outcome for band, outcome in content.private.items()})
    yield from _table("allow_lifts", {kind.value: list(keys) for kind, keys in policy.allow_lifts.items()})


def _limits(policy: Policy) -> Iterator[str]:
    limits: dict[str, Limit] = {}
    for action in (*policy.actions.values(), policy.unlisted):
        limits |= {limit.window: limit for limit in action.limits}
    for name, limit in limits.items():
        yield from _table(f"limits.{name}", {
            "whose": limit.key, "attempts": limit.places, "seconds": limit.window_ms // 1_000, "reason": limit.reason,
        })  # fmt: skip
    for name, action in policy.actions.items():
        yield from _table(f"actions.{_key(name)}", _action(action))
    yield from _table("unlisted", {"limits": [limit.window for limit in policy.unlisted.limits]})


def _action(action: Action) -> dict[str, Any]:
    row = {
        "class": action.action_class, "data": action.data, "recipient": action.recipient,
        "limits": [limit.window for limit in action.limits], "outage": action.outage, "sensitive": action.sensitive,
        "signup": action.signup,
    }  # fmt: skip
    return {name: value for name, value in row.items() if value is not None}


def _matrix(policy: Policy) -> Iterator[str]:
    for jurisdiction, rows in policy.matrix.items():
        for action_class in ActionClass:
            cells = rows[action_class]
            yield from _table(
                f"matrix.{_key(jurisdiction)}.{action_class}", {band.value: cells[band] for band in AgeBand}
            )


def _score(policy: Policy) -> Iterator[str]:
    weights: Weights = policy.weights
    yield from _table("score", {"referral_cap": weights.referral_cap, "trust_cap": weights.trust_cap})
    for group, ramps in (("velocity", weights.velocity), ("referral", weights.referral)):
        for name, ramp in ramps.items():
            yield from _ramp(f"score.{group}.{name}", ramp)
    for name in ("email_disposable", "unknown_action", "signups_unknown"):
        yield from _ramp(f"score.{name}", getattr(weights, name))
    yield from _table("score.missing", weights.missing)
    yield from _table("score.trust", weights.trust)
    reports = weights.flags
    yield from _table("score.reports", {
        **{severity.value: weight for severity, weight in reports.severities.items()},
        "decay_days": reports.decay_days, "source_cap": reports.source_cap, "cap": reports.cap,
    })  # fmt: skip


def _ramp(name: str, ramp: Ramp) -> Iterator[str]:
    yield from _table(name, {
        "each": ramp.each, "free": ramp.free, "cap": ramp.cap, "lifted_by": list(ramp.lifted_by),
    })  # fmt: skip


def _rules(rules: Iterable[Rule]) -> Iterator[str]:
    for rule in rules:
        yield ""
        yield "[[rule]]"
        yield _pair("name", rule.name)
        yield _pair("why", rule.why)
        yield _pair("weight", rule.weight)
        yield f"when = {_condition(rule.when)}"
        for name in ("each", "free", "cap"):
            if getattr(rule, name):
                yield _pair(name, getattr(rule, name))
        if rule.fades is not None:
            yield f"fades = {{ fact = {_value(rule.fades.fact)}, days = {rule.fades.days} }}"


def _condition(condition: Condition) -> str:
    match condition.operator:
        case Operator.ALL | Operator.ANY as joined:
            return f"{{ {joined} = [{', '.join(_condition(part) for part in condition.parts)}] }}"
        case Operator.NOT:
            return f"{{ not = {_condition(condition.parts[0])} }}"
        case Operator.ONE_OF:
            wanted: Any = list(condition.words)
        case Operator.IS:
            wanted = bool(condition.number)
        case _:
            wanted = condition.number
    return f"{{ fact = {_value(condition.fact)}, {condition.operator} = {_value(wanted)} }}"


def _table(name: str, pairs: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"[{name}]"
    for key, value in pairs.items():
        yield _pair(str(key), value)


def _pair(key: str, value: Any) -> str:
    return f"{key} = {_value(value)}"


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() else json.dumps(name)


def _value(value: Any) -> str:
    # What JSON writes of these is TOML too.
    return f"[{', '.join(_value(item) for item in value)}]" if isinstance(value, list) else json.dumps(value)
