"""Rules of a policy's own: conditions on known facts, each with a weight. A closed language, read by no interpreter.

There are no expressions and no patterns: a condition compares one fact with a constant, or joins conditions. More
suspicion never lowers a score: a rule that asks for less of something suspicious, or for more of a proof, is refused.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from viral_engine.domain import canonical
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import DataClass, RecipientClass
from viral_engine.domain.content import holds_contact
from viral_engine.domain.decision import Contribution
from viral_engine.domain.duplicates import SignupUse
from viral_engine.domain.errors import Invalid
from viral_engine.domain.facts import Facts, Referral, Relation, Trust, Velocity

__all__ = ["KNOWN_FACTS", "Condition", "Fade", "KnownFact", "Leaning", "Rule", "Sort", "check_rule", "rule_terms"]

DEPTH_MAX = 8
PARTS_MAX = 32
WEIGHT_MAX = 100_000
"""A hundred points: nobody needs more to deny."""


class Sort(StrEnum):
    """What may be asked of a fact: numbers are compared, flags are true or false, words are one of some.

    Of a set of words it is asked whether any of them is one of some.
    """

    NUMBER = "number"
    FLAG = "flag"
    WORD = "word"
    WORDS = "set of words"


class Leaning(StrEnum):
    """What more of a fact says about an attempt."""

    SUSPICION = "suspicion"
    PROOF = "proof"
    NEITHER = "neither"


class KnownFact(NamedTuple):
    """One fact that rules may name.

    Attributes:
        about: What it is, for the page of the policy.
        read: Its value; None where it is not known, and no condition on it then holds.
        words: What a word may be, empty for any.
    """

    sort: Sort
    leaning: Leaning
    about: str
    read: Callable[[Facts], int | str | tuple[str, ...] | None]
    words: tuple[str, ...] = ()


class Operator(StrEnum):
    """What a condition does. The first four compare `fact`, the others join `parts`."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    IS = "is"
    ONE_OF = "one_of"
    ALL = "all"
    ANY = "any"
    NOT = "not"


class Condition(NamedTuple):
    """A comparison or a combination of conditions.

    Attributes:
        number: What a number is compared with; 0 or 1 for a flag.
        words: What a word, or each of a set of words, is compared with.
    """

    operator: Operator
    fact: str = ""
    number: int = 0
    words: tuple[str, ...] = ()
    parts: "tuple[Condition, ...]" = ()


class Fade(NamedTuple):
    """The weight shrinks in a straight line while `fact` grows, and is gone at `days`."""

    fact: str
    days: int


class Rule(NamedTuple):
    """One rule.

    Attributes:
        weight: Thousandths that it adds where its condition holds, of each unit if `each` is set; never negative.
        why: What one reads in a decision; `{n}` is the count of `each`.
        each: A number that is suspicious: every unit of it beyond `free` weighs.
        cap: Most that it adds; 0 for no limit of its own.
        version: The policy version in which it came to be as it is.
    """

    name: str
    weight: int
    why: str
    when: Condition
    each: str = ""
    free: int = 0
    cap: int = 0
    fades: Fade | None = None
    version: int = 1


def _number(about: str, read: Callable[[Facts], int | None], leaning: Leaning = Leaning.SUSPICION) -> KnownFact:
    return KnownFact(Sort.NUMBER, leaning, about, read)


def _flag(about: str, read: Callable[[Facts], bool], leaning: Leaning = Leaning.SUSPICION) -> KnownFact:
    return KnownFact(Sort.FLAG, leaning, about, read)


def _word(about: str, read: Callable[[Facts], str | None], words: Sequence[str] = ()) -> KnownFact:
    return KnownFact(Sort.WORD, Leaning.NEITHER, about, read, tuple(words))


def _parts(part: Any, group: str, about: str, leaning: Leaning) -> Iterator[tuple[str, KnownFact]]:
    for name, default in part._field_defaults.items():

        def read(facts: Facts, name: str = name) -> int:
            return int(getattr(getattr(facts, group), name))

        sort = Sort.FLAG if isinstance(default, bool) else Sort.NUMBER
        yield f"{group}.{name}", KnownFact(sort, leaning, about, read)


KNOWN_FACTS: Mapping[str, KnownFact] = {
    "action": _word("the action as it was asked for", lambda facts: facts.action),
    "age_band": _word("of the person concerned", lambda facts: facts.band, tuple(AgeBand)),
    "relation": _word("of the caller to the person concerned", lambda facts: facts.relation, tuple(Relation)),
    "jurisdiction": _word("of the person concerned, in lower case", lambda facts: facts.jurisdiction),
    "data_class": _word("as the request names it", lambda facts: facts.data_class, tuple(DataClass)),
    "recipient_class": _word("as the request names it", lambda facts: facts.recipient, tuple(RecipientClass)),
    "no_device_id": _flag("the request names no device", lambda facts: "device_id" in facts.missing),
    "no_ip_address": _flag("the request names no address", lambda facts: "ip_address" in facts.missing),
    "email_disposable": _flag("the e-mail's domain hands out throw-away boxes", lambda facts: facts.email_disposable),
    "reports": _number("reports about the user, the device or the address", lambda facts: len(facts.flags)),
    "report_sources": _number(
        "how many different sources reported", lambda facts: len({flag.source for flag in facts.flags})
    ),
    **dict(_parts(Velocity, "velocity", "see the tables below", Leaning.SUSPICION)),
    **dict(_parts(Referral, "referral", "see the tables below", Leaning.SUSPICION)),
    "signup.device_others": _number(
        "others who signed up on the device in a day", lambda facts: facts.signup.device_others
    ),
    "signup.address_others": _number(
        "others who signed up from the address in a day", lambda facts: facts.signup.address_others
    ),
    **dict(_parts(Trust, "trust", "what has been proved", Leaning.PROOF)),
    "allowed": _flag("something of the attempt is on the allow-list", lambda facts: bool(facts.allows), Leaning.PROOF),
    "account_age_days": _number(
        "whole days since the user was first put", lambda facts: facts.account_age_days, Leaning.PROOF
    ),
    "has_school": _flag("the user belongs to a school", lambda facts: facts.has_school, Leaning.PROOF),
    "content_contacts": _flag("the content holds contact details", holds_contact),
    "content_signals": _number(
        "how many signs the content shows: contact outside, secrecy, a meeting",
        lambda facts: len(facts.content_signals),
    ),
    "in_household": _flag(
        "the user belongs to a verified household", lambda facts: facts.in_household, Leaning.PROOF
    ),
    "labels": KnownFact(
        Sort.WORDS, Leaning.NEITHER, "the live labels on anything of the attempt", lambda facts: facts.labels
    ),
}  # fmt: skip
"""The closed catalogue: what a rule may ask for."""

_OF_WORDS = frozenset({Sort.WORD, Sort.WORDS})
_COMPARISONS = frozenset({Operator.AT_LEAST, Operator.AT_MOST, Operator.IS, Operator.ONE_OF})
assert {"device_others", "address_others"} < set(SignupUse._fields)


def rule_terms(rules: Sequence[Rule], facts: Facts) -> list[Contribution]:
    """The terms that a policy's own rules add, in the policy's order; what a fade or a cap takes off is a term too."""
    terms: list[Contribution] = []
    for rule in rules:
        if not _holds(rule.when, facts):
            continue
        count = 1
        if rule.each:
            count = max(0, (_value(rule.each, facts) or 0) - rule.free)
        weight = rule.weight * count
        if weight <= 0:
            continue
        terms.append(Contribution(rule.name, rule.version, weight, rule.why.replace("{n}", str(count + rule.free))))
        if rule.fades is not None:
            age_days = _value(rule.fades.fact, facts) or 0
            faded = weight * min(age_days, rule.fades.days) // rule.fades.days
            if faded:
                why = f"{age_days} of {rule.fades.days} days"
                terms.append(Contribution(f"{rule.name}_fade", rule.version, -faded, why))
                weight -= faded
        if 0 < rule.cap < weight:
            terms.append(Contribution(f"{rule.name}_cap", rule.version, rule.cap - weight, f"no more than {rule.cap}"))
    return terms


def check_rule(rule: Rule, path: str) -> None:
    """Refuse a rule that cannot work.

    Raises:
        Invalid: With the path of what is wrong.
    """
    if not 0 <= rule.weight <= WEIGHT_MAX:
        raise Invalid(f"{path}.weight", f"must be 0 to {WEIGHT_MAX}")
    if rule.free < 0 or rule.cap < 0:
        raise Invalid(f"{path}.{'free' if rule.free < 0 else 'cap'}", "must not be negative")
    if rule.each:
        each = _known(rule.each, f"{path}.each")
        if each.sort is not Sort.NUMBER or each.leaning is not Leaning.SUSPICION:
            raise Invalid(f"{path}.each", "must count something suspicious")
    elif rule.free:
        raise Invalid(f"{path}.free", "needs `each`")
    if rule.fades is not None:
        fading = _known(rule.fades.fact, f"{path}.fades.fact")
        if fading.sort is not Sort.NUMBER or fading.leaning is not Leaning.PROOF:
            raise Invalid(f"{path}.fades.fact", "must be a number that speaks for the user, such as account_age_days")
        if rule.fades.days < 1:
            raise Invalid(f"{path}.fades.days", "must be at least 1")
    if sum(1 for _ in _all_of(rule.when)) > PARTS_MAX:
        raise Invalid(f"{path}.when", f"must have at most {PARTS_MAX} parts")
    _check_condition(rule.when, f"{path}.when", rises=True, depth=1)


def _check_condition(condition: Condition, path: str, *, rises: bool, depth: int) -> None:
    """Refuse a condition on something unknown, or one by which more suspicion could make the rule hold no more."""
    if depth > DEPTH_MAX:
        raise Invalid(path, f"must be at most {DEPTH_MAX} deep")
    if condition.operator not in _COMPARISONS:
        if not condition.parts:
            raise Invalid(path, "must hold at least one condition")
        for part in condition.parts:
            _check_condition(part, path, rises=rises == (condition.operator is not Operator.NOT), depth=depth + 1)
        return
    fact = _known(condition.fact, f"{path}.fact")
    if (fact.sort in _OF_WORDS) != (condition.operator is Operator.ONE_OF):
        wanted = {Sort.NUMBER: "at_least or at_most", Sort.FLAG: "is"}.get(fact.sort, "is or one_of")
        raise Invalid(path, f"{condition.fact} is a {fact.sort}: compare it by {wanted}")
    if fact.sort is Sort.WORD:
        for word in condition.words:
            if fact.words and word not in fact.words:
                raise Invalid(path, f"{condition.fact} must be one of {', '.join(fact.words)}")
        return
    if fact.sort is Sort.WORDS:
        for word in condition.words:
            canonical.label(word, path)
        return
    if (fact.sort is Sort.FLAG) != (condition.operator is Operator.IS):
        wanted = "is" if fact.sort is Sort.FLAG else "at_least or at_most"
        raise Invalid(path, f"{condition.fact} is a {fact.sort}: compare it by {wanted}")
    asks_for_more = condition.operator is Operator.AT_LEAST or (
        condition.operator is Operator.IS and condition.number == 1
    )
    if fact.leaning is Leaning.SUSPICION and asks_for_more != rises:
        raise Invalid(path, f"more of {condition.fact} would lower the score")
    if fact.leaning is Leaning.PROOF and asks_for_more == rises:
        raise Invalid(path, f"more of {condition.fact} would raise the score, and it speaks for the user")


def _all_of(condition: Condition) -> Iterator[Condition]:
    yield condition
    for part in condition.parts:
        yield from _all_of(part)


def _known(name: str, path: str) -> KnownFact:
    fact = KNOWN_FACTS.get(name)
    if fact is None:
        raise Invalid(path, "is no known fact; docs/policy.md lists them")
    return fact


def _value(name: str, facts: Facts) -> Any:
    return KNOWN_FACTS[name].read(facts)


def _holds(condition: Condition, facts: Facts) -> bool:
    match condition.operator:
        case Operator.ALL:
            return all(_holds(part, facts) for part in condition.parts)
        case Operator.ANY:
            return any(_holds(part, facts) for part in condition.parts)
        case Operator.NOT:
            return not _holds(condition.parts[0], facts)
        case Operator.ONE_OF:
            found = _value(condition.fact, facts)
            return any(word in condition.words for word in (found if isinstance(found, tuple) else (found,)))
        case test:
            value = _value(condition.fact, facts)
            if value is None:
                return False
            if test is Operator.AT_LEAST:
                return bool(value >= condition.number)
            return bool(value <= condition.number if test is Operator.AT_MOST else value == condition.number)
