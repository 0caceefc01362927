"""The score's part of a policy's file: the weights and the tiers, refused at a key that the file has."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from viral_engine.domain.errors import Invalid
from viral_engine.domain.facts import FlagSeverity, ListKind
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.toml_table import COUNT_MAX, Table
from viral_engine.domain.weights import FlagWeights, Ramp, Tier, Weights

__all__ = ["read_weights"]


def read_weights(top: Table, shipped: Weights) -> Weights:
    """The numbers of a file's tables `score` and `tiers`, the shipped ones where it has none.

    Raises:
        Invalid: With the path of a key that the file has.
    """
    score = top.table("score") or Table({}, "score")
    weights = Weights(
        velocity=_ramps(score.table("velocity"), shipped.velocity),
        referral=_referral(score.table("referral"), shipped.referral),
        referral_cap=score.number("referral_cap", shipped.referral_cap),
        missing=_numbers(score.table("missing"), shipped.missing),
        trust=_numbers(score.table("trust"), shipped.trust),
        trust_cap=score.number("trust_cap", shipped.trust_cap),
        flags=_reports(score.table("reports"), shipped.flags),
        email_disposable=_ramp(score.table("email_disposable"), shipped.email_disposable),
        unknown_action=_ramp(score.table("unknown_action"), shipped.unknown_action),
        signups_unknown=_ramp(score.table("signups_unknown"), shipped.signups_unknown),
        tiers=_tiers(top.table("tiers"), shipped.tiers),
    )
    score.end()
    return weights


def _tiers(table: Table | None, shipped: tuple[Tier, ...]) -> tuple[Tier, ...]:
    if table is None:
        return shipped
    before = {tier.outcome: tier.score for tier in shipped}
    scores = {outcome: table.number(outcome.value, before[outcome], low=1) for outcome in Outcome if outcome in before}
    table.end()
    numbers = [
        _Number(table.at(outcome.value), score, table.get(outcome.value) is not None, score != before[outcome])
        for outcome, score in scores.items()
    ]
    for low, high in pairwise(numbers):
        if low.value >= high.value:
            raise _collision(low, high, "below", "above")
    return tuple(Tier(score, outcome) for outcome, score in scores.items())


class _Number(NamedTuple):
    """A number that has to be in order with another.

    Attributes:
        is_told: Whether the file has it.
        is_new: Whether it is not as shipped.
    """

    path: str
    value: int
    is_told: bool
    is_new: bool


def _collision(low: _Number, high: _Number, below: str, above: str) -> Invalid:
    """The refusal of two numbers out of order: it blames one that the file has, and of two the one that it changed."""
    low_is_blamed = not high.is_told or (low.is_told and low.is_new and not high.is_new)
    blamed, other, must_be = (low, high, below) if low_is_blamed else (high, low, above)
    told = f"{other.path}, {other.value:,}" + ("" if other.is_told else " as shipped")
    return Invalid(blamed.path, f"is {blamed.value:,} and must be {must_be} {told}")


def _referral(table: Table | None, shipped: Mapping[str, Ramp]) -> Mapping[str, Ramp]:
    ramps = _ramps(table, shipped)
    household, own = (
        _Number(f"score.referral.{name}.each", ramps[name].each, _is_told(table, name), ramps[name] != shipped[name])
        for name in ("same_household", "self_referral")
    )
    if own.value < household.value:
        # A self-referral replaces the household's weight, and more suspicion must not lower a score.
        raise _collision(household, own, "at most", "at least")
    return ramps


def _is_told(table: Table | None, name: str) -> bool:
    ramp = None if table is None else table.table(name)
    return ramp is not None and ramp.get("each") is not None


def _ramps(table: Table | None, shipped: Mapping[str, Ramp]) -> Mapping[str, Ramp]:
    if table is None:
        return shipped
    ramps = {name: _ramp(table.table(name), ramp) for name, ramp in shipped.items()}
    table.end()
    return ramps


def _ramp(table: Table | None, shipped: Ramp) -> Ramp:
    if table is None:
        return shipped
    ramp = replace(
        shipped,
        each=table.number("each", shipped.each),
        free=table.number("free", shipped.free, high=COUNT_MAX),
        cap=table.number("cap", shipped.cap),
        lifted_by=table.words("lifted_by", ListKind, shipped.lifted_by),
    )
    table.end()
    has_its_numbers = (ramp.each, ramp.free, ramp.cap) == (shipped.each, shipped.free, shipped.cap)
    return ramp if has_its_numbers else replace(ramp, version=shipped.version + 1)


def _numbers(table: Table | None, shipped: Mapping[str, int]) -> Mapping[str, int]:
    if table is None:
        return shipped
    numbers = {name: table.number(name, number) for name, number in shipped.items()}
    table.end()
    return numbers


def _reports(table: Table | None, shipped: FlagWeights) -> FlagWeights:
    if table is None:
        return shipped
    weights = FlagWeights(
        {severity: table.number(severity.value, shipped.severities[severity]) for severity in FlagSeverity},
        decay_days=table.number("decay_days", shipped.decay_days, low=1, high=3_650),
        source_cap=table.number("source_cap", shipped.source_cap),
        cap=table.number("cap", shipped.cap),
        version=shipped.version,
    )
    table.end()
    return weights if weights == shipped else replace(weights, version=shipped.version + 1)
